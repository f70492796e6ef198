package io.flowinstance.fetch;

import java.util.concurrent.TimeUnit;

/**
 * Spaces the calls of all threads evenly, so that no window of one second holds more than the
 * limit. A limiter that refills by the second would let twice as many pass around the second's
 * turn.
 */
public final class Pace {
  /** A little wider than 1/limit: calls that are sent evenly do not arrive evenly. */
  private static final double SPACING = 1.03;

  private final long interval;
  private long next = System.nanoTime();

  /**
   * @param perSecond most calls per second, or 0 for no limit
   */
  public Pace(int perSecond) {
    interval =
        perSecond == 0
            ? 0
            : (long) Math.ceil(SPACING * TimeUnit.SECONDS.toNanos(1) / (double) perSecond);
  }

  /** Waits for the next free place. */
  void await() throws InterruptedException {
    if (interval == 0) {
      return;
    }
    long now = System.nanoTime();
    long place = reserve(now);
    if (place > now) {
      TimeUnit.NANOSECONDS.sleep(place - now);
    }
  }

  synchronized long reserve(long now) {
    long place = Math.max(now, next);
    next = place + interval;
    return place;
  }
}
