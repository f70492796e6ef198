package io.flowinstance.fetch;

import io.github.resilience4j.ratelimiter.RateLimiter;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Calls that wait for their turn, without a thread. A call keeps its slot until a processor takes
 * up what it brought: more answers would only wait, and take heap. Repeated calls go before first
 * ones, but take at most half of the slots, so that a block of failing instances leaves room for
 * others. It slows down when the gateway asks for that: half as many calls in flight after each
 * refusal, one more after each answer.
 */
final class CallQueue {
  /** A call that can be made. */
  interface Call {
    /** Whether nobody waits for it any more. */
    boolean isCancelled();

    /** As {@link FetchScope#tryAcquire}. */
    boolean tryAcquire(Runnable available);

    /**
     * Makes the call, or ends the fetch if it is cancelled.
     *
     * @return what a processor is to do with the answer, or null if nothing is left to do
     */
    Runnable run();
  }

  private final int slots;
  private final RateLimiter limiter;
  private final Executor threads;
  private final Executor processors;
  private final ScheduledExecutorService timer;
  private final LongSupplier nanoTime;
  private final Deque<Call> firsts = new ArrayDeque<>();
  private final Deque<Call> retries = new ArrayDeque<>();
  private int inFlight;
  private int retriesInFlight;
  private boolean retriedLast;
  private int limit;
  private long pausedUntil;
  private boolean permitted;
  private long permittedAt;
  private boolean woken;

  /**
   * @param slots most calls in flight
   * @param limiter bounds the calls per second, or null
   * @param threads make the calls
   * @param processors take up what calls brought
   * @param timer wakes the queue
   */
  CallQueue(
      int slots,
      RateLimiter limiter,
      Executor threads,
      Executor processors,
      ScheduledExecutorService timer,
      LongSupplier nanoTime) {
    this.slots = slots;
    this.limiter = limiter;
    this.threads = threads;
    this.processors = processors;
    this.timer = timer;
    this.nanoTime = nanoTime;
    limit = slots;
    pausedUntil = nanoTime.getAsLong();
  }

  synchronized void addFirst(Call call) {
    firsts.add(call);
    dispatch();
  }

  synchronized void addRetry(Call call) {
    retries.add(call);
    dispatch();
  }

  /**
   * The gateway limits our rate: no call is made for a while, and fewer at a time after that.
   *
   * @param pause how long to wait
   */
  synchronized void slowDown(Duration pause) {
    long now = nanoTime.getAsLong();
    if (now - pausedUntil >= 0) {
      limit = Math.max(1, Math.min(limit, inFlight) / 2);
    }
    pausedUntil = now + Math.max(pausedUntil - now, pause.toNanos());
  }

  /** The gateway answered: one more call at a time. */
  synchronized void speedUp() {
    if (limit < slots) {
      limit++;
    }
  }

  /** Most calls in flight at present; fewer than the slots while the gateway limits our rate. */
  synchronized int limit() {
    return limit;
  }

  /** Lets the threads make the calls that can be made now, each with its slot. */
  private void dispatch() {
    while (inFlight < limit) {
      boolean retry = !retries.isEmpty() && retriesInFlight < retrySlots();
      Deque<Call> calls = retry ? retries : firsts;
      Call call = calls.peek();
      if (call != null && call.isCancelled()) {
        calls.poll();
        threads.execute(call::run);
        continue;
      }
      if (call == null || !isTime()) {
        return;
      }
      calls.poll();
      if (call.tryAcquire(() -> threads.execute(() -> addAgain(call, retry)))) {
        permitted = false;
        inFlight++;
        retriesInFlight += retry ? 1 : 0;
        retriedLast = retry;
        threads.execute(() -> make(call, retry));
      }
    }
  }

  private int retrySlots() {
    if (firsts.isEmpty()) {
      return Math.max(1, slots / 2);
    }
    // They take turns if only one call is made at a time.
    return limit > 1 ? limit / 2 : retriedLast ? 0 : 1;
  }

  private synchronized void addAgain(Call call, boolean retry) {
    (retry ? retries : firsts).addFirst(call);
    dispatch();
  }

  private void make(Call call, boolean retry) {
    Runnable answer = null;
    try {
      answer = call.run();
    } finally {
      if (answer == null) {
        release(retry);
      }
    }
    if (answer != null) {
      processors.execute(takeUp(answer, retry));
    }
  }

  private Runnable takeUp(Runnable answer, boolean retry) {
    return () -> {
      try {
        release(retry);
      } finally {
        answer.run();
      }
    };
  }

  private synchronized void release(boolean retry) {
    inFlight--;
    retriesInFlight -= retry ? 1 : 0;
    dispatch();
  }

  private boolean isTime() {
    long now = nanoTime.getAsLong();
    long wait = pausedUntil - now;
    if (wait <= 0 && limiter != null) {
      if (!permitted) {
        permitted = true;
        permittedAt = now + limiter.reservePermission();
      }
      wait = permittedAt - now;
    }
    if (wait > 0) {
      wakeIn(wait);
    }
    return wait <= 0;
  }

  private void wakeIn(long nanos) {
    if (!woken) {
      woken = true;
      timer.schedule(
          () -> {
            synchronized (this) {
              woken = false;
              dispatch();
            }
          },
          nanos,
          TimeUnit.NANOSECONDS);
    }
  }
}
