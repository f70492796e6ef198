package io.flowinstance.kafka;

import io.flowinstance.id.IdRecord;
import io.flowinstance.outcome.Outcome;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * The records in flight of one assignment of a partition: polled, and not yet done. They come to
 * their outcomes in any order and are published in the order in which they do; records of one key
 * are served one after the other, or by one call.
 *
 * <p>It knows no Kafka client, no thread and no clock. Whoever uses it guards it by a lock.
 */
final class RecordsInFlight {
  /** Outcomes that may wait for room in the metadata before no further call begins. */
  static final int MOST_WAITING = 16;

  private final TopicPartition partition;
  private final HeapPermits.Share heap;
  private final NavigableMap<Long, Entry> undone = new TreeMap<>();
  private final Map<Object, SharedCall> lastOfKey = new HashMap<>();
  private final Set<SharedCall> calls = new HashSet<>();
  private final Deque<ReadyOutcome> ready = new ArrayDeque<>();
  private final Deque<DoneOffsets.Range> doneAhead = new ArrayDeque<>();

  /** Offsets that are done, behind the first record that is not: one between two that are not. */
  private final NavigableSet<Long> doneBehind = new TreeSet<>();

  private volatile OffsetAndMetadata committed;
  private LostOffsets lost;
  private volatile long position = -1;
  private volatile long end = -1;
  private long bytes;
  private long readyBytes;
  private long readyHeap;
  private int inTransaction;
  private volatile boolean crowded;
  private volatile int readyCount;
  private final long assignedAt = System.nanoTime();
  private volatile boolean leaving;
  private volatile boolean dropped;
  private volatile long first = -1;

  private record Entry(IdRecord idRecord, SharedCall call) {}

  /**
   * Offsets that were deleted before they were polled.
   *
   * @param from the first that was to be polled when the last of them were missed
   * @param count without those whose outcomes are published
   */
  record LostOffsets(long from, long count) {}

  RecordsInFlight(TopicPartition partition, HeapPermits.Share heap) {
    this.partition = partition;
    this.heap = heap;
  }

  TopicPartition partition() {
    return partition;
  }

  /**
   * Begins where the last owner of the partition stopped.
   *
   * @param lastCommit the committed offset, or null when there is none
   * @param there the offsets that the partition has: what is beyond was truncated, and is not done
   * @return the offset to poll from
   */
  long start(OffsetAndMetadata lastCommit, DoneOffsets.Range there) {
    committed = lastCommit;
    position = there.from();
    if (lastCommit != null) {
      DoneOffsets done = DoneOffsets.of(lastCommit);
      for (DoneOffsets.Range range : done.ranges()) {
        if (range.from() < there.to()) {
          doneAhead.add(new DoneOffsets.Range(range.from(), Math.min(range.to(), there.to())));
        }
      }
      position = done.offset();
      skip(there.from());
    }
    return position;
  }

  /** When the partition was assigned, in {@link System#nanoTime()}. */
  long assignedAt() {
    return assignedAt;
  }

  /** Whether outcomes are in a transaction that has not ended. */
  boolean isInTransaction() {
    return inTransaction > 0;
  }

  /** What stands before this offset is no longer there. */
  void skip(long beginning) {
    long count = Math.max(0, beginning - position);
    for (DoneOffsets.Range done : doneAhead) {
      count -= Math.max(0, Math.min(done.to(), beginning) - Math.max(done.from(), position));
    }
    if (count > 0) {
      lost = new LostOffsets(position, count + (lost == null ? 0 : lost.count()));
      // The next owner does not count them again.
      doneAt(position);
    }
    advance(beginning);
  }

  /** The offsets that were deleted before they were polled, once; or null. */
  LostOffsets takeLost() {
    LostOffsets taken = lost;
    lost = null;
    return taken;
  }

  boolean isStarted() {
    return position >= 0;
  }

  /** The offset that is polled next. */
  long position() {
    return position;
  }

  /** The partition ended there, when the brokers were asked. For any thread. */
  void endsAt(long offset) {
    end = offset;
  }

  /** Offsets between what is polled next and that end. For any thread. */
  long behind() {
    return Math.max(0, end - position);
  }

  /**
   * Adds a record, in the order of their offsets.
   *
   * @param key records of an equal key keep their order; null for one that has none
   * @return the call that serves it, if that is to begin now; null when the record is done already,
   *     joins a call that has not begun, or waits for one that has
   */
  SharedCall add(IdRecord idRecord, Object key) {
    boolean done = isDone(idRecord.offset());
    advance(idRecord.offset() + 1);
    if (done || dropped) {
      idRecord.span().end();
      return null;
    }
    bytes += idRecord.bytes();
    SharedCall before = key == null ? null : lastOfKey.get(key);
    if (before != null && before.join(idRecord)) {
      put(idRecord, before);
      return null;
    }
    SharedCall call = new SharedCall(this, heap, idRecord, key);
    calls.add(call);
    put(idRecord, call);
    if (key != null) {
      lastOfKey.put(key, call);
    }
    if (before == null) {
      return call;
    }
    before.follow(call);
    return null;
  }

  private void put(IdRecord idRecord, SharedCall call) {
    undone.put(idRecord.offset(), new Entry(idRecord, call));
    first = undone.firstKey();
  }

  private boolean isDone(long offset) {
    return offset < position
        || doneAhead.stream().anyMatch(range -> range.from() <= offset && offset < range.to());
  }

  /** All offsets before this one were polled, as far as there are records. */
  void advance(long to) {
    position = Math.max(position, to);
    while (!doneAhead.isEmpty() && doneAhead.peek().from() <= position) {
      DoneOffsets.Range next = doneAhead.poll();
      long passed = undone.isEmpty() ? next.to() : Math.min(next.to(), position);
      position = Math.max(position, passed);
      if (passed > next.from()) {
        doneAt(next.from());
      }
      if (next.to() > passed) {
        doneAhead.push(new DoneOffsets.Range(passed, next.to()));
        return;
      }
    }
  }

  /**
   * The outcomes of a call, one for each of its records, are ready to be published.
   *
   * @return the call that waited for this one, or null
   */
  SharedCall complete(SharedCall call, List<Outcome> outcomes) {
    calls.remove(call);
    if (dropped) {
      return null;
    }
    for (Outcome outcome : outcomes) {
      ready.add(new ReadyOutcome(call, outcome));
      countReady(outcome, 1);
    }
    readyCount = ready.size();
    lastOfKey.remove(call.key(), call);
    return leaving ? null : call.follower();
  }

  private void countReady(Outcome outcome, int sign) {
    readyBytes += sign * outcome.size().published();
    readyHeap += sign * outcome.size().heap();
  }

  /** Whether a call of this assignment has neither come to its outcomes nor been dropped. */
  boolean isOpen(SharedCall call) {
    return calls.contains(call);
  }

  /** Nothing comes of a call any more: its records are polled again by the next owner. */
  void forget(SharedCall call) {
    calls.remove(call);
  }

  boolean isLeaving() {
    return leaving;
  }

  /**
   * Takes ready outcomes for a transaction. None overtakes an earlier one of its key, but for a
   * parked dead letter.
   *
   * @param most outcomes, at most
   * @param mostBytes after which no further one is taken
   * @param mostMetadata length that {@link DoneOffsets} may come to, unless they are longer
   *     already: then they do not become longer
   */
  List<ReadyOutcome> take(int most, long mostBytes, int mostMetadata) {
    if (most <= 0 || mostBytes <= 0) {
      // Others fill the transaction: that says nothing about this partition.
      return List.of();
    }
    List<ReadyOutcome> taken = firstOf(publishable(), most, mostBytes);
    crowded = !taken.isEmpty() && after(taken).length() > mostMetadata;
    if (crowded) {
      int accepted = committed == null ? 0 : DoneOffsets.of(committed).length();
      taken = fitting(most, mostBytes, Math.max(mostMetadata, accepted));
      if (taken.isEmpty()) {
        // The first record fits into what they come to now.
        taken = fitting(most, mostBytes, after(List.of()).length());
      }
    }
    ready.removeAll(taken);
    readyCount = ready.size();
    taken.forEach(outcome -> countReady(outcome.outcome(), -1));
    inTransaction += taken.size();
    return taken;
  }

  /** What is ready, without what is parked and what would overtake the events of that. */
  private List<ReadyOutcome> publishable() {
    List<ReadyOutcome> publishable = new ArrayList<>();
    Set<Object> parkedKeys = new HashSet<>();
    for (ReadyOutcome outcome : ready) {
      Object key = outcome.call().key();
      if (outcome.isParked()) {
        if (outcome.outcome().hasEvents()) {
          parkedKeys.add(key);
        }
      } else if (key == null || !parkedKeys.contains(key)) {
        publishable.add(outcome);
      }
    }
    return publishable;
  }

  private static List<ReadyOutcome> firstOf(List<ReadyOutcome> outcomes, int most, long mostBytes) {
    int count = 0;
    for (long bytes = 0; count < outcomes.size() && count < most && bytes < mostBytes; count++) {
      bytes += outcomes.get(count).outcome().size().published();
    }
    return List.copyOf(outcomes.subList(0, count));
  }

  /** In the order of their offsets, for then none overtakes an earlier one. */
  private List<ReadyOutcome> fitting(int most, long mostBytes, int mostMetadata) {
    List<ReadyOutcome> byOffset = publishable();
    byOffset.sort(Comparator.comparingLong(ReadyOutcome::offset));
    List<ReadyOutcome> fitting = firstOf(byOffset, most, mostBytes);
    while (!fitting.isEmpty() && after(fitting).length() > mostMetadata) {
      fitting = fitting.subList(0, fitting.size() - 1);
    }
    return fitting;
  }

  /**
   * Where the partition stands once these are published. Offsets between two records that are not
   * done count as done only if one of them is: so what is polled lengthens the metadata by a digit
   * at most, and the first record can always be published.
   */
  DoneOffsets after(List<ReadyOutcome> published) {
    Set<Long> offsets = new HashSet<>();
    published.forEach(outcome -> offsets.add(outcome.offset()));
    List<DoneOffsets.Range> ranges = new ArrayList<>();
    long first = -1;
    long end = position;
    boolean isDone = false;
    for (long offset : undone.keySet()) {
      if (offsets.contains(offset)) {
        isDone = true;
        continue;
      }
      if (first < 0) {
        first = offset;
      } else if (isDone || isDoneBetween(end, offset)) {
        ranges.add(new DoneOffsets.Range(end, offset));
      }
      end = offset + 1;
      isDone = false;
    }
    if (first < 0) {
      first = position;
    } else if (isDone || isDoneBetween(end, position)) {
      ranges.add(new DoneOffsets.Range(end, position));
    }
    for (DoneOffsets.Range range : doneAhead) {
      if (range.from() == first) {
        first = range.to();
      } else if (!ranges.isEmpty() && ranges.get(ranges.size() - 1).to() == range.from()) {
        DoneOffsets.Range last = ranges.remove(ranges.size() - 1);
        ranges.add(new DoneOffsets.Range(last.from(), range.to()));
      } else {
        ranges.add(range);
      }
    }
    return new DoneOffsets(first, ranges);
  }

  private void doneAt(long offset) {
    Long before = undone.lowerKey(offset);
    Long after = undone.higherKey(offset);
    doneBehind
        .subSet(
            before == null ? Long.MIN_VALUE : before,
            false,
            after == null ? Long.MAX_VALUE : after,
            false)
        .clear();
    doneBehind.add(offset);
  }

  private boolean isDoneBetween(long from, long to) {
    Long done = from < to ? doneBehind.ceiling(from) : null;
    return done != null && done < to;
  }

  /** The transaction that held these is committed. */
  void published(List<ReadyOutcome> outcomes, OffsetAndMetadata commit) {
    committed = commit;
    inTransaction -= outcomes.size();
    for (ReadyOutcome outcome : outcomes) {
      undone.remove(outcome.offset());
      doneAt(outcome.offset());
      bytes -= outcome.outcome().idRecord().bytes();
    }
    first = undone.isEmpty() ? -1 : undone.firstKey();
    doneBehind.headSet(undone.isEmpty() ? position : first).clear();
    crowded = crowded && !ready.isEmpty();
  }

  /** The transaction that held these is aborted: they come first in the next one. */
  void putBack(List<ReadyOutcome> outcomes) {
    inTransaction -= outcomes.size();
    if (!dropped) {
      for (int i = outcomes.size() - 1; i >= 0; i--) {
        ready.push(outcomes.get(i));
        countReady(outcomes.get(i).outcome(), 1);
      }
      readyCount = ready.size();
    }
  }

  /**
   * Begins no call any more.
   *
   * @return the calls that had not begun, which are cancelled
   */
  List<SharedCall> leave() {
    leaving = true;
    List<SharedCall> cancelled = calls.stream().filter(SharedCall::cancelUnlessCalled).toList();
    cancelled.forEach(calls::remove);
    return cancelled;
  }

  /**
   * Nothing comes of these records any more: they are polled again, here or elsewhere.
   *
   * @param unpublished takes in the outcomes that were ready
   * @return the calls that had not come to their outcomes, which are cancelled
   */
  List<SharedCall> drop(List<ReadyOutcome> unpublished) {
    dropped = true;
    List<SharedCall> cancelled = List.copyOf(calls);
    cancelled.forEach(SharedCall::cancel);
    undone.values().forEach(entry -> entry.idRecord().span().end());
    calls.clear();
    lastOfKey.clear();
    unpublished.addAll(ready);
    ready.clear();
    readyBytes = 0;
    readyHeap = 0;
    readyCount = 0;
    return cancelled;
  }

  boolean isDropped() {
    return dropped;
  }

  /** Whether a call has been made, or an outcome can be published or is in a transaction. */
  boolean isBusy() {
    return inTransaction > 0 || !calls.isEmpty() || !publishable().isEmpty();
  }

  /** Whether a commit is due though nothing is published: there is none, or it lags behind. */
  boolean needsCommit() {
    return isStarted()
        && (committed == null
            || undone.isEmpty() && after(List.of()).offset() != committed.offset());
  }

  /** Whether outcomes wait because the metadata are as long as they may be. */
  boolean isCrowded() {
    return crowded && !calls.isEmpty();
  }

  /** Whether as many outcomes wait for that as may. For any thread. */
  boolean isFarAhead() {
    return crowded && readyCount >= MOST_WAITING;
  }

  /** The committed offset, or null. */
  OffsetAndMetadata committed() {
    return committed;
  }

  /** The offset of the first record that is not done, or -1. For any thread. */
  long first() {
    return first;
  }

  /** That record, or null. */
  IdRecord oldest() {
    return undone.isEmpty() ? null : undone.firstEntry().getValue().idRecord();
  }

  /** The call of that record, or null. */
  SharedCall firstCall() {
    return undone.isEmpty() ? null : undone.firstEntry().getValue().call();
  }

  /** Records that are not done. */
  int size() {
    return undone.size();
  }

  /** Bytes of the records that are not done. */
  long bytes() {
    return bytes;
  }

  /** Outcomes that are ready. */
  int readyCount() {
    return readyCount;
  }

  /** Their bytes. */
  long readyBytes() {
    return readyBytes;
  }

  /** The heap that they hold. */
  long readyHeap() {
    return readyHeap;
  }

  /** Calls that have not come to their outcomes. */
  int callCount() {
    return calls.size();
  }
}
