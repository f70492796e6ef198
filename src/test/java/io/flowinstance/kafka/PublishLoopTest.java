package io.flowinstance.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.harness.ManualClock;
import io.flowinstance.id.IdRecord;
import io.flowinstance.id.IdRecordReader;
import io.flowinstance.metrics.PipelineMetrics;
import io.flowinstance.outcome.DeadLetterReason;
import io.flowinstance.outcome.DeadLetters;
import io.flowinstance.outcome.EventMessages;
import io.flowinstance.outcome.Outcome;
import io.flowinstance.trace.Tracing;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.lang.ref.WeakReference;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class PublishLoopTest {
  private static final int LIMIT = 10_000;
  private static final TopicPartition IDS = new TopicPartition("ids", 0);
  private static final DoneOffsets.Range ALL = new DoneOffsets.Range(0, Long.MAX_VALUE);
  private static final TopicPartition OTHERS = new TopicPartition("ids", 1);

  private final MeterRegistry meters = new SimpleMeterRegistry();
  private final DeadLetters deadLetters =
      new DeadLetters("dead-letters", new IdRecordReader(null, null), Clock.systemUTC());
  private final List<MockProducer<byte[], byte[]>> producers = new ArrayList<>();
  private final List<SharedCall> routed = new ArrayList<>();
  private final List<RecordsInFlight> restarted = new ArrayList<>();
  private final HeapPermits heap = new HeapPermits(1 << 20, 1);
  private final InFlight inFlight =
      new InFlight(
          new InFlightLimits(1, Duration.ofMinutes(1), 1_000, 1 << 20, 1 << 20, 1 << 20),
          idRecord -> null,
          routed::add);
  private final RecordsInFlight ids = new RecordsInFlight(IDS, heap.newShare());
  private final RecordsInFlight others = new RecordsInFlight(OTHERS, heap.newShare());
  private final FakeBrokers brokers = new FakeBrokers();
  private final ConsumerHealth health =
      new ConsumerHealth(0, inFlight, new Faults(), System::nanoTime);
  private final ManualClock clock = new ManualClock();
  private static final MetricName SPLIT_BATCHES =
      new MetricName("batch-split-total", "producer-metrics", "", Map.of());

  private final Metric splitBatches =
      new Metric() {
        @Override
        public MetricName metricName() {
          return SPLIT_BATCHES;
        }

        @Override
        public Object metricValue() {
          return splits;
        }
      };
  private final PublishTarget target =
      new PublishTarget(
          new EventMessages("events", "task-events", "", ""),
          deadLetters,
          LIMIT,
          Duration.ofSeconds(4),
          new PipelineMetrics(
              meters, Set.of("EVENT_TOO_LARGE", "MALFORMED_ID", "UNREADABLE_TASK"), Set.of()),
          Tracing.off(),
          clock);
  private final PublishLoop loop = loop(inFlight);

  private Predicate<ProducerRecord<byte[], byte[]>> tooLarge = message -> false;
  private Predicate<ProducerRecord<byte[], byte[]>> invalid = message -> false;
  private final List<KafkaException> commitFailures = new ArrayList<>();
  private boolean failedCommitsCount;
  private int metadataLimit = Integer.MAX_VALUE;
  private boolean refusesAtFlush;
  private boolean answersAtFlush;
  private Runnable atFlush = () -> {};
  private Runnable atCommit = () -> {};
  private final List<Callback> unanswered = new ArrayList<>();
  private int done;

  /** How long it takes to send a message; a transaction that takes too long is ended. */
  private Duration sending = Duration.ZERO;

  private Duration longestTimeout = Duration.ofMinutes(15);
  private final List<Duration> timeouts = new ArrayList<>();
  private final List<Integer> batches = new ArrayList<>();
  private double splits;
  private int splitsAtSend;
  private final List<Integer> sent = new ArrayList<>();

  /** What the brokers would say of the group, and of the topics. */
  private static final class FakeBrokers extends SilentBrokers {
    private final Map<TopicPartition, OffsetAndMetadata> committed = new HashMap<>();
    private String fault = "";
    private boolean pending;
    private final Set<TopicPartition> pendingPartitions = new HashSet<>();

    @Override
    public CompletionStage<Map<TopicPartition, Optional<OffsetAndMetadata>>> committed(
        String groupId, Set<TopicPartition> partitions) {
      assertEquals("group", groupId);
      Map<TopicPartition, Optional<OffsetAndMetadata>> answer = new HashMap<>();
      if (!pending) {
        committed.forEach((partition, offset) -> answer.put(partition, Optional.of(offset)));
        answer.keySet().retainAll(partitions);
        answer.keySet().removeAll(pendingPartitions);
      }
      return CompletableFuture.completedStage(answer);
    }

    @Override
    public CompletionStage<String> faultOf(List<String> topics, String deadLetterTopic) {
      assertEquals(List.of("events", "task-events", "dead-letters"), topics);
      assertEquals("dead-letters", deadLetterTopic);
      return CompletableFuture.completedStage(fault);
    }
  }

  private PublishLoop loop(InFlight of) {
    return new PublishLoop(of, this::producer, brokers, target, health, restarted::addAll);
  }

  private MockProducer<byte[], byte[]> producer(Duration timeout, int batchBytes) {
    timeouts.add(timeout);
    batches.add(batchBytes);
    MockProducer<byte[], byte[]> producer =
        new MockProducer<>(true, new ByteArraySerializer(), new ByteArraySerializer()) {
          private Map<TopicPartition, OffsetAndMetadata> offsets;
          private Instant began;

          @Override
          public void initTransactions() {
            if (timeout.compareTo(longestTimeout) > 0) {
              throw new KafkaException(
                  "Unexpected error in InitProducerIdResponse; "
                      + Errors.INVALID_TRANSACTION_TIMEOUT.message());
            }
            super.initTransactions();
          }

          @Override
          public void beginTransaction() {
            super.beginTransaction();
            began = clock.instant();
            sent.add(0);
          }

          @Override
          public synchronized java.util.concurrent.Future<RecordMetadata> send(
              ProducerRecord<byte[], byte[]> message, Callback callback) {
            clock.forward(sending);
            splits += splitsAtSend;
            sent.set(sent.size() - 1, sent.get(sent.size() - 1) + 1);
            if (Duration.between(began, clock.instant()).compareTo(timeout) > 0) {
              fenceProducer();
              throw new KafkaException(new InvalidProducerEpochException("ended"));
            }
            if (answersAtFlush) {
              unanswered.add(callback);
              return CompletableFuture.completedFuture(null);
            }
            if (refusesAtFlush) {
              unanswered.add(callback);
              return super.send(message, (place, failure) -> {});
            }
            if (tooLarge.test(message)) {
              callback.onCompletion(null, new RecordTooLargeException("over the topic's limit"));
            } else if (invalid.test(message)) {
              callback.onCompletion(null, new InvalidRecordException("no key"));
            }
            return super.send(message, callback);
          }

          @Override
          public synchronized void flush() {
            super.flush();
            atFlush.run();
            // Kafka's client gives all that it has not sent the failure of the first.
            RuntimeException failure =
                refusesAtFlush ? new RecordTooLargeException("too large") : null;
            refusesAtFlush = false;
            unanswered.forEach(callback -> callback.onCompletion(null, failure));
            unanswered.clear();
          }

          @Override
          public void sendOffsetsToTransaction(
              Map<TopicPartition, OffsetAndMetadata> toCommit, ConsumerGroupMetadata group) {
            if (toCommit.values().stream().anyMatch(c -> c.metadata().length() > metadataLimit)) {
              throw new KafkaException(
                  "Unexpected error in TxnOffsetCommitResponse: "
                      + Errors.OFFSET_METADATA_TOO_LARGE.message());
            }
            offsets = toCommit;
            super.sendOffsetsToTransaction(toCommit, group);
          }

          @Override
          public void commitTransaction() {
            atCommit.run();
            if (!commitFailures.isEmpty()) {
              if (failedCommitsCount) {
                super.commitTransaction();
                brokers.committed.putAll(offsets);
              }
              throw commitFailures.remove(0);
            }
            super.commitTransaction();
            brokers.committed.putAll(offsets);
          }
        };
    producer.setMockMetrics(SPLIT_BATCHES, splitBatches);
    producers.add(producer);
    return producer;
  }

  @BeforeEach
  void start() {
    brokers.committed.put(IDS, new OffsetAndMetadata(5));
    brokers.committed.put(OTHERS, new OffsetAndMetadata(5));
    inFlight.own(owned(ids, others));
    inFlight.start(ids, new OffsetAndMetadata(5), ALL);
    inFlight.start(others, new OffsetAndMetadata(5), ALL);
  }

  private static InFlight.Owned owned(RecordsInFlight... partitions) {
    Map<TopicPartition, RecordsInFlight> byPartition = new HashMap<>();
    for (RecordsInFlight records : partitions) {
      byPartition.put(records.partition(), records);
    }
    return new InFlight.Owned(
        new ConsumerGroupMetadata("group", 3, "member", Optional.empty()), byPartition);
  }

  private static IdRecord id(TopicPartition partition, long offset) {
    return new IdRecord(
        partition, offset, 1, "k".getBytes(UTF_8), "id".getBytes(UTF_8), new RecordHeaders());
  }

  /** Polls a record; its call. */
  private SharedCall poll(RecordsInFlight records, IdRecord idRecord) {
    inFlight.add(records, List.of(idRecord), idRecord.offset() + 1);
    return routed.get(routed.size() - 1);
  }

  private void ready(SharedCall call, List<ProducerRecord<byte[], byte[]>> messages) {
    inFlight.ready(call, List.of(Outcome.of(call.first(), messages)), () -> done++);
  }

  /** Polls a record that comes to one event. */
  private void event(RecordsInFlight records, long offset, String value) {
    ready(
        poll(records, id(records.partition(), offset)),
        List.of(new ProducerRecord<>("events", value.getBytes(UTF_8))));
  }

  private List<String> published(int producer) {
    return producers.get(producer).history().stream()
        .map(message -> new String(message.value(), UTF_8))
        .toList();
  }

  private Map<TopicPartition, OffsetAndMetadata> lastCommit(int producer) {
    var commits = producers.get(producer).consumerGroupOffsetsHistory();
    return commits.get(commits.size() - 1).get("group");
  }

  private static String header(ProducerRecord<byte[], byte[]> message, String name) {
    return new String(message.headers().lastHeader("dead-letter-" + name).value(), UTF_8);
  }

  @Test
  void commitsOutcomesAndTheOffsetsOfTheirRecordsTogether() throws Exception {
    event(ids, 5, "a");
    event(others, 5, "b");
    poll(ids, id(IDS, 6));
    event(ids, 7, "c");
    loop.publishNext();
    loop.publishNext();
    loop.publishNext();

    assertEquals(Set.of("a", "b", "c"), Set.copyOf(published(0)));
    assertEquals(new OffsetAndMetadata(6, "1:6:1,1"), brokers.committed.get(IDS));
    assertEquals(new OffsetAndMetadata(6), brokers.committed.get(OTHERS));
    assertEquals(3, done);
    assertEquals(0, heap.taken());
  }

  @Test
  void nothingIsReadyOnceItsPartitionIsGone() {
    event(ids, 5, "a");
    assertTrue(inFlight.readySince() != 0);

    inFlight.drop(List.of(ids));

    assertEquals(0, inFlight.readySince());
  }

  @Test
  void countsTheInstanceAndItsTasks() throws Exception {
    ProducerRecord<byte[], byte[]> task = new ProducerRecord<>("task-events", new byte[0]);
    ready(
        poll(ids, id(IDS, 5)),
        List.of(new ProducerRecord<>("events", new byte[0]), task, task, task));
    loop.publishNext();

    assertEquals(1, messages("flow_instance"));
    assertEquals(3, messages("task_status"));
    assertEquals(0, messages("dead_letter"));
    assertEquals(
        1, meters.get("flow.instance.outcomes").tag("outcome", "events").counter().count());
    assertEquals(1, meters.get("flow.instance.id.age").timer().count());
  }

  private double messages(String kind) {
    return meters.get("flow.instance.messages").tag("message", kind).counter().count();
  }

  @Test
  void leavesARecordWithoutATimeOutOfTheAges() throws Exception {
    IdRecord timeless = new IdRecord(IDS, 5, 0, null, null, new RecordHeaders());
    ready(poll(ids, timeless), List.of(new ProducerRecord<>("events", new byte[0])));
    loop.publishNext();

    assertEquals(0, meters.get("flow.instance.id.age").timer().count());
  }

  @Test
  void sendsNothingWhileATopicIsMissingAndGoesOnWhenItIsMade() throws Exception {
    brokers.fault = "Topic events does not exist: create it.";
    event(ids, 5, "a");

    assertEquals(
        brokers.fault, assertThrows(NotReadyException.class, loop::publishNext).getMessage());
    assertEquals(List.of(), producers);
    brokers.fault = "";
    loop.publishNext();
    assertEquals(List.of("a"), published(0));
  }

  @Test
  void publishesAgainWhatWasCertainlyNotCommittedWithANewProducer() throws Exception {
    commitFailures.add(new ProducerFencedException("fenced"));
    event(ids, 5, "a");

    assertThrows(KafkaException.class, loop::publishNext);
    assertTrue(producers.get(0).closed());
    assertEquals(0, done);
    loop.publishNext();
    loop.publishNext();

    assertEquals(List.of(), published(0));
    assertEquals(List.of("a"), published(1));
    assertEquals(1, done);
  }

  @Test
  void publishesNothingTwiceWhenOnlyTheAnswerOfTheCommitWasLost() throws Exception {
    failedCommitsCount = true;
    commitFailures.add(new ProducerFencedException("fenced"));
    event(ids, 5, "a");

    assertThrows(KafkaException.class, loop::publishNext);
    loop.publishNext();

    assertEquals(List.of("a"), published(0));
    assertEquals(List.of(), published(1));
    assertEquals(1, done);
    assertEquals(0, inFlight.size());
  }

  @Test
  void aPartitionThatMovedOnDoesNotDecideACommit() throws Exception {
    RecordsInFlight fresh = new RecordsInFlight(OTHERS, heap.newShare());
    inFlight.own(owned(ids, fresh));
    inFlight.start(fresh, null, ALL);
    commitFailures.add(new ProducerFencedException("fenced"));
    event(ids, 5, "a");
    assertThrows(KafkaException.class, loop::publishNext);

    // Its next owner commits what the transaction would have.
    inFlight.own(owned(ids));
    inFlight.drop(List.of(fresh));
    brokers.committed.put(OTHERS, new OffsetAndMetadata(0));
    loop.publishNext();
    loop.publishNext();

    assertEquals(List.of("a"), published(1));
    assertEquals(1, done);
  }

  @Test
  void aPartitionThatMovedOnKeepsNobodyWaiting() throws Exception {
    commitFailures.add(new ProducerFencedException("fenced"));
    event(ids, 5, "a");
    event(others, 5, "b");
    // One outcome is a whole batch: the commit of the other partition is due after a second.
    assertThrows(KafkaException.class, loop::publishNext);
    inFlight.own(owned());
    inFlight.drop(List.of(ids, others));
    brokers.pendingPartitions.addAll(List.of(IDS, OTHERS));

    loop.publishNext();

    assertEquals(2, done);
    assertEquals(0, heap.taken());
  }

  @Test
  void aTransactionThatOutlastsItsTimeIsTriedWithMoreTimeAndLessInIt() throws Exception {
    sending = Duration.ofSeconds(5);
    for (int offset = 5; offset < 25; offset++) {
      event(ids, offset, "x".repeat(100));
    }
    while (done < 20) {
      try {
        loop.publishNext();
      } catch (NotReadyException e) {
        assertTrue(
            e.getMessage().contains("took longer than kafka.transaction-timeout-ms (4000 ms)"),
            e.getMessage());
      }
    }

    assertEquals(Duration.ofSeconds(4), timeouts.get(0));
    assertEquals(Duration.ofSeconds(8), timeouts.get(1));
    assertTrue(timeouts.stream().allMatch(each -> each.toSeconds() <= 60), timeouts::toString);

    sending = Duration.ZERO;
    for (int offset = 25; offset < 35; offset++) {
      event(ids, offset, "y");
      loop.publishNext();
    }
    assertEquals(Duration.ofSeconds(4), timeouts.get(timeouts.size() - 1));
  }

  @Test
  void batchesThatATopicFindsTooLargeAreMadeSmaller() throws Exception {
    sending = Duration.ofSeconds(5);
    splitsAtSend = 1;
    event(ids, 5, "x");
    event(ids, 6, "y");

    NotReadyException first = assertThrows(NotReadyException.class, loop::publishNext);
    assertEquals(
        "A topic takes no batch of 131072 bytes: its max.message.bytes is smaller. From now on, a"
            + " batch has at most 8192.",
        first.getMessage());
    sending = Duration.ofSeconds(9);
    assertThrows(NotReadyException.class, loop::publishNext);
    sending = Duration.ZERO;
    while (done < 2) {
      loop.publishNext();
    }
    assertEquals(List.of(131072, 8192, 0), batches.subList(0, 3));

    splitsAtSend = 0;
    sending = Duration.ofMinutes(2);
    event(ids, 7, "z");
    NotReadyException slow = assertThrows(NotReadyException.class, loop::publishNext);
    assertTrue(slow.getMessage().startsWith("A transaction took longer"), slow.getMessage());
  }

  @Test
  void batchesAreMadeSmallerAlsoWhereTheBrokersEndNoTransactionOfARefusedOne() throws Exception {
    splitsAtSend = 1;
    atFlush =
        () -> {
          throw new TimeoutException("expired");
        };
    event(ids, 5, "x");

    assertThrows(NotReadyException.class, loop::publishNext);
    atFlush = () -> {};
    while (done < 1) {
      loop.publishNext();
    }

    assertEquals(List.of(131072, 8192), batches);
  }

  @Test
  void aTransactionHoldsOneOutcomeHoweverOftenItIsHalved() throws Exception {
    event(ids, 5, "a");
    event(ids, 6, "b");

    InFlight.Transaction least = inFlight.next(40);

    assertEquals(1, least.all().size());
    inFlight.aborted(least);
  }

  private void publishesAllBut(String position) throws Exception {
    event(others, 5, "a");
    for (int attempt = 0; attempt < 3; attempt++) {
      loop.publishNext();
    }
    assertEquals(List.of("a"), published(0));
    assertEquals(1, done);
    String broken = "The messages of " + position + " cannot be made (";
    assertTrue(health.uncommitted(0).startsWith(broken), health.uncommitted(0));
    assertFalse(inFlight.isInTransaction(ids));
  }

  @Test
  void aMessageThatCannotBeSentStopsNoOther() throws Exception {
    invalid =
        message -> {
          if (message.value().length == 3) {
            throw new IllegalArgumentException("broken");
          }
          return false;
        };
    event(ids, 5, "bad");

    publishesAllBut("ids-0-5");
  }

  private static Stream<Arguments> faults() {
    return Stream.of(
            new IllegalStateException("closed"),
            new KafkaException("a serializer"),
            new UnsupportedOperationException("broken"))
        .flatMap(failure -> Stream.of(1, LIMIT + 1).map(bytes -> Arguments.of(failure, bytes)));
  }

  @ParameterizedTest
  @MethodSource("faults")
  void aMessageThatCannotBeMadeStopsNoOther(RuntimeException failure, int bytes) throws Exception {
    AtomicBoolean broken = new AtomicBoolean();
    ready(
        poll(ids, id(IDS, 5)),
        new AbstractList<>() {
          @Override
          public ProducerRecord<byte[], byte[]> get(int at) {
            if (broken.get()) {
              throw failure;
            }
            return new ProducerRecord<>("events", new byte[bytes]);
          }

          @Override
          public int size() {
            return 1;
          }
        });
    broken.set(true);

    publishesAllBut("ids-0-5");
  }

  /** Kafka's client has its bytes then, and a transaction has tens of thousands of them. */
  @Test
  void aMessageLivesNoLongerThanItsSend() throws Exception {
    List<WeakReference<Object>> made = new ArrayList<>();
    ready(
        poll(ids, id(IDS, 5)),
        new AbstractList<>() {
          @Override
          public ProducerRecord<byte[], byte[]> get(int at) {
            ProducerRecord<byte[], byte[]> message =
                new ProducerRecord<>("events", new byte[] {(byte) at});
            made.add(new WeakReference<>(message));
            return message;
          }

          @Override
          public int size() {
            return 3;
          }
        });
    made.clear();
    answersAtFlush = true;
    atFlush =
        () ->
            await()
                .until(
                    () -> {
                      System.gc();
                      return made.stream().allMatch(message -> message.get() == null);
                    });
    loop.publishNext();

    assertEquals(3, made.size());
    assertEquals(1, done);
  }

  @Test
  void nothingIsCommittedOfAnAssignmentThatIsDropped() throws Exception {
    event(ids, 5, "a");
    inFlight.drop(List.of(ids));
    inFlight.add(ids, List.of(id(IDS, 6)), 7);
    event(others, 5, "b");
    loop.publishNext();

    assertEquals(List.of("b"), published(0));
    assertEquals(new OffsetAndMetadata(5), brokers.committed.get(IDS));
  }

  @Test
  void aTimeThatTheBrokersRefuseIsNotAskedForAgain() throws Exception {
    longestTimeout = Duration.ofSeconds(8);
    sending = Duration.ofSeconds(20);
    event(ids, 5, "a");
    for (int attempt = 0; attempt < 10; attempt++) {
      try {
        loop.publishNext();
      } catch (NotReadyException stillTooSlow) {
        assertEquals(0, done);
      }
    }
    assertEquals(1, timeouts.stream().filter(Duration.ofSeconds(16)::equals).count());

    sending = Duration.ZERO;
    loop.publishNext();
    loop.publishNext();
    assertEquals(1, done);
  }

  @Test
  void aLoopThatEndsLeavesNothingUnsettled() throws Exception {
    commitFailures.add(new ProducerFencedException("fenced"));
    brokers.pending = true;
    event(ids, 5, "a");
    Thread thread = new Thread(loop);
    thread.start();
    await().until(() -> !producers.isEmpty() && producers.get(0).closed());
    inFlight.drop(List.of(ids));
    loop.close();
    thread.interrupt();
    thread.join();

    assertEquals(1, done);
    assertEquals(0, heap.taken());
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void anErrorEndsNeitherTheLoopNorWhatIsInItsTransaction(boolean ofTheCommit) throws Exception {
    AtomicBoolean failed = new AtomicBoolean();
    Runnable fault =
        () -> {
          if (!failed.getAndSet(true)) {
            throw new OutOfMemoryError("on purpose");
          }
        };
    if (ofTheCommit) {
      atCommit = fault;
    } else {
      atFlush = fault;
    }
    event(ids, 5, "a");
    Thread thread = new Thread(loop);
    thread.start();
    await().until(() -> heap.taken() == 0);
    loop.close();
    thread.interrupt();
    thread.join();

    assertEquals(1, done);
    assertEquals(List.of("a"), published(producers.size() - 1));
    assertEquals(new OffsetAndMetadata(6), brokers.committed.get(IDS));
  }

  @Test
  void metadataThatCannotBecomeShortEnoughAreTriedAtAPaceAndSaidToFail() throws Exception {
    SharedCall first = poll(ids, id(IDS, 5));
    event(ids, 6, "b");
    poll(ids, id(IDS, 7));
    event(ids, 8, "c");
    loop.publishNext();
    loop.publishNext();
    assertEquals(new OffsetAndMetadata(5, "1:5:1,1,1,1"), brokers.committed.get(IDS));

    metadataLimit = 0;
    ready(first, List.of(new ProducerRecord<>("events", "a".getBytes(UTF_8))));
    loop.publishNext();
    assertThrows(KafkaException.class, loop::publishNext);

    metadataLimit = Integer.MAX_VALUE;
    loop.publishNext();
    assertEquals(new OffsetAndMetadata(7, "1:7:1,1"), brokers.committed.get(IDS));
  }

  @Test
  void decidesNothingWhileATransactionIsPending() throws Exception {
    failedCommitsCount = true;
    commitFailures.add(new ProducerFencedException("fenced"));
    event(ids, 5, "a");
    assertThrows(KafkaException.class, loop::publishNext);
    brokers.pending = true;

    assertThrows(NotReadyException.class, loop::publishNext);
    assertEquals(0, done);
    brokers.pending = false;
    loop.publishNext();
    assertEquals(1, done);
    assertEquals(List.of(), published(1));
  }

  @Test
  void asksForTheSameCommitAgainWhenItTimesOut() throws Exception {
    commitFailures.add(new TimeoutException("slow"));
    event(ids, 5, "a");
    loop.publishNext();

    assertEquals(List.of("a"), published(0));
    assertEquals(1, producers.size());
  }

  @Test
  void beginsAgainFromWhatIsCommittedWhenThatIsNeitherTheOldNorTheNew() throws Exception {
    commitFailures.add(new ProducerFencedException("fenced"));
    event(ids, 5, "a");

    assertThrows(KafkaException.class, loop::publishNext);
    brokers.committed.put(IDS, new OffsetAndMetadata(99));
    loop.publishNext();

    assertEquals(List.of(ids), restarted);
    assertTrue(ids.isDropped());
    assertEquals(1, done);
    assertEquals(List.of(), published(1));
  }

  @Test
  void namesOnlyPartitionsThatAreOwnedNow() throws Exception {
    event(ids, 5, "a");
    event(others, 5, "b");
    inFlight.own(owned(others));
    inFlight.drop(List.of(ids));
    assertEquals(1, done);
    loop.publishNext();

    assertEquals(List.of("b"), published(0));
    assertEquals(Map.of(OTHERS, new OffsetAndMetadata(6)), lastCommit(0));
    assertEquals(2, done);
  }

  @Test
  void dropsWhatCompletesForAnEarlierAssignment() throws Exception {
    SharedCall call = poll(ids, id(IDS, 5));
    RecordsInFlight again = new RecordsInFlight(IDS, heap.newShare());
    inFlight.own(owned(again));
    inFlight.drop(List.of(ids));
    inFlight.start(again, new OffsetAndMetadata(5), ALL);
    assertTrue(call.isCancelled());

    ready(call, List.of(new ProducerRecord<>("events", "late".getBytes(UTF_8))));
    event(again, 5, "a");
    loop.publishNext();

    assertEquals(List.of("a"), published(0));
    assertEquals(2, done);
  }

  @Test
  void commitsTheStartOfAPartitionThatHasNoCommit() throws Exception {
    RecordsInFlight fresh = new RecordsInFlight(IDS, heap.newShare());
    inFlight.own(owned(fresh));
    inFlight.start(fresh, null, new DoneOffsets.Range(7, Long.MAX_VALUE));
    loop.publishNext();

    assertEquals(Map.of(IDS, new OffsetAndMetadata(7)), lastCommit(0));
  }

  @Test
  void deadLettersAnEventLargerThanTheProducerSends() throws Exception {
    event(ids, 5, "x".repeat(LIMIT));
    loop.publishNext();

    ProducerRecord<byte[], byte[]> published = producers.get(0).history().get(0);
    assertEquals("dead-letters", published.topic());
    assertEquals("EVENT_TOO_LARGE", header(published, "reason"));
    assertArrayEquals("id".getBytes(UTF_8), published.value());
  }

  @Test
  void deadLettersAnEventThatOnlyTheBrokerFindsTooLarge() throws Exception {
    tooLarge = message -> message.topic().equals("task-events");
    ready(
        poll(ids, id(IDS, 5)),
        List.of(
            new ProducerRecord<>("events", "a".getBytes(UTF_8)),
            new ProducerRecord<>("task-events", "b".getBytes(UTF_8))));
    loop.publishNext();
    assertEquals(0, done);
    loop.publishNext();

    assertEquals(1, producers.get(0).history().size());
    ProducerRecord<byte[], byte[]> published = producers.get(0).history().get(0);
    assertEquals("EVENT_TOO_LARGE", header(published, "reason"));
    assertEquals("5", header(published, "offset"));
    assertEquals(1, done);
  }

  @Test
  void publishesAtOnceWhatHoldsMuchHeap() throws Exception {
    InFlight scarce =
        new InFlight(
            new InFlightLimits(500, Duration.ofMinutes(1), 1_000, 1 << 20, 1 << 20, 10_000),
            idRecord -> null,
            routed::add);
    scarce.own(owned(ids));
    PublishLoop ofScarce = loop(scarce);
    for (int offset = 5; offset < 7; offset++) {
      scarce.add(ids, List.of(id(IDS, offset)), offset + 1);
      SharedCall call = routed.get(routed.size() - 1);
      scarce.ready(
          call,
          List.of(
              Outcome.of(call.first(), List.of(new ProducerRecord<>("events", new byte[6_000])))),
          () -> done++);
      ofScarce.publishNext();
      assertEquals(offset == 5 ? 0 : 2, done);
    }
  }

  /** {@code next} gives up after a second. */
  @ParameterizedTest
  @CsvSource({
    // Counted from the end of the last one, that would be too early.
    "1500, 600, true",
    "20, 1500, false",
  })
  void waitsFromTheBeginningOfTheLastTransactionAndAsLongAsThatTook(
      int patienceMs, int lastTookMs, boolean isDueWithinASecond) throws Exception {
    InFlight patient =
        new InFlight(
            new InFlightLimits(
                500, Duration.ofMillis(patienceMs), 1_000, 1 << 20, 1 << 20, 1 << 20),
            idRecord -> null,
            routed::add);
    patient.own(owned(ids));
    for (int offset = 5; offset < 7; offset++) {
      patient.add(ids, List.of(id(IDS, offset)), offset + 1);
      SharedCall call = routed.get(routed.size() - 1);
      patient.ready(
          call,
          List.of(Outcome.of(call.first(), List.of(new ProducerRecord<>("events", new byte[1])))),
          () -> done++);
      InFlight.Transaction transaction = patient.next(0);
      assertEquals(offset == 5 || isDueWithinASecond, transaction != null);
      if (transaction != null) {
        patient.committed(transaction, Duration.ofMillis(lastTookMs).toNanos());
      }
    }
  }

  private List<ProducerRecord<byte[], byte[]>> malformed(IdRecord idRecord) {
    return List.of(
        deadLetters.of(idRecord, DeadLetterReason.MALFORMED_ID, "No id.", DeadLetters.Call.NONE));
  }

  @Test
  void reducesOnlyTheOutcomeThatTheBrokerRefusesFirst() throws Exception {
    refusesAtFlush = true;
    InFlight two =
        new InFlight(
            new InFlightLimits(2, Duration.ofMinutes(1), 1_000, 1 << 20, 1 << 20, 1 << 20),
            idRecord -> null,
            routed::add);
    two.own(owned(ids, others));
    for (RecordsInFlight records : List.of(ids, others)) {
      two.add(records, List.of(id(records.partition(), 5)), 6);
      SharedCall call = routed.get(routed.size() - 1);
      two.ready(
          call,
          List.of(Outcome.of(call.first(), List.of(new ProducerRecord<>("events", new byte[1])))),
          () -> done++);
    }
    PublishLoop ofTwo = loop(two);
    ofTwo.publishNext();
    assertEquals(0, done);
    ofTwo.publishNext();

    assertEquals(2, done);
    assertEquals(
        List.of("dead-letters", "events"),
        producers.get(0).history().stream().map(ProducerRecord::topic).sorted().toList());
  }

  @Test
  void leavesOutWhatMakesADeadLetterTooLarge() throws Exception {
    IdRecord large = new IdRecord(IDS, 5, 1, new byte[2 * LIMIT], null, new RecordHeaders());
    ready(poll(ids, large), malformed(large));
    loop.publishNext();

    ProducerRecord<byte[], byte[]> published = producers.get(0).history().get(0);
    assertEquals("ids-0-5", new String(published.key(), UTF_8));
    assertNull(published.value());
    assertEquals("MALFORMED_ID", header(published, "reason"));
  }

  @Test
  void keysADeadLetterByItsPlaceWhereATopicTakesNoneWithoutAKey() throws Exception {
    invalid = message -> message.key() == null;
    IdRecord keyless = new IdRecord(IDS, 5, 1, null, "{".getBytes(UTF_8), new RecordHeaders());
    ready(poll(ids, keyless), malformed(keyless));
    loop.publishNext();
    loop.publishNext();

    ProducerRecord<byte[], byte[]> published = producers.get(0).history().get(0);
    assertEquals("ids-0-5", new String(published.key(), UTF_8));
    assertArrayEquals("{".getBytes(UTF_8), published.value());
  }

  @Test
  void aRecordOfWhichNothingIsTakenStopsNoOther() throws Exception {
    tooLarge = message -> message.topic().equals("dead-letters");
    IdRecord bad = id(IDS, 5);
    ready(poll(ids, bad), malformed(bad));
    for (int attempt = 0; attempt < 3; attempt++) {
      loop.publishNext();
    }
    event(ids, 6, "a");
    loop.publishNext();

    assertEquals(List.of("a"), published(0));
    assertEquals(new OffsetAndMetadata(5, "1:5:1,1"), brokers.committed.get(IDS));
    String refused = "Topic dead-letters accepts no dead letter of ids-0-5, however small";
    assertTrue(health.uncommitted(Long.MAX_VALUE).startsWith(refused));

    inFlight.drop(List.of(ids));
    assertEquals("", health.uncommitted(Long.MAX_VALUE));
  }

  @Test
  void aDeadLetterThatNoTopicTakesHoldsNotTheHeapOfTheEventsThatItReplaced() throws Exception {
    tooLarge = message -> message.topic().equals("dead-letters");
    event(ids, 5, "x".repeat(10 * LIMIT));
    assertTrue(heap.taken() > 10 * LIMIT);
    for (int attempt = 0; attempt < 4; attempt++) {
      loop.publishNext();
    }

    assertTrue(health.uncommitted(Long.MAX_VALUE).contains("accepts no dead letter of ids-0-5"));
    assertTrue(heap.taken() < LIMIT, heap.taken() + " bytes");
  }

  @Test
  void whatIsPublishedOfASharedCallHoldsNoHeap() throws Exception {
    SharedCall call = poll(ids, id(IDS, 5));
    List<Outcome> outcomes =
        Stream.of(5, 6)
            .map(offset -> Outcome.of(id(IDS, offset), List.of(event(LIMIT / 2))))
            .toList();
    call.takes(outcomes.stream().mapToLong(each -> each.size().heap()).sum());
    call.ready(2, () -> done++);

    call.settle(outcomes.get(0));
    assertEquals(outcomes.get(1).size().heap(), heap.taken());
    call.settle(outcomes.get(1));

    assertEquals(0, heap.taken());
    assertEquals(1, done);
  }

  private static ProducerRecord<byte[], byte[]> event(int bytes) {
    return new ProducerRecord<>("events", new byte[bytes]);
  }

  @Test
  void commitsInOrderWhereTheBrokerTakesNoMetadata() throws Exception {
    metadataLimit = 0;
    SharedCall first = poll(ids, id(IDS, 5));
    event(ids, 6, "b");
    for (int attempt = 0; attempt < 4; attempt++) {
      loop.publishNext();
    }
    assertEquals(new OffsetAndMetadata(5), brokers.committed.get(IDS));
    ready(first, List.of(new ProducerRecord<>("events", "a".getBytes(UTF_8))));
    loop.publishNext();
    loop.publishNext();

    assertEquals(new OffsetAndMetadata(7), brokers.committed.get(IDS));
    assertEquals(Set.of("a", "b"), Set.copyOf(published(producers.size() - 1)));
    assertEquals(2, done);
    assertFalse(ids.isCrowded());
  }
}
