package io.flowinstance.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.id.IdRecord;
import io.flowinstance.outcome.MessageSize;
import io.flowinstance.outcome.Outcome;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;

class RecordsInFlightTest {
  private static final TopicPartition IDS = new TopicPartition("ids", 0);
  private static final int ANY = 1_000;

  private final HeapPermits heap = new HeapPermits(1 << 30, 1);
  private RecordsInFlight records = startedAt(new OffsetAndMetadata(5));

  private RecordsInFlight startedAt(OffsetAndMetadata committed) {
    RecordsInFlight fresh = new RecordsInFlight(IDS, heap.newShare());
    fresh.start(committed, from(0));
    return fresh;
  }

  private static DoneOffsets.Range from(long beginning) {
    return new DoneOffsets.Range(beginning, Long.MAX_VALUE);
  }

  private static IdRecord id(long offset) {
    return new IdRecord(IDS, offset, 1, null, "id".getBytes(UTF_8), new RecordHeaders());
  }

  private SharedCall add(long offset) {
    return records.add(id(offset), null);
  }

  private SharedCall complete(SharedCall call) {
    return records.complete(
        call,
        call.records().stream()
            .map(
                each ->
                    Outcome.of(
                        each,
                        List.of(
                            new ProducerRecord<>(
                                "events", Long.toString(each.offset()).getBytes(UTF_8)))))
            .toList());
  }

  /** Publishes what is ready; the offsets in the order in which they are published. */
  private List<Long> publish(int mostMetadata) {
    List<ReadyOutcome> taken = records.take(ANY, Long.MAX_VALUE, mostMetadata);
    if (!taken.isEmpty()) {
      records.published(taken, records.after(taken).toCommit());
    }
    return taken.stream().map(ReadyOutcome::offset).toList();
  }

  @Test
  void commitsTheFirstOffsetWithoutOutcomeAndWhatIsDoneBehindIt() {
    List<SharedCall> calls = IntStream.range(5, 10).mapToObj(i -> add(i)).toList();
    complete(calls.get(3));
    complete(calls.get(1));

    assertEquals(List.of(8L, 6L), publish(ANY));
    assertEquals(new OffsetAndMetadata(5, "1:5:1,1,1,1"), records.committed());
    complete(calls.get(0));
    assertEquals(List.of(5L), publish(ANY));
    assertEquals(new OffsetAndMetadata(7, "1:7:1,1"), records.committed());
  }

  @Test
  void countsOffsetsThatHoldNoRecordAsDone() {
    SharedCall first = add(5);
    SharedCall second = add(9);
    records.advance(12);
    complete(second);

    publish(ANY);
    assertEquals(new OffsetAndMetadata(5, "1:5:1,6"), records.committed());
    complete(first);
    publish(ANY);
    assertEquals(new OffsetAndMetadata(12), records.committed());
  }

  @Test
  void offsetsThatHoldNoRecordCostNothingBetweenRecordsThatAreNotDone() {
    List<SharedCall> calls = IntStream.range(0, 100).mapToObj(i -> add(5 + 2 * i)).toList();
    records.advance(205);
    assertEquals(new OffsetAndMetadata(5), records.after(List.of()).toCommit());

    complete(calls.get(50));
    publish(ANY);
    assertEquals(new OffsetAndMetadata(5, "1:5:99,3"), records.committed());
  }

  @Test
  void whatAnEarlierOwnerHasDoneStaysDoneOnceItIsPolled() {
    records = startedAt(new OffsetAndMetadata(5, "1:5:1,2,3,3"));
    List<SharedCall> calls = new ArrayList<>();
    for (long offset = 5; offset < 16; offset += 2) {
      SharedCall call = add(offset);
      if (call != null) {
        calls.add(call);
      }
    }
    records.advance(16);
    assertEquals("1:5:1,3,1,5", records.after(List.of()).toCommit().metadata());

    complete(calls.get(0));
    publish(ANY);
    assertEquals(new OffsetAndMetadata(9, "1:9:1,5"), records.committed());
  }

  /** As ids are that were sent in transactions of one: a control record is behind each. */
  @Test
  void allIsPublishedThoughControlRecordsAreBetweenMoreIdsThanTheMetadataHold() {
    assertPublishesAll(IntStream.range(0, 300).map(i -> 5 + 2 * i).boxed().toList(), 20);
  }

  @Test
  void allIsPublishedWhereTheMetadataOfTheLastOwnerAreLongerThanTheyMayBecome() {
    StringBuilder runs = new StringBuilder("1,1");
    for (int i = 0; i < 100; i++) {
      runs.append(",1,1");
    }
    records = startedAt(new OffsetAndMetadata(5, "1:5:" + runs));
    assertPublishesAll(IntStream.range(0, 101).map(i -> 5 + 2 * i).boxed().toList(), 20);
  }

  /** Publishes until all is done, with eight calls at a time, of which the first is the slowest. */
  private void assertPublishesAll(List<Integer> offsets, int mostMetadata) {
    List<SharedCall> waiting = new ArrayList<>();
    offsets.forEach(offset -> waiting.add(add(offset)));
    records.advance(offsets.get(offsets.size() - 1) + 2);
    List<SharedCall> running = new ArrayList<>();
    List<Long> published = new ArrayList<>();
    while (!waiting.isEmpty() || !running.isEmpty()) {
      for (SharedCall call : List.copyOf(waiting)) {
        if (running.size() < 8 && call.tryAcquire(() -> {})) {
          waiting.remove(call);
          running.add(call);
        }
      }
      assertFalse(running.isEmpty(), () -> "no call begins, after " + published);
      complete(running.remove(running.size() - 1));
      published.addAll(publish(mostMetadata));
    }
    assertEquals(offsets, published.stream().map(Long::intValue).sorted().toList());
  }

  @Test
  void whatWasDoneBehindTheEndOfATruncatedLogIsNotDone() {
    RecordsInFlight fresh = new RecordsInFlight(IDS, heap.newShare());
    fresh.start(new OffsetAndMetadata(5, "1:5:1,2,1,10"), new DoneOffsets.Range(0, 10));
    records = fresh;

    assertNotNull(add(5));
    assertNull(add(6));
    assertNotNull(add(8));
    assertNull(add(9));
    assertNotNull(add(10));
    assertNotNull(add(18));
  }

  @Test
  void noMoreThanFourRecordsShareACall() {
    SharedCall first = records.add(id(5), "key");
    for (int offset = 6; offset < 30; offset++) {
      assertNull(records.add(id(offset), "key"));
    }

    SharedCall next = complete(first);

    assertEquals(4, first.records().size());
    assertEquals(4, next.records().size());
  }

  @Test
  void passesOverWhatAnEarlierOwnerHasDone() {
    records = startedAt(new OffsetAndMetadata(5, "1:5:1,2,1,3"));

    assertNotNull(add(5));
    assertNull(add(6));
    assertNull(add(7));
    assertNotNull(add(8));
    for (long offset = 9; offset < 12; offset++) {
      assertNull(add(offset));
    }
    assertNotNull(add(12));
    assertEquals(3, records.size());
  }

  @Test
  void keepsWhatAnEarlierOwnerHasDoneUntilItIsPolled() {
    records = startedAt(new OffsetAndMetadata(5, "1:5:1,2,1,3"));
    SharedCall first = add(5);
    complete(first);

    publish(ANY);
    assertEquals(new OffsetAndMetadata(8, "1:8:1,3"), records.committed());
  }

  @Test
  void startsAtTheBeginningOfThePartitionWithoutACommitAndWantsOne() {
    RecordsInFlight fresh = new RecordsInFlight(IDS, heap.newShare());
    assertFalse(fresh.needsCommit());

    assertEquals(7, fresh.start(null, from(7)));
    assertTrue(fresh.needsCommit());
    assertEquals(new OffsetAndMetadata(7), fresh.after(List.of()).toCommit());
  }

  @Test
  void startsBehindWhatRetentionHasDeleted() {
    RecordsInFlight fresh = new RecordsInFlight(IDS, heap.newShare());

    assertEquals(12, fresh.start(new OffsetAndMetadata(5, "1:5:2,5"), from(9)));
  }

  @Test
  void wantsACommitWhenOnlyControlRecordsAreBehindTheLastOne() {
    assertFalse(records.needsCommit());
    records.advance(7);

    assertTrue(records.needsCommit());
  }

  @Test
  void aLaterRecordOfAKeySharesACallThatHasNotBegun() {
    SharedCall call = records.add(id(5), "a");
    assertNull(records.add(id(6), "a"));
    assertNotNull(records.add(id(7), "b"));

    assertEquals(List.of(5L, 6L), call.records().stream().map(IdRecord::offset).toList());
    complete(call);
    assertEquals(List.of(5L, 6L), publish(ANY));
  }

  @Test
  void aLaterRecordOfAKeyWaitsForTheOutcomeOfACallThatHasBegun() {
    SharedCall call = records.add(id(5), "a");
    assertTrue(call.tryAcquire(() -> {}));
    assertNull(records.add(id(6), "a"));
    assertNull(records.add(id(7), "a"));

    SharedCall next = complete(call);

    assertEquals(List.of(6L, 7L), next.records().stream().map(IdRecord::offset).toList());
    assertNull(complete(next));
    assertNotNull(records.add(id(8), "a"));
  }

  @Test
  void nothingIsTakenThatWouldMakeTheMetadataTooLong() {
    List<SharedCall> calls = IntStream.range(5, 15).mapToObj(i -> add(i)).toList();
    for (int i = 1; i < 10; i += 2) {
      complete(calls.get(i));
    }

    assertEquals(List.of(6L, 8L), publish("1,1,1,1".length()));
    assertTrue(records.isCrowded());
    complete(calls.get(0));
    assertEquals(List.of(5L, 10L), publish("1,1,1,1".length()));
  }

  @Test
  void stillWaitsForRoomInTheMetadataWhenOthersFillATransaction() {
    List<SharedCall> calls = IntStream.range(5, 10).mapToObj(i -> add(i)).toList();
    complete(calls.get(1));
    complete(calls.get(3));
    publish(0);
    assertTrue(records.isCrowded());

    assertEquals(List.of(), records.take(0, Long.MAX_VALUE, 0));
    assertEquals(List.of(), records.take(ANY, 0, 0));
    assertTrue(records.isCrowded());
  }

  @Test
  void nothingOvertakesWhatIsParkedOfItsKey() {
    complete(records.add(id(5), "a"));
    complete(records.add(id(6), "b"));
    complete(records.add(id(7), "a"));
    List<ReadyOutcome> taken = records.take(1, Long.MAX_VALUE, ANY);
    records.putBack(taken);
    taken.get(0).park("refused");

    assertEquals(List.of(6L), publish(ANY));
    taken.get(0).unpark();
    assertEquals(List.of(5L, 7L), publish(ANY));
  }

  @Test
  void nobodyWaitsForAParkedOutcomeWhenItsPartitionLeaves() {
    complete(add(5));
    List<ReadyOutcome> taken = records.take(1, Long.MAX_VALUE, ANY);
    records.putBack(taken);
    assertTrue(records.isBusy());

    taken.get(0).park("refused");
    assertFalse(records.isBusy());
  }

  @Test
  void aParkedDeadLetterKeepsNothingWaiting() {
    SharedCall bad = records.add(id(5), "a");
    ProducerRecord<byte[], byte[]> deadLetter =
        new ProducerRecord<>("dead-letters", "id".getBytes(UTF_8));
    records.complete(
        bad,
        List.of(new Outcome(id(5), List.of(deadLetter), deadLetter, new MessageSize(1, 1, 1))));
    complete(records.add(id(6), "a"));
    List<ReadyOutcome> taken = records.take(1, Long.MAX_VALUE, ANY);
    records.putBack(taken);
    taken.get(0).park("refused");

    assertEquals(List.of(6L), publish(ANY));
  }

  @Test
  void noCallButTheFirstBeginsWhileManyOutcomesWaitForRoomInTheMetadata() {
    List<SharedCall> calls = IntStream.range(5, 45).mapToObj(i -> add(i)).toList();
    for (int i = 1; i <= RecordsInFlight.MOST_WAITING; i++) {
      complete(calls.get(i));
    }
    SharedCall late = calls.get(39);
    assertEquals(List.of(), publish(0));

    AtomicInteger woken = new AtomicInteger();
    assertFalse(late.tryAcquire(woken::incrementAndGet));
    assertTrue(calls.get(0).tryAcquire(() -> {}));

    complete(calls.get(0));
    assertEquals(RecordsInFlight.MOST_WAITING + 1, publish(0).size());
    calls.get(0).release();
    assertEquals(1, woken.get());
    assertTrue(late.tryAcquire(() -> {}));
  }

  @Test
  void withoutMetadataItPublishesNothingAheadOfAnEarlierRecord() {
    List<SharedCall> calls = IntStream.range(5, 9).mapToObj(i -> add(i)).toList();
    complete(calls.get(1));
    complete(calls.get(3));
    assertEquals(List.of(), publish(0));

    complete(calls.get(0));
    assertEquals(List.of(5L, 6L), publish(0));
    assertEquals(new OffsetAndMetadata(7), records.committed());
    complete(calls.get(2));
    assertEquals(List.of(8L, 7L), publish(0));
    assertFalse(records.isCrowded());
  }

  @Test
  void whatIsAbortedComesFirstInTheNextTransactionInItsOrder() {
    List<SharedCall> calls = IntStream.range(5, 8).mapToObj(i -> add(i)).toList();
    complete(calls.get(1));
    complete(calls.get(0));
    List<ReadyOutcome> taken = records.take(ANY, Long.MAX_VALUE, ANY);
    complete(calls.get(2));
    records.putBack(taken);

    assertEquals(List.of(6L, 5L, 7L), publish(ANY));
  }

  @Test
  void takesNoMoreThanATransactionHolds() {
    IntStream.range(5, 15).mapToObj(i -> add(i)).toList().forEach(this::complete);

    assertEquals(4, records.take(4, Long.MAX_VALUE, ANY).size());
    assertEquals(1, records.take(4, 1, ANY).size());
  }

  @Test
  void takesNoMoreBytesWhereTheMetadataAreLong() {
    List<SharedCall> calls = IntStream.rangeClosed(5, 105).mapToObj(i -> add(i)).toList();
    complete(calls.get(100));
    IntStream.of(1, 2, 3).forEach(i -> complete(calls.get(i)));

    List<ReadyOutcome> taken = records.take(ANY, 1, "1,1".length());

    assertTrue(records.isCrowded());
    assertEquals(List.of(6L), taken.stream().map(ReadyOutcome::offset).toList());
  }

  @Test
  void leavingCancelsWhatHasNotBegunAndWaitsForTheRest() {
    SharedCall begun = records.add(id(5), "a");
    assertTrue(begun.tryAcquire(() -> {}));
    SharedCall queued = add(6);
    records.add(id(7), "a");

    assertEquals(2, records.leave().size());
    assertTrue(queued.isCancelled());
    assertFalse(begun.isCancelled());
    assertTrue(records.isBusy());
    assertNull(complete(begun));
    assertEquals(List.of(5L), publish(ANY));
    assertFalse(records.isBusy());
  }

  @Test
  void aCallThatFailsWhileItsPartitionLeavesIsNotRepeated() {
    SharedCall call = add(5);
    assertTrue(call.tryAcquire(() -> {}));
    records.leave();
    assertFalse(call.isCancelled());

    call.release();

    assertTrue(call.isCancelled());
  }

  @Test
  void nothingComesOfADroppedPartition() {
    SharedCall call = add(5);
    SharedCall ready = add(6);
    complete(ready);
    List<ReadyOutcome> unpublished = new ArrayList<>();

    assertEquals(List.of(call), records.drop(unpublished));
    assertTrue(call.isCancelled());
    assertSame(ready, unpublished.get(0).call());
    complete(call);
    assertEquals(List.of(), publish(ANY));
    assertNull(add(7));
  }

  @Test
  void countsAsLostWhatWasDeletedAndNotYetPublished() {
    RecordsInFlight fresh = new RecordsInFlight(IDS, heap.newShare());

    assertEquals(100, fresh.start(new OffsetAndMetadata(5, "1:5:1,94,1,1"), from(100)));
    assertEquals(new RecordsInFlight.LostOffsets(5, 1), fresh.takeLost());
    assertNull(fresh.takeLost());

    fresh.skip(103);
    fresh.skip(105);
    assertEquals(new RecordsInFlight.LostOffsets(103, 4), fresh.takeLost());
  }

  @Test
  void whatIsLostBehindARecordThatIsNotDoneIsNotLostAgainForTheNextOwner() {
    SharedCall first = add(5);
    add(9);
    records.skip(100);
    assertEquals(new RecordsInFlight.LostOffsets(10, 90), records.takeLost());
    complete(first);
    publish(ANY);

    assertEquals(new OffsetAndMetadata(9, "1:9:1,90"), records.committed());
  }

  /**
   * Whatever completes when, whatever is aborted, and whoever takes over where: each record is
   * published once, those of a key in their order.
   */
  @Test
  void publishesEachRecordOnceAndEachKeyInOrderOverAnyNumberOfOwners() {
    for (int seed = 0; seed < 300; seed++) {
      Random random = new Random(seed);
      int mostMetadata = random.nextInt(4) == 0 ? 0 : random.nextInt(60);
      int count = 200;
      TreeMap<Long, String> log = new TreeMap<>();
      long offset = 0;
      for (int i = 0; i < count; i++) {
        offset += random.nextInt(5) == 0 ? 1 + random.nextInt(4) : 1;
        log.put(offset, random.nextInt(3) == 0 ? "k" + random.nextInt(5) : "u" + i);
      }
      long end = offset + 1 + random.nextInt(3);
      List<Long> published = new ArrayList<>();
      OffsetAndMetadata committed = null;
      while (published.size() < count) {
        committed = own(random, log, end, committed, mostMetadata, published);
        assertTrue(published.size() <= count, "seed " + seed);
      }
      assertEquals(count, published.stream().distinct().count(), "seed " + seed);
      Map<String, Long> last = new HashMap<>();
      for (long each : published) {
        Long before = last.put(log.get(each), each);
        assertTrue(before == null || before < each, "seed " + seed);
      }
    }
  }

  /** One owner of the partition, for a while; what it committed last. */
  private OffsetAndMetadata own(
      Random random,
      TreeMap<Long, String> log,
      long end,
      OffsetAndMetadata lastCommit,
      int mostMetadata,
      List<Long> published) {
    RecordsInFlight owner = new RecordsInFlight(IDS, heap.newShare());
    long position = owner.start(lastCommit, from(0));
    records = owner;
    List<SharedCall> running = new ArrayList<>();
    OffsetAndMetadata committed = lastCommit;
    for (int step = random.nextInt(600); step > 0; step--) {
      switch (random.nextInt(4)) {
        case 0 -> {
          Map.Entry<Long, String> next = log.ceilingEntry(position);
          if (next == null) {
            owner.advance(end);
          } else if (owner.size() < 40) {
            position = next.getKey() + 1;
            SharedCall call = owner.add(id(next.getKey()), next.getValue());
            if (call != null) {
              running.add(call);
            }
          }
        }
        case 1 -> {
          if (!running.isEmpty()) {
            running.get(random.nextInt(running.size())).tryAcquire(() -> {});
          }
        }
        case 2 -> {
          if (!running.isEmpty()) {
            SharedCall next = complete(running.remove(random.nextInt(running.size())));
            if (next != null) {
              running.add(next);
            }
          }
        }
        default -> {
          List<ReadyOutcome> taken =
              owner.take(1 + random.nextInt(10), Long.MAX_VALUE, mostMetadata);
          DoneOffsets after = owner.after(taken);
          if (taken.isEmpty() || random.nextInt(5) == 0) {
            owner.putBack(taken);
          } else {
            assertTrue(after.length() <= mostMetadata);
            committed = after.toCommit();
            owner.published(taken, committed);
            taken.forEach(each -> published.add(each.offset()));
          }
        }
      }
    }
    return committed;
  }
}
