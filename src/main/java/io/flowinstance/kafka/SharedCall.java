package io.flowinstance.kafka;

import io.flowinstance.fetch.CancelledException;
import io.flowinstance.fetch.FetchScope;
import io.flowinstance.id.IdRecord;
import io.flowinstance.outcome.Outcome;
import io.flowinstance.trace.RecordSpan;
import java.util.ArrayList;
import java.util.List;

/**
 * The records that one exchange serves: one, and those of its key that were polled before its call
 * began. In the route it is the variable {@code record}.
 */
public final class SharedCall implements FetchScope, HeapPermits.Caller {
  /** The exchange variable that holds it. */
  public static final String VARIABLE = "record";

  /** Each has messages of its own, and all of them are made at once. */
  private static final int MOST_RECORDS = 4;

  private final RecordsInFlight partition;
  private final Object key;
  private final HeapPermits.Permit heap;
  private final List<IdRecord> records = new ArrayList<>(1);
  private SharedCall follower;
  private boolean closed;
  private boolean called;
  private volatile boolean cancelled;
  private int failures;
  private int unpublished;
  private Runnable whenDone = () -> {};

  SharedCall(RecordsInFlight partition, HeapPermits.Share share, IdRecord idRecord, Object key) {
    this.partition = partition;
    this.heap = share.newPermit(this);
    this.key = key;
    records.add(idRecord);
  }

  RecordsInFlight partition() {
    return partition;
  }

  Object key() {
    return key;
  }

  /** The record that was polled first. */
  public IdRecord first() {
    return records.get(0);
  }

  /** All records that the outcome is for, in the order of their offsets; none joins afterwards. */
  public synchronized List<IdRecord> records() {
    closed = true;
    return records;
  }

  /** Takes in a record that was polled later; false once the call has begun or has many. */
  synchronized boolean join(IdRecord idRecord) {
    if (closed || cancelled || records.size() >= MOST_RECORDS) {
      return false;
    }
    records.add(idRecord);
    idRecord.span().sharesCallsOf(span());
    return true;
  }

  /** This call begins when that of an earlier record has come to its outcome. */
  void follow(SharedCall next) {
    follower = next;
  }

  SharedCall follower() {
    return follower;
  }

  @Override
  public boolean isCancelled() {
    return cancelled;
  }

  @Override
  public synchronized boolean tryAcquire(Runnable available) {
    if (!cancelled) {
      if (!heap.tryAcquire(available)) {
        return false;
      }
      called = true;
      closed = true;
    }
    return true;
  }

  @Override
  public boolean tryGrowTo(long bytes) {
    return heap.tryGrowTo(bytes);
  }

  /**
   * Takes more heap and waits for it; one at a time may always go on, so this ends.
   *
   * @param bytes that are needed in all
   * @throws CancelledException nobody waits for the outcome any more
   */
  public void growTo(long bytes) throws InterruptedException {
    heap.growTo(bytes);
  }

  /** All behind it in its partition may have to wait for it. */
  @Override
  public boolean isUrgent() {
    return first().offset() == partition.first();
  }

  @Override
  public boolean isTooFarAhead() {
    return partition.isFarAhead() && !isUrgent();
  }

  @Override
  public void release() {
    synchronized (this) {
      called = false;
      // A call that failed is not repeated where none begins any more.
      cancelled |= partition.isLeaving();
    }
    heap.release();
  }

  @Override
  public RecordSpan span() {
    return first().span();
  }

  /** Cancels it if no call is under way. */
  synchronized boolean cancelUnlessCalled() {
    cancelled |= !called;
    return cancelled;
  }

  synchronized void cancel() {
    cancelled = true;
  }

  /** Lets it try again for its heap, if it waits for that: after it was cancelled, too. */
  void wake() {
    heap.wake();
  }

  /** The exchange ended without an outcome, so often by now. */
  int failed() {
    return ++failures;
  }

  /** Its outcomes are going to be published. */
  synchronized void ready(int outcomes, Runnable done) {
    unpublished = outcomes;
    whenDone = done;
  }

  /** Its outcomes take so much heap until they are published. */
  void takes(long bytes) {
    heap.resize(bytes);
  }

  /** They take so much less: one of them was reduced, or published. */
  void takesLess(long bytes) {
    heap.shrinkBy(bytes);
  }

  /** This one of its outcomes is published, or never will be. */
  void settle(Outcome outcome) {
    boolean isLast;
    synchronized (this) {
      unpublished--;
      isLast = unpublished <= 0;
    }
    if (!isLast) {
      takesLess(outcome.size().heap());
      return;
    }
    try {
      heap.release();
    } finally {
      whenDone.run();
    }
  }
}
