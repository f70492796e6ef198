package io.flowinstance.kafka;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.LogTruncationException;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.slf4j.LoggerFactory;

class PollLoopTest {
  private static final TopicPartition IDS = MemoryKafka.IDS;

  private final List<Long> called = new CopyOnWriteArrayList<>();
  private final List<Consumer<byte[], byte[]>> consumers = new CopyOnWriteArrayList<>();
  private final InFlight inFlight =
      new InFlight(
          new InFlightLimits(500, Duration.ofMillis(10), 1_024, 1 << 20, 1 << 20, 1 << 20),
          idRecord -> null,
          call -> called.add(call.first().offset()));
  private volatile Runnable fault = () -> {};
  private volatile Runnable atPoll = () -> {};
  private final Faults faults = new Faults();
  private final FakeBrokers brokers = new FakeBrokers();
  private volatile MockConsumer<byte[], byte[]> last;
  private volatile long lag;
  private PollLoop loop;
  private Thread thread;

  /** What the brokers say of the partition: nothing is committed; how many records it has. */
  private static final class FakeBrokers extends SilentBrokers {
    private volatile boolean hasLeader = true;
    private volatile long end = 3;
    private volatile CompletableFuture<Void> answering = CompletableFuture.completedFuture(null);

    @Override
    public CompletionStage<Map<TopicPartition, Optional<OffsetAndMetadata>>> committed(
        String groupId, Set<TopicPartition> partitions) {
      return answering.thenApply(none -> Map.of(IDS, Optional.empty()));
    }

    @Override
    public CompletionStage<Map<TopicPartition, DoneOffsets.Range>> bounds(
        Set<TopicPartition> partitions) {
      return CompletableFuture.completedStage(
          hasLeader ? Map.of(IDS, new DoneOffsets.Range(0, end)) : Map.of());
    }
  }

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
            if (!partitions.isEmpty() && position(IDS) == 0) {
              for (long offset = 0; offset < 3; offset++) {
                addRecord(new ConsumerRecord<>(IDS.topic(), 0, offset, null, new byte[1]));
              }
            }
          }

          @Override
          public synchronized ConsumerRecords<byte[], byte[]> poll(Duration timeout) {
            atPoll.run();
            return super.poll(timeout);
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
            return OptionalLong.of(lag);
          }
        };
    consumer.updateBeginningOffsets(Map.of(IDS, 0L));
    consumers.add(consumer);
    last = consumer;
    return consumer;
  }

  private void start() {
    start(this::consumer);
  }

  private void start(Supplier<Consumer<byte[], byte[]>> made) {
    PublishTarget target =
        new PublishTarget(
            null,
            null,
            0,
            Duration.ofSeconds(4),
            new PipelineMetrics(new SimpleMeterRegistry(), Set.of(), Set.of()),
            Tracing.off(),
            null);
    loop =
        new PollLoop(
            IDS.topic(),
            made,
            new FlowKafkaComponent.Parts(
                brokers, null, null, new HeapPermits(1 << 30, 1), null, target, ""),
            inFlight,
            new ConsumerHealth(0, inFlight, faults, System::nanoTime));
    thread = new Thread(loop);
    thread.start();
  }

  @AfterEach
  void close() throws Exception {
    loop.close();
    thread.join();
  }

  private void awaitAllCalled() {
    await().until(() -> called.equals(List.of(0L, 1L, 2L)));
  }

  static List<Throwable> faults() {
    return List.of(
        new TopicAuthorizationException("Not for once."),
        new NoClassDefFoundError("Not for once."),
        new OutOfMemoryError("Not for once."));
  }

  @ParameterizedTest
  @MethodSource("faults")
  void whatWasPolledWhenSomethingBreaksIsPolledAgain(Throwable thrown) {
    fault =
        () -> {
          fault = () -> {};
          if (thrown instanceof Error error) {
            throw error;
          }
          throw (RuntimeException) thrown;
        };
    start();

    awaitAllCalled();
    assertEquals(2, consumers.size());
  }

  @Test
  void aLogThatIsSeenToBeTruncatedWhilePollingCostsNoConsumer() {
    fault =
        () -> {
          fault = () -> {};
          throw new LogTruncationException(Map.of(IDS, 0L), Map.of());
        };
    start();

    awaitAllCalled();
    assertEquals(1, consumers.size());
  }

  @Test
  void anOffsetThatIsGoneFromAPartitionOfAnotherConsumerCostsNothing() {
    start();
    awaitAllCalled();
    last.setPollException(
        new OffsetOutOfRangeException(Map.of(new TopicPartition(IDS.topic(), 7), 5L)));
    last.schedulePollTask(() -> lag = 9);

    await().until(() -> inFlight.lag() == 9);
    assertEquals(1, consumers.size());
    assertEquals(Set.of(), last.paused());
  }

  @Test
  void whatAnErrorTookFromThePollIsPolledAgain() {
    start();
    awaitAllCalled();
    last.schedulePollTask(
        () -> {
          // As if it had collected a record.
          last.seek(IDS, 4);
          throw new NoClassDefFoundError("Not for once.");
        });

    await().until(() -> last.position(IDS) == 3);
    awaitCalled(3);
    assertEquals(1, consumers.size());
  }

  @Test
  void aBatchThatNeedsAMissingLibraryHoldsUpItsPartitionAloneAndNobodyIsToldToDeleteIt() {
    start();
    awaitAllCalled();
    AtomicBoolean isKept = new AtomicBoolean();
    atPoll =
        () -> {
          // As Kafka's client does: an Error first, and from then on that something failed there.
          boolean wasKept = isKept.getAndSet(last.position(IDS) == 3);
          if (isKept.get() && !last.paused().contains(IDS)) {
            if (!wasKept) {
              throw new NoClassDefFoundError("org/xerial/snappy/Snappy");
            }
            throw new KafkaException(
                "Received exception when fetching the next record from %s. If needed, please seek past the record."
                    .formatted(IDS));
          }
        };
    await().until(() -> faults.all().stream().anyMatch(each -> each.startsWith("A batch")));

    String sentence = String.join(" ", faults.all());
    assertTrue(sentence.contains("cannot be unpacked"), sentence);
    assertFalse(sentence.contains("delete"), sentence);
    assertEquals(1, consumers.size());
  }

  /** As Kafka's client says it. */
  private static KafkaException brokenBatch() {
    return new KafkaException(
        "Received exception when fetching the next record from %s. If needed, please seek past the record to continue consumption."
            .formatted(IDS),
        new KafkaException(
            "Record batch for partition %s at offset 3 is invalid, cause: crc".formatted(IDS)));
  }

  private void awaitCalled(long offset) {
    await()
        .until(
            () -> {
              last.schedulePollTask(
                  () ->
                      last.addRecord(
                          new ConsumerRecord<>(IDS.topic(), 0, offset, null, new byte[1])));
              return called.contains(offset);
            });
  }

  @Test
  void aBatchThatBrokeOnItsWayIsFetchedAgain() {
    start();
    awaitAllCalled();
    last.setPollException(brokenBatch());

    awaitCalled(3);
    assertEquals(List.of(0L, 1L, 2L, 3L), called);
    assertEquals(1, consumers.size());
    assertEquals(List.of(), faults.all());
  }

  @Test
  void aBatchThatIsBrokenHoldsUpItsPartitionAloneAndIsNamedUntilThatMoves() {
    start();
    awaitAllCalled();
    await()
        .until(
            () -> {
              last.setPollException(brokenBatch());
              return !faults.all().isEmpty();
            });

    String sentence = faults.all().get(0);
    assertTrue(sentence.contains("A batch cannot be read: that of " + IDS), sentence);
    assertTrue(sentence.contains("is invalid, cause: crc"), sentence);
    await().until(() -> last.paused().equals(Set.of(IDS)));
    assertEquals(3, last.position(IDS));
    assertEquals(1, consumers.size());

    // Its next owner finds the same: nothing is resolved.
    ListAppender<ILoggingEvent> log = new ListAppender<>();
    Logger logger = (Logger) LoggerFactory.getLogger(Faults.class);
    log.start();
    logger.addAppender(log);
    try {
      last.schedulePollTask(() -> loop.onPartitionsRevoked(List.of(IDS)));
      await().until(() -> faults.all().isEmpty());
      assertEquals(List.of(), log.list);
    } finally {
      logger.detachAppender(log);
    }
  }

  @Test
  void theLagCountsWhatTheBrokersHaveAndTheConsumerHasNotHeardOf() {
    brokers.end = 12;
    start();
    awaitAllCalled();

    await().until(() -> inFlight.lag() == 9);
  }

  @Test
  void aTruncatedPartitionWhosePositionIsThereIsReadOn() {
    start();
    awaitAllCalled();
    last.setPollException(new OffsetOutOfRangeException(Map.of(IDS, 3L)));

    awaitCalled(3);
    assertEquals(1, consumers.size());
  }

  @Test
  void aPartitionWithoutALeaderIsNamedUntilItStartsOrMoves() {
    brokers.hasLeader = false;
    lag = 7;
    start();
    await().until(() -> !faults.all().isEmpty());
    assertTrue(faults.all().get(0).contains(IDS + " does not answer"), faults::toString);
    assertEquals(0, inFlight.lag());

    last.schedulePollTask(() -> loop.onPartitionsRevoked(List.of(IDS)));
    await().until(() -> faults.all().isEmpty());
    last.schedulePollTask(() -> loop.onPartitionsAssigned(List.of(IDS)));
    await().until(() -> !faults.all().isEmpty());

    brokers.hasLeader = true;
    awaitAllCalled();
    await().until(() -> faults.all().isEmpty() && inFlight.lag() == 7);
  }

  @Test
  void consumersThatCannotBeMadeAreTriedAtAGrowingPaceThoughAnAnswerIsThere() throws Exception {
    CompletableFuture<Void> answering = new CompletableFuture<>();
    brokers.answering = answering;
    AtomicInteger tries = new AtomicInteger();
    start(
        () -> {
          if (tries.incrementAndGet() > 1) {
            throw new KafkaException("The token endpoint is down.");
          }
          return consumer();
        });
    await().until(() -> last != null && !last.assignment().isEmpty());
    last.setPollException(new KafkaException("no") {});
    last.schedulePollTask(
        () -> {
          answering.complete(null);
          throw new IllegalStateException("The consumer is made anew.");
        });
    await().until(() -> tries.get() == 3);
    int before = tries.get();
    long from = System.nanoTime();
    await().until(() -> tries.get() == before + 2);

    assertTrue(System.nanoTime() - from > Duration.ofMillis(250).toNanos());
  }
}
