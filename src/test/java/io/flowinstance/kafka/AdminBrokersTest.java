package io.flowinstance.kafka;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Proxy;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.DescribeConfigsResult;
import org.apache.kafka.clients.admin.DescribeTopicsResult;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.internals.KafkaFutureImpl;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AdminBrokersTest {
  private static final TopicPartition ONE = new TopicPartition("ids", 0);
  private static final TopicPartition OTHER = new TopicPartition("ids", 1);

  private final Map<TopicPartition, KafkaException> failures = new HashMap<>();
  private final AdminBrokers brokers = new AdminBrokers(this::admin);
  private int timeoutMs;
  private int admins;
  private String cleanupPolicy;

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
              return switch (method.getName()) {
                case "listOffsets" -> {
                  timeoutMs = ((ListOffsetsOptions) arguments[1]).timeoutMs();
                  yield offsets((Map<?, ?>) arguments[0]);
                }
                case "describeTopics" -> topic((Set<?>) arguments[0]);
                case "describeConfigs" -> config((Set<?>) arguments[0]);
                default -> throw new UnsupportedOperationException(method.getName());
              };
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

  private static DescribeTopicsResult topic(Set<?> asked) {
    String name = (String) asked.iterator().next();
    Node node = new Node(1, "broker", 9092);
    return new DescribeTopicsResult(
        null,
        Map.of(
            name,
            KafkaFuture.completedFuture(
                new TopicDescription(
                    name,
                    false,
                    List.of(new TopicPartitionInfo(0, node, List.of(node), List.of(node))))))) {};
  }

  private DescribeConfigsResult config(Set<?> asked) {
    Config config = new Config(List.of(new ConfigEntry("cleanup.policy", cleanupPolicy)));
    return new DescribeConfigsResult(
        Map.of((ConfigResource) asked.iterator().next(), KafkaFuture.completedFuture(config))) {};
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
  void anErrorIsAnAnswerToo() {
    AtomicInteger made = new AtomicInteger();
    AdminBrokers failing =
        new AdminBrokers(
            () -> {
              if (made.incrementAndGet() == 1) {
                throw new OutOfMemoryError("unable to create native thread");
              }
              return admin();
            });

    assertTrue(fails(failing));
    assertFalse(failing.bounds(Set.of(ONE)).toCompletableFuture().join().isEmpty());
  }

  @Test
  void aClientWhoseThreadHasDiedIsMadeAnew() {
    failures.put(ONE, timedOut("no leader"));
    assertEquals(Map.of(OTHER, new DoneOffsets.Range(3, 3)), bounds().join());
    assertEquals(1, admins);

    failures.put(ONE, timedOut(AdminBrokers.DEAD));
    bounds().join();
    failures.clear();
    assertEquals(2, bounds().join().size());
    int made = admins;
    bounds().join();

    assertTrue(made > 1, made + " clients");
    assertEquals(made, admins);
  }

  /** As Kafka's client says it of a call. */
  private static TimeoutException timedOut(String why) {
    return new TimeoutException("Call(...) timed out.", new TimeoutException(why));
  }

  @Test
  void kafkasClientSaysThatItsThreadHasDiedInTheseWords() throws IOException {
    try (InputStream code =
        Admin.class.getResourceAsStream("KafkaAdminClient$AdminClientRunnable.class")) {
      assertTrue(new String(code.readAllBytes(), ISO_8859_1).contains(AdminBrokers.DEAD));
    }
  }

  @ParameterizedTest
  @CsvSource({"compact, true", "delete, false", "'compact,delete', false"})
  void theMemoryOfTheChangeFeedMustBeCompactedAndNothingElse(String policy, boolean remembers) {
    cleanupPolicy = policy;

    String fault = brokers.faultOfMemory(List.of("memory"), "read").toCompletableFuture().join();

    assertEquals(
        remembers
            ? ""
            : "Topic memory would delete what the change feed remembers: set its cleanup.policy to"
                + " compact.",
        fault);
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
