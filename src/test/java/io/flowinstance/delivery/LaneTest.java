package io.flowinstance.delivery;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.metrics.PipelineMetrics;
import io.flowinstance.trace.Traces;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LaneTest {
  private static final PipelineMetrics METRICS =
      new PipelineMetrics(new SimpleMeterRegistry(), Set.of(), Set.of());
  private static final TopicPartition IDS = new TopicPartition("ids", 0);
  private static final Duration NO_TIME = Duration.ZERO;
  private static final Duration LONG = Duration.ofMinutes(1);

  private int generation = 1;
  private final MockConsumer<Object, Object> consumer =
      new MockConsumer<>(OffsetResetStrategy.EARLIEST) {
        @Override
        public synchronized ConsumerGroupMetadata groupMetadata() {
          return new ConsumerGroupMetadata("group", generation, "member", Optional.empty());
        }
      };
  private final MockProducer<byte[], byte[]> producer =
      new MockProducer<>(true, new ByteArraySerializer(), new ByteArraySerializer());
  private final Publisher publisher =
      new Publisher(
          lane -> producer,
          new EventMessages("events", "task-events"),
          new DeadLetters("dead-letters", Clock.systemUTC()),
          1,
          1 << 20,
          METRICS,
          Traces.off(),
          Clock.systemUTC());
  private Lane lane = lane(LONG, 64 << 20);

  private Lane lane(Duration patience, long heldBytes) {
    return new Lane(0, 0, consumer, publisher, new Lanes.Limits(4, patience, LONG, heldBytes));
  }

  @BeforeEach
  void subscribe() {
    consumer.assign(List.of(IDS, new TopicPartition("ids", 1)));
    consumer.updateBeginningOffsets(Map.of(IDS, 0L, new TopicPartition("ids", 1), 0L));
  }

  private IdRecord id(int partition, long offset) {
    return new IdRecord(
        new TopicPartition("ids", partition),
        offset,
        0,
        null,
        "id".getBytes(UTF_8),
        new RecordHeaders(),
        new RecordOrigin(lane, lane.inHand(), System.nanoTime()));
  }

  /** Takes ids in hand and begins to serve them. */
  private List<IdRecord> take(IdRecord... ids) throws InterruptedException {
    List<IdRecord> taken = lane.take(List.of(ids));
    for (IdRecord id : taken) {
      lane.tryBegin(lane.inHand(), List.of(id), () -> {});
    }
    return taken;
  }

  private void settle(IdRecord id) {
    settle(id, "%d-%d".formatted(id.partition().partition(), id.offset()).getBytes(UTF_8));
  }

  private void settle(IdRecord id, byte[] value) {
    id.origin()
        .inHand()
        .settle(List.of(Outcome.of(id, List.of(new ProducerRecord<>("events", value)))));
  }

  private List<String> published() {
    return producer.history().stream().map(message -> new String(message.value(), UTF_8)).toList();
  }

  private Map<TopicPartition, OffsetAndMetadata> lastOffsets() {
    var commits = producer.consumerGroupOffsetsHistory();
    return commits.get(commits.size() - 1).get("group");
  }

  @Test
  void publishesInTheOrderOfThePartitionHoweverOutcomesCome() throws Exception {
    List<IdRecord> ids = take(id(0, 5), id(0, 6), id(0, 7));
    settle(ids.get(2));
    settle(ids.get(0));
    settle(ids.get(1));
    lane.poll(NO_TIME);

    assertEquals(List.of("0-5", "0-6", "0-7"), published());
    assertEquals(Map.of(IDS, new OffsetAndMetadata(8)), lastOffsets());
    assertEquals(1, producer.commitCount());
  }

  @Test
  void aSlowIdHoldsBackWhatFollowsItInItsPartitionAndNothingElse() throws Exception {
    lane = lane(NO_TIME, 64 << 20);
    List<IdRecord> ids = take(id(0, 5), id(0, 6), id(1, 3));
    settle(ids.get(1));
    settle(ids.get(2));
    lane.poll(NO_TIME);

    assertEquals(List.of("1-3"), published());
    assertEquals(Map.of(new TopicPartition("ids", 1), new OffsetAndMetadata(4)), lastOffsets());
  }

  @Test
  void pollsOnWhileAnIdStillWaits() throws Exception {
    take(id(0, 5));
    consumer.addRecord(new ConsumerRecord<>("ids", 1, 0L, null, null));

    assertEquals(1, lane.poll(NO_TIME).count());
  }

  @Test
  void publishesAtOnceWhatIsReadyAfterAPause() throws Exception {
    settle(take(id(0, 5), id(0, 6)).get(0));
    lane.poll(NO_TIME);

    assertEquals(List.of("0-5"), published());
  }

  @Test
  void gathersAfterATransactionForAsLongAsItsPatienceAllows() throws Exception {
    settle(take(id(0, 5)).get(0));
    lane.poll(NO_TIME);
    settle(take(id(0, 6)).get(0));
    lane.poll(NO_TIME);

    assertEquals(List.of("0-5"), published());
  }

  @Test
  void publishesAFullBatchHoweverShortlyAfterATransaction() throws Exception {
    settle(take(id(0, 1)).get(0));
    lane.poll(NO_TIME);
    take(id(0, 2), id(0, 3), id(0, 4), id(0, 5), id(0, 6)).subList(0, 4).forEach(this::settle);
    lane.poll(NO_TIME);

    assertEquals(5, published().size());
  }

  @Test
  void gathersInABacklogAsLongAsSomethingIsUnderWay() throws Exception {
    consumer.updateEndOffsets(Map.of(IDS, 1000L, new TopicPartition("ids", 1), 0L));
    settle(take(id(0, 1)).get(0));
    lane.poll(NO_TIME);
    List<IdRecord> ids = take(id(0, 2), id(0, 3));
    settle(ids.get(0));
    lane.poll(NO_TIME);
    assertEquals(List.of("0-1"), published());

    settle(ids.get(1));
    lane.poll(NO_TIME);
    assertEquals(List.of("0-1", "0-2", "0-3"), published());
  }

  @Test
  void leavesOutAPartitionWhoseIdsWaitBehindASlowOneAndComesBackToIt() throws Exception {
    consumer.updateEndOffsets(Map.of(new TopicPartition("ids", 1), 7L));
    List<IdRecord> ids = take(id(0, 1), id(0, 2));
    settle(ids.get(1));
    lane.poll(NO_TIME);
    assertEquals(Set.of(IDS), consumer.paused());

    settle(ids.get(0));
    lane.poll(NO_TIME);
    assertEquals(Set.of(), consumer.paused());
  }

  @Test
  void leavesOutNoPartitionWhenTheOthersHaveNothing() throws Exception {
    consumer.updateEndOffsets(Map.of(IDS, 7L, new TopicPartition("ids", 1), 0L));
    take(id(0, 1), id(0, 2));
    lane.poll(NO_TIME);

    assertEquals(Set.of(), consumer.paused());
  }

  @Test
  void comesBackAtOnceWhileWhatItPolledIsNotTaken() throws Exception {
    consumer.addRecord(new ConsumerRecord<>("ids", 1, 0L, null, null));
    lane.poll(NO_TIME);

    assertTimeoutPreemptively(Duration.ofSeconds(10), () -> lane.poll(LONG));
  }

  @Test
  void cutsWhatIsVeryLargeIntoSeveralTransactions() throws Exception {
    IdRecord[] many = IntStream.range(0, 25).mapToObj(i -> id(0, i)).toArray(IdRecord[]::new);
    for (IdRecord id : take(many)) {
      settle(id, new byte[900_000]);
    }
    lane.poll(NO_TIME);

    assertEquals(25, producer.history().size());
    assertEquals(3, producer.commitCount());
  }

  @Test
  void letsGoOfEverythingWhenTheGroupHasMovedOn() throws Exception {
    List<IdRecord> ids = take(id(0, 5));
    generation = 2;
    lane.poll(NO_TIME);
    settle(ids.get(0));
    lane.poll(NO_TIME);

    assertEquals(List.of(), published());
    assertEquals(List.of(), lane.take(ids));
    assertTrue(ids.get(0).origin().inHand().isAbandoned());
  }

  @Test
  void servesWhatIsPolledAfterTheGroupHasMovedOn() throws Exception {
    take(id(0, 5));
    generation = 2;
    lane.poll(NO_TIME);
    settle(take(id(0, 5)).get(0));
    lane.poll(NO_TIME);

    assertEquals(List.of("0-5"), published());
  }

  @Test
  void takesNothingFromAConsumerThatTheGroupHasDropped() throws Exception {
    consumer.addRecord(new ConsumerRecord<>("ids", 1, 0L, null, null));
    generation = -1;

    assertTrue(lane.poll(NO_TIME).isEmpty());
  }

  @Test
  void publishesWhatStandsBeforeAnIdThatIsGivenBackAndStartsOver() throws Exception {
    List<IdRecord> ids = take(id(0, 5), id(0, 6), id(0, 7), id(1, 1));
    settle(ids.get(0));
    settle(ids.get(2));
    settle(ids.get(3));
    lane.inHand().settle(List.of(Outcome.givenBack(ids.get(1), "The API is down.")));

    assertThrows(BatchGivenBackException.class, () -> lane.poll(NO_TIME));
    assertEquals(List.of("0-5", "1-1"), published());
    assertTrue(lane.inHand().isAbandoned());
  }

  @Test
  void startsOverWhenAnIdCameToNoOutcome() throws Exception {
    List<IdRecord> ids = take(id(0, 5), id(0, 6));
    new IdGroup(null, null, List.of(ids.get(1))).settle("no outcome", null);

    assertThrows(IllegalStateException.class, () -> lane.poll(NO_TIME));
    assertTrue(lane.inHand().isAbandoned());
  }

  @Test
  void startsOverWhenAnIdHasTwoOutcomes() throws Exception {
    IdRecord id = take(id(0, 5), id(0, 6)).get(0);
    settle(id);
    settle(id);

    assertThrows(IllegalStateException.class, () -> lane.poll(NO_TIME));
  }

  @Test
  void startsOverWhenATransactionFails() throws Exception {
    producer.initTransactions();
    producer.commitTransactionException = new KafkaException("not now");
    IdRecord id = take(id(0, 5)).get(0);
    settle(id);

    assertThrows(RuntimeException.class, () -> lane.poll(NO_TIME));
    assertTrue(lane.inHand().isAbandoned());
  }

  @Test
  void pollsNoMoreOnceItHasLetGo() throws Exception {
    consumer.addRecord(new ConsumerRecord<>("ids", 1, 0L, null, null));
    lane.finish(NO_TIME);

    assertThrows(IllegalStateException.class, () -> lane.poll(NO_TIME));
  }

  @Test
  void beginsNoMoreThanTheHeapHolds() throws Exception {
    lane = lane(LONG, 1 << 19);
    AtomicInteger available = new AtomicInteger();
    IdRecord first = take(id(0, 1)).get(0);
    List<IdRecord> second = List.of(id(0, 2));

    assertFalse(lane.tryBegin(lane.inHand(), second, available::incrementAndGet));
    settle(first, new byte[600_000]);
    lane.poll(NO_TIME);

    assertEquals(1, producer.commitCount());
    assertTrue(available.get() > 0);
    assertTrue(lane.tryBegin(lane.inHand(), second, available::incrementAndGet));
  }

  @Test
  void anIdThatWaitsForAnotherCallTakesNoHeap() throws Exception {
    lane = lane(LONG, 1 << 19);
    List<IdRecord> first = take(id(0, 1));

    lane.inHand().cancelBegin(first);

    assertTrue(lane.tryBegin(lane.inHand(), List.of(id(0, 2)), () -> {}));
  }

  @Test
  void beginsOneIdHoweverLittleTheHeapHolds() throws Exception {
    lane = lane(LONG, 1);

    assertTrue(lane.tryBegin(lane.inHand(), lane.take(List.of(id(0, 1))), () -> {}));
  }

  @Test
  void pollsNothingMoreUntilThereIsRoomAndStaysInTheGroup() throws Exception {
    consumer.addRecord(new ConsumerRecord<>("ids", 1, 0L, null, null));
    List<IdRecord> ids = take(id(0, 1), id(0, 2), id(0, 3));

    assertTrue(lane.poll(NO_TIME).isEmpty());
    assertEquals(consumer.assignment(), consumer.paused());

    ids.forEach(this::settle);
    lane.poll(NO_TIME);
    assertEquals(List.of("0-1", "0-2", "0-3"), published());
    assertEquals(Set.of(), consumer.paused());
  }

  @Test
  void finishesWhatIsInHandWhenItStops() throws Exception {
    List<IdRecord> ids = take(id(0, 1), id(0, 2));
    Thread fetches = new Thread(() -> ids.forEach(this::settle));
    fetches.start();
    lane.finish(LONG);
    fetches.join();

    assertEquals(List.of("0-1", "0-2"), published());
  }

  @Test
  void letsGoOfWhatIsNotFinishedInTime() throws Exception {
    IdRecord id = take(id(0, 1)).get(0);
    lane.finish(NO_TIME);

    assertTrue(id.origin().inHand().isAbandoned());
  }
}
