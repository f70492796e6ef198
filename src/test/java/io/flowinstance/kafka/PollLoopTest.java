package io.flowinstance.kafka;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.flowinstance.harness.MemoryKafka;
import io.flowinstance.metrics.PipelineMetrics;
import io.flowinstance.trace.Tracing;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PollLoopTest {
  private static final TopicPartition IDS = MemoryKafka.IDS;

  private final List<Long> called = new CopyOnWriteArrayList<>();
  private final List<Consumer<byte[], byte[]>> consumers = new CopyOnWriteArrayList<>();
  private final InFlight inFlight =
      new InFlight(
          new InFlightLimits(500, Duration.ofMillis(10), 1_024, 1 << 20, 1 << 20),
          idRecord -> null,
          call -> called.add(call.first().offset()));
  private volatile Runnable fault = () -> {};

  /** A consumer of three records from the committed offset 0 on. */
  private Consumer<byte[], byte[]> consumer() {
    MockConsumer<byte[], byte[]> consumer =
        new MockConsumer<>(OffsetResetStrategy.EARLIEST) {
          @Override
          public synchronized void subscribe(
              Collection<String> topics, ConsumerRebalanceListener to) {
            super.subscribe(topics, to);
            schedulePollTask(() -> rebalance(List.of(IDS)));
          }

          @Override
          public synchronized void resume(Collection<TopicPartition> partitions) {
            super.resume(partitions);
            if (!partitions.isEmpty()) {
              for (long offset = 0; offset < 3; offset++) {
                addRecord(new ConsumerRecord<>(IDS.topic(), 0, offset, null, new byte[1]));
              }
            }
          }

          @Override
          public synchronized long position(TopicPartition partition, Duration timeout) {
            fault.run();
            return super.position(partition, timeout);
          }

          @Override
          public ConsumerGroupMetadata groupMetadata() {
            return new ConsumerGroupMetadata("group", 1, "member", Optional.empty());
          }

          @Override
          public synchronized OptionalLong currentLag(TopicPartition partition) {
            return OptionalLong.of(0);
          }
        };
    consumer.updateBeginningOffsets(Map.of(IDS, 0L));
    consumers.add(consumer);
    return consumer;
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatWasPolledWhenSomethingBreaksIsPolledAgain(boolean ofKafka) throws Exception {
    fault =
        () -> {
          fault = () -> {};
          if (ofKafka) {
            throw new TopicAuthorizationException("Not for once.");
          }
          throw new NoClassDefFoundError("Not for once.");
        };
    PollLoop loop =
        new PollLoop(
            new PollLoop.Source(
                IDS.topic(),
                "group",
                this::consumer,
                new MemoryKafka(),
                new PipelineMetrics(new SimpleMeterRegistry(), Set.of(), Set.of()),
                Tracing.off()),
            inFlight,
            new HeapPermits(1 << 30),
            new ConsumerHealth(0, inFlight, new Faults(), System::nanoTime));
    Thread thread = new Thread(loop);
    thread.start();
    try {
      await().until(() -> called.size() == 3);
    } finally {
      loop.close();
      thread.join();
    }

    assertEquals(List.of(0L, 1L, 2L), called);
    assertEquals(2, consumers.size());
  }
}
