package io.flowinstance.kafka;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Proxy;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.internals.KafkaFutureImpl;
import org.junit.jupiter.api.Test;

class AdminBrokersTest {
  private static final TopicPartition ONE = new TopicPartition("ids", 0);
  private static final TopicPartition OTHER = new TopicPartition("ids", 1);

  private final Map<TopicPartition, KafkaException> failures = new HashMap<>();
  private final AdminBrokers brokers = new AdminBrokers(this::admin);
  private int timeoutMs;
  private int admins;

  private Admin admin() {
    admins++;
    return (Admin)
        Proxy.newProxyInstance(
            Admin.class.getClassLoader(),
            new Class<?>[] {Admin.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("close")) {
                return null;
              }
              if (!method.getName().equals("listOffsets")) {
                throw new UnsupportedOperationException(method.getName());
              }
              timeoutMs = ((ListOffsetsOptions) arguments[1]).timeoutMs();
              return offsets((Map<?, ?>) arguments[0]);
            });
  }

  private ListOffsetsResult offsets(Map<?, ?> asked) {
    TopicPartition partition = (TopicPartition) asked.keySet().iterator().next();
    KafkaFutureImpl<ListOffsetsResultInfo> future = new KafkaFutureImpl<>();
    if (failures.containsKey(partition)) {
      future.completeExceptionally(failures.get(partition));
    } else {
      future.complete(new ListOffsetsResultInfo(3, -1, Optional.empty()));
    }
    return new ListOffsetsResult(
        Map.<TopicPartition, KafkaFuture<ListOffsetsResultInfo>>of(partition, future));
  }

  private static boolean fails(AdminBrokers asked) {
    return asked.partitions("ids").toCompletableFuture().isCompletedExceptionally();
  }

  @Test
  void whoAsksWhileNoClientCanBeMadeSharesTheFailureForAMoment() {
    AtomicInteger made = new AtomicInteger();
    AdminBrokers failing =
        new AdminBrokers(
            () -> {
              made.incrementAndGet();
              throw new IllegalStateException("not even a failure of Kafka");
            });

    for (int i = 0; i < 20; i++) {
      assertTrue(fails(failing));
    }
    assertTrue(made.get() < 20, made + " attempts");
    int before = made.get();
    await().until(() -> fails(failing) && made.get() > before);
  }

  @Test
  void whoAsksAfterTheEndIsRefused() {
    assertFalse(bounds().join().isEmpty());
    brokers.close();

    assertTrue(bounds().isCompletedExceptionally());
    assertEquals(1, admins);
  }

  private CompletableFuture<Map<TopicPartition, DoneOffsets.Range>> bounds() {
    return brokers.bounds(Set.of(ONE, OTHER)).toCompletableFuture();
  }

  @Test
  void aPartitionWithoutALeaderIsLeftOutSoonAndTheOthersAreThere() {
    failures.put(OTHER, new TimeoutException("no leader"));

    assertEquals(Map.of(ONE, new DoneOffsets.Range(3, 3)), bounds().join());
    assertTrue(timeoutMs <= 5_000, timeoutMs + " ms");
  }

  @Test
  void partitionsOfWhichNoneHasALeaderAreLeftOut() {
    failures.put(ONE, new TimeoutException("no leader"));
    failures.put(OTHER, new TimeoutException("no leader"));

    assertEquals(Map.of(), bounds().join());
  }

  @Test
  void brokersThatRefuseToSayAreAFailure() {
    failures.put(ONE, new TopicAuthorizationException("ids"));
    failures.put(OTHER, new TopicAuthorizationException("ids"));

    assertTrue(bounds().isCompletedExceptionally());
  }
}
