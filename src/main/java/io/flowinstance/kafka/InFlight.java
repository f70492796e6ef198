package io.flowinstance.kafka;

import io.flowinstance.id.IdRecord;
import io.flowinstance.outcome.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All records in flight of one consumer: what its two threads and the threads of the fetches share.
 * One lock guards it, which is never held during a call of Kafka or of the route.
 */
final class InFlight {
  private static final Logger LOG = LoggerFactory.getLogger(InFlight.class);

  /** Without {@link DoneOffsets}' version and offset; a broker's limit is 4,096 by default. */
  private static final int MOST_METADATA = 3_000;

  private static final int LEAST_RECORDS_OF_PARTITION = 64;

  /** While more ids wait than a batch holds, fewer and larger transactions serve better. */
  private static final long PATIENCE_IN_BACKLOG = TimeUnit.MILLISECONDS.toNanos(250);

  private static final long IDLE_COMMIT = TimeUnit.SECONDS.toNanos(1);
  private static final long RETRY_PARKED = TimeUnit.SECONDS.toNanos(30);

  /** So long at most while others are parked: those that are not need their turn in between. */
  private static final long LONGEST_PARKED = TimeUnit.MINUTES.toNanos(5);

  private final InFlightLimits limits;
  private final Function<IdRecord, Object> order;
  private final Consumer<SharedCall> route;
  private final Map<SharedCall, Long> failed = new HashMap<>();
  private final Set<ReadyOutcome> parked = new LinkedHashSet<>();
  private Owned owned = Owned.NONE;
  private int mostMetadata = MOST_METADATA;
  private long transactionBytes;
  private boolean stopping;
  private int flushing;
  private long lag;
  private long publishedAt = System.nanoTime() - IDLE_COMMIT;
  private long lastTook;
  private long readySince;
  private long parkedAt;
  private long firstParkedAt;
  private boolean nothingFits;
  private int turn;

  /**
   * The partitions that the consumer owned in a generation of its group. A commit under that
   * generation names no others.
   */
  record Owned(ConsumerGroupMetadata group, Map<TopicPartition, RecordsInFlight> partitions) {
    static final Owned NONE = new Owned(new ConsumerGroupMetadata(""), Map.of());
  }

  /** Outcomes of one transaction, and what is committed with them. */
  record Transaction(
      ConsumerGroupMetadata group,
      Map<RecordsInFlight, List<ReadyOutcome>> outcomes,
      Map<RecordsInFlight, OffsetAndMetadata> commits) {

    List<ReadyOutcome> all() {
      return outcomes.values().stream().flatMap(List::stream).toList();
    }

    Map<TopicPartition, OffsetAndMetadata> offsets() {
      Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
      commits.forEach((records, commit) -> offsets.put(records.partition(), commit));
      return offsets;
    }
  }

  /**
   * @param order what the records are that keep their order: those of an equal key; null for none
   * @param route begins an exchange for a call
   */
  InFlight(InFlightLimits limits, Function<IdRecord, Object> order, Consumer<SharedCall> route) {
    this.limits = limits;
    transactionBytes = limits.transactionBytes();
    this.order = order;
    this.route = route;
  }

  /** What the consumer owns from now on. */
  synchronized void own(Owned now) {
    if (!now.equals(owned)) {
      owned = now;
      forgetReadyTime();
      changed();
    }
  }

  synchronized boolean ownsAny() {
    return !owned.partitions().isEmpty();
  }

  /** What was ready may be gone, with its partition. */
  private void forgetReadyTime() {
    readySince = hasReady() ? readySince : 0;
  }

  private void changed() {
    nothingFits = false;
    notifyAll();
  }

  /** When the last transaction was committed, in {@link System#nanoTime()}. */
  synchronized long publishedAt() {
    return publishedAt;
  }

  /** How many records wait to be polled. */
  synchronized void lag(long records) {
    lag = records;
  }

  synchronized long lag() {
    return lag;
  }

  /** Adds what was polled of a partition, and begins the calls that need not wait. */
  void add(RecordsInFlight records, List<IdRecord> polled, long position) {
    List<SharedCall> calls = new ArrayList<>();
    List<Object> keys = polled.stream().map(order).toList();
    synchronized (this) {
      if (stopping) {
        return;
      }
      for (int i = 0; i < keys.size(); i++) {
        SharedCall call = records.add(polled.get(i), keys.get(i));
        if (call != null) {
          calls.add(call);
        }
      }
      records.advance(position);
    }
    calls.forEach(route);
  }

  /** A partition whose owner before stopped there. See {@link RecordsInFlight#start}. */
  synchronized long start(
      RecordsInFlight records, OffsetAndMetadata committed, DoneOffsets.Range there) {
    long position = records.start(committed, there);
    changed();
    return position;
  }

  /** What stands before this offset is no longer there. */
  synchronized void skip(RecordsInFlight records, long beginning) {
    records.skip(beginning);
    changed();
  }

  /**
   * A call came to its outcomes.
   *
   * @param done runs when they are published, or never will be
   */
  void ready(SharedCall call, List<Outcome> outcomes, Runnable done) {
    boolean open;
    SharedCall next = null;
    call.takes(outcomes.stream().mapToLong(outcome -> outcome.size().heap()).sum());
    synchronized (this) {
      open = call.partition().isOpen(call);
      if (open) {
        call.ready(outcomes.size(), done);
        next = call.partition().complete(call, outcomes);
        long now = System.nanoTime();
        boolean isFirst = readySince == 0;
        readySince = isFirst ? now : readySince;
        nothingFits = false;
        if (isFirst || dueIn(now) <= 0) {
          notifyAll();
        }
      }
    }
    if (!open) {
      call.release();
      done.run();
    } else if (next != null) {
      route.accept(next);
    }
  }

  /**
   * The exchange of a call ended.
   *
   * @return whether it left no outcome that is still wanted, and so begins again after a pause
   */
  boolean failed(SharedCall call) {
    call.release();
    synchronized (this) {
      if (!call.partition().isOpen(call)) {
        return false;
      }
      if (stopping || call.partition().isLeaving()) {
        call.partition().forget(call);
        changed();
        return false;
      }
      failed.put(call, System.nanoTime() + RetryPause.after(call.failed()).toNanos());
      return true;
    }
  }

  /** Begins the calls anew whose pause is over. */
  void retry() {
    List<SharedCall> due = new ArrayList<>();
    synchronized (this) {
      long now = System.nanoTime();
      failed
          .entrySet()
          .removeIf(
              entry -> {
                boolean isDue = entry.getValue() - now <= 0;
                if (isDue && entry.getKey().partition().isOpen(entry.getKey())) {
                  due.add(entry.getKey());
                }
                return isDue;
              });
      if (!parked.isEmpty()
          && (now - parkedAt > RETRY_PARKED || now - firstParkedAt > LONGEST_PARKED)) {
        parked.forEach(ReadyOutcome::unpark);
        parked.clear();
        changed();
      }
    }
    due.forEach(route);
    wakeFirstCalls();
  }

  /** Outcomes may hold all the heap there is, and wait for the first record of their partition. */
  private void wakeFirstCalls() {
    List<SharedCall> calls;
    synchronized (this) {
      calls =
          owned.partitions().values().stream()
              .map(RecordsInFlight::firstCall)
              .filter(Objects::nonNull)
              .toList();
    }
    calls.forEach(SharedCall::wake);
  }

  /**
   * Waits until a transaction is worth its while, for a second at most.
   *
   * @param halvings how often the bytes of a transaction are to be halved
   * @return null if none is
   */
  Transaction next(int halvings) throws InterruptedException {
    synchronized (this) {
      transactionBytes = Math.max(1, limits.transactionBytes() >> halvings);
      long end = System.nanoTime() + IDLE_COMMIT;
      long due;
      while ((due = dueIn(System.nanoTime())) > 0) {
        long left = Math.min(due, end - System.nanoTime());
        if (left <= 0) {
          return null;
        }
        wait(TimeUnit.NANOSECONDS.toMillis(left) + 1);
      }
      return take();
    }
  }

  /**
   * Each transaction takes the brokers a dozen writes, however little is in it: between two of them
   * passes at least the time that the last one took. The patience counts from where that one began,
   * all else from where it ended.
   */
  private long dueIn(long now) {
    if (nothingFits || owned.group().generationId() < 0) {
      return Long.MAX_VALUE;
    }
    int ready = 0;
    long bytes = 0;
    long heap = 0;
    boolean underWay = false;
    boolean needsCommit = false;
    for (RecordsInFlight records : owned.partitions().values()) {
      ready += records.readyCount();
      bytes += records.readyBytes();
      heap += records.readyHeap();
      underWay |= records.callCount() > 0;
      needsCommit |= records.needsCommit();
    }
    long waited = now - publishedAt;
    if (ready == 0) {
      return needsCommit ? IDLE_COMMIT - waited : Long.MAX_VALUE;
    }
    if (stopping
        || flushing > 0
        || ready >= limits.batchRecords()
        || bytes >= transactionBytes
        || heap >= limits.readyHeap()) {
      return 0;
    }
    return lag >= limits.batchRecords()
        ? underWay ? PATIENCE_IN_BACKLOG - waited : 0
        : Math.max(limits.patience().toNanos() - lastTook, lastTook) - waited;
  }

  private Transaction take() {
    Map<RecordsInFlight, List<ReadyOutcome>> outcomes = new LinkedHashMap<>();
    Map<RecordsInFlight, OffsetAndMetadata> commits = new LinkedHashMap<>();
    int count = limits.batchRecords();
    long bytes = transactionBytes;
    List<RecordsInFlight> inTurn = new ArrayList<>(owned.partitions().values());
    // One that is dropped may be polled once more, and commits nothing of that.
    inTurn.removeIf(records -> !records.isStarted() || records.isDropped());
    Collections.rotate(inTurn, turn++);
    for (RecordsInFlight records : inTurn) {
      List<ReadyOutcome> taken = records.take(count, bytes, mostMetadata);
      count -= taken.size();
      bytes -= taken.stream().mapToLong(ready -> ready.outcome().size().published()).sum();
      if (!taken.isEmpty() || records.needsCommit()) {
        outcomes.put(records, taken);
        commits.put(records, records.after(taken).toCommit());
      }
    }
    if (commits.isEmpty()) {
      // What is ready waits for an earlier record, or for a broker that refuses it.
      nothingFits = true;
      return null;
    }
    return new Transaction(owned.group(), outcomes, commits);
  }

  /**
   * The transaction is committed.
   *
   * @return by partition, the offsets that were deleted before their ids were read
   */
  Map<TopicPartition, RecordsInFlight.LostOffsets> committed(Transaction transaction, long nanos) {
    Map<TopicPartition, RecordsInFlight.LostOffsets> lost = new HashMap<>();
    synchronized (this) {
      for (RecordsInFlight records : transaction.commits().keySet()) {
        RecordsInFlight.LostOffsets taken = records.takeLost();
        if (taken != null) {
          lost.put(records.partition(), taken);
        }
      }
      transaction
          .outcomes()
          .forEach(
              (records, outcomes) ->
                  records.published(outcomes, transaction.commits().get(records)));
      publishedAt = System.nanoTime();
      lastTook = nanos;
      readySince = hasReady() ? publishedAt : 0;
      changed();
    }
    settle(transaction.all());
    wakeFirstCalls();
    return lost;
  }

  /** The transaction is aborted; its outcomes come again, but for those of dropped partitions. */
  void aborted(Transaction transaction) {
    List<ReadyOutcome> dropped = new ArrayList<>();
    synchronized (this) {
      transaction
          .outcomes()
          .forEach(
              (records, outcomes) -> {
                records.putBack(outcomes);
                if (records.isDropped()) {
                  dropped.addAll(outcomes);
                }
              });
      forgetReadyTime();
      changed();
    }
    settle(dropped);
  }

  private boolean hasReady() {
    return owned.partitions().values().stream()
        .anyMatch(
            records ->
                !records.isDropped() && (records.readyCount() > 0 || records.isInTransaction()));
  }

  /** Whether outcomes of these records are in a transaction that has not ended. */
  synchronized boolean isInTransaction(RecordsInFlight records) {
    return records.isInTransaction();
  }

  /**
   * The broker refuses metadata of this length: from now on they stay shorter.
   *
   * @return false if they were to be shorter already, but what is committed is longer
   */
  synchronized boolean refusedMetadata(int length) {
    boolean isLowered = length / 2 < mostMetadata;
    mostMetadata = length / 2;
    return isLowered;
  }

  /**
   * An outcome cannot be published: it is left out for a while.
   *
   * @param why a sentence
   * @return whether it was not left out for the same reason before
   */
  synchronized boolean park(ReadyOutcome outcome, String why) {
    parkedAt = System.nanoTime();
    if (parked.isEmpty()) {
      firstParkedAt = parkedAt;
    }
    if (!outcome.call().partition().isDropped()) {
      parked.add(outcome);
    }
    return outcome.park(why);
  }

  /** Why outcomes are left out, a sentence for each. */
  synchronized List<String> parked() {
    return parked.stream().map(ReadyOutcome::why).toList();
  }

  /**
   * Lets partitions go: publishes what comes of the calls that are under way, as long as there is
   * time, and drops the rest.
   */
  void leave(Collection<RecordsInFlight> leaving, Duration patience) throws InterruptedException {
    List<SharedCall> cancelled = new ArrayList<>();
    synchronized (this) {
      leaving.forEach(records -> cancelled.addAll(records.leave()));
      flushing++;
      changed();
    }
    cancelled.forEach(SharedCall::wake);
    synchronized (this) {
      awaitIdle(leaving, patience);
      flushing--;
    }
  }

  private void awaitIdle(Collection<RecordsInFlight> leaving, Duration patience)
      throws InterruptedException {
    long end = System.nanoTime() + patience.toNanos();
    long left;
    while (leaving.stream().anyMatch(RecordsInFlight::isBusy)
        && (left = end - System.nanoTime()) > 0) {
      wait(TimeUnit.NANOSECONDS.toMillis(left) + 1);
    }
  }

  /** Nothing comes of these any more. */
  void drop(Collection<RecordsInFlight> gone) {
    List<ReadyOutcome> unpublished = new ArrayList<>();
    List<SharedCall> cancelled = new ArrayList<>();
    synchronized (this) {
      gone.forEach(records -> cancelled.addAll(records.drop(unpublished)));
      parked.removeIf(outcome -> outcome.call().partition().isDropped());
      forgetReadyTime();
      changed();
    }
    cancelled.forEach(SharedCall::wake);
    settle(unpublished);
  }

  /** Each of them, whatever another one throws: nobody else would let go of them. */
  private static void settle(List<ReadyOutcome> outcomes) {
    for (ReadyOutcome outcome : outcomes) {
      try {
        outcome.call().settle(outcome.outcome());
      } catch (RuntimeException | Error e) {
        LOG.error(
            "The exchange of {} could not be completed.",
            outcome.outcome().idRecord().position(),
            e);
      }
    }
  }

  /** Takes no record and begins no call any more; those that are under way go on. */
  void beginStop() {
    List<SharedCall> cancelled = new ArrayList<>();
    synchronized (this) {
      stopping = true;
      owned.partitions().values().forEach(records -> cancelled.addAll(records.leave()));
      changed();
    }
    cancelled.forEach(SharedCall::wake);
  }

  /** Finishes the calls that are under way, as long as there is time, and drops the others. */
  void stop(Duration patience) throws InterruptedException {
    beginStop();
    Collection<RecordsInFlight> all;
    synchronized (this) {
      all = owned.partitions().values();
      awaitIdle(all, patience);
    }
    drop(all);
  }

  /** The partitions that are to be polled no further for now. */
  synchronized Set<TopicPartition> full() {
    Set<TopicPartition> full = new HashSet<>();
    long bytes = owned.partitions().values().stream().mapToLong(RecordsInFlight::bytes).sum();
    int most =
        Math.max(
            LEAST_RECORDS_OF_PARTITION,
            Math.min(
                2 * limits.batchRecords(),
                limits.records() / Math.max(1, owned.partitions().size())));
    owned
        .partitions()
        .forEach(
            (partition, records) -> {
              if (stopping
                  || !records.isStarted()
                  || records.isCrowded()
                  || records.size() >= most
                  || bytes >= limits.recordBytes() && records.size() > 0
                  || 2 * records.bytes() >= limits.recordBytes() && records.size() > 0) {
                full.add(partition);
              }
            });
    return full;
  }

  /** The partitions that wait because their metadata are as long as they may be. */
  synchronized List<TopicPartition> crowded() {
    return owned.partitions().values().stream()
        .filter(RecordsInFlight::isCrowded)
        .map(RecordsInFlight::partition)
        .toList();
  }

  /** Records that are polled and not done. */
  synchronized int size() {
    return owned.partitions().values().stream().mapToInt(RecordsInFlight::size).sum();
  }

  /** The record that was polled first of those that are not done, or null. */
  synchronized IdRecord oldest() {
    IdRecord oldest = null;
    for (RecordsInFlight records : owned.partitions().values()) {
      IdRecord first = records.oldest();
      if (first != null && (oldest == null || first.polledAt() - oldest.polledAt() < 0)) {
        oldest = first;
      }
    }
    return oldest;
  }

  /** Since when an outcome is ready and none is published, in {@link System#nanoTime()}; or 0. */
  synchronized long readySince() {
    return readySince;
  }
}
