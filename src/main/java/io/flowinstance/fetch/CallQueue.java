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
 * Calls that wait for their turn, without a thread; the thread that ends one makes the next.
 * Repeated calls go before first ones, but take at most half of the slots, so that a block of
 * failing instances leaves room for others. It slows down when the gateway asks for that: half as
 * many calls in flight after each refusal, one more after each answer.
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
     * @return what follows once the slot is free again
     */
    Runnable run();
  }

  private final int slots;
  private final int retrySlots;
  private final RateLimiter limiter;
  private final Executor threads;
  private final ScheduledExecutorService timer;
  private final LongSupplier nanoTime;
  private final Deque<Call> firsts = new ArrayDeque<>();
  private final Deque<Call> retries = new ArrayDeque<>();
  private int inFlight;
  private int retriesInFlight;
  private int limit;
  private boolean paused;
  private long pausedUntil;
  private boolean permitted;
  private long permittedAt;
  private boolean woken;

  /**
   * @param slots most calls in flight
   * @param limiter bounds the calls per second, or null
   * @param threads make the calls, and whatever follows
   * @param timer wakes the queue
   */
  CallQueue(
      int slots,
      RateLimiter limiter,
      Executor threads,
      ScheduledExecutorService timer,
      LongSupplier nanoTime) {
    this.slots = slots;
    this.limiter = limiter;
    this.threads = threads;
    this.timer = timer;
    this.nanoTime = nanoTime;
    retrySlots = Math.max(1, slots / 2);
    limit = slots;
  }

  synchronized void addFirst(Call call) {
    firsts.add(call);
    dispatch(false);
  }

  synchronized void addRetry(Call call) {
    retries.add(call);
    dispatch(false);
  }

  /**
   * The gateway limits our rate: no call is made for a while, and fewer at a time after that.
   *
   * @param pause how long to wait
   */
  synchronized void slowDown(Duration pause) {
    long now = nanoTime.getAsLong();
    if (!paused || now - pausedUntil >= 0) {
      limit = Math.max(1, Math.min(limit, inFlight) / 2);
    }
    long until = now + pause.toNanos();
    if (!paused || until - pausedUntil > 0) {
      pausedUntil = until;
    }
    paused = true;
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

  /** A call that has a slot. */
  private record Turn(Call call, boolean retry) {}

  /**
   * Lets threads make the calls that there are slots for.
   *
   * @param calling whether the current thread can make one of them
   * @return the call for the current thread, or null
   */
  private synchronized Turn dispatch(boolean calling) {
    Turn mine = null;
    while (inFlight < limit) {
      boolean retry = !retries.isEmpty() && retriesInFlight < retrySlots;
      Deque<Call> calls = retry ? retries : firsts;
      Call call = calls.peek();
      if (call != null && call.isCancelled()) {
        calls.poll();
        threads.execute(() -> call.run().run());
        continue;
      }
      if (call == null || !isTime()) {
        break;
      }
      calls.poll();
      if (call.tryAcquire(() -> threads.execute(() -> addAgain(call, retry)))) {
        permitted = false;
        inFlight++;
        retriesInFlight += retry ? 1 : 0;
        Turn turn = new Turn(call, retry);
        if (calling && mine == null) {
          mine = turn;
        } else {
          threads.execute(() -> make(turn));
        }
      }
    }
    return mine;
  }

  private synchronized void addAgain(Call call, boolean retry) {
    (retry ? retries : firsts).addFirst(call);
    dispatch(false);
  }

  private void make(Turn first) {
    Turn turn = first;
    while (turn != null) {
      try {
        end(turn);
      } catch (RuntimeException | Error e) {
        dispatch(false);
        throw e;
      }
      turn = dispatch(true);
    }
  }

  private void end(Turn turn) {
    Runnable follows;
    try {
      follows = turn.call().run();
    } finally {
      release(turn);
    }
    follows.run();
  }

  private synchronized void release(Turn turn) {
    inFlight--;
    retriesInFlight -= turn.retry() ? 1 : 0;
  }

  private boolean isTime() {
    long now = nanoTime.getAsLong();
    if (paused && now - pausedUntil < 0) {
      wakeIn(pausedUntil - now);
      return false;
    }
    paused = false;
    if (limiter == null || permitted && now - permittedAt >= 0) {
      return true;
    }
    if (!permitted) {
      permitted = true;
      permittedAt = now + limiter.reservePermission();
    }
    if (now - permittedAt >= 0) {
      return true;
    }
    wakeIn(permittedAt - now);
    return false;
  }

  private void wakeIn(long nanos) {
    if (!woken) {
      woken = true;
      timer.schedule(
          () -> {
            synchronized (this) {
              woken = false;
              dispatch(false);
            }
          },
          nanos,
          TimeUnit.NANOSECONDS);
    }
  }
}
