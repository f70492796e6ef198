package io.flowinstance.fetch;

import java.util.concurrent.TimeUnit;

/**
 * Spaces the calls of all threads evenly, so that no window of one second holds more than the
 * limit. A limiter that refills by the second would let twice as many pass around the second's
 * turn.
 */
public final class Pace {
  /**
   * A little wider than 1/limit: calls that leave evenly do not arrive evenly. Where they are let
   * in it is wider still, so that what piled up before the place where they leave gets less again.
   */
  private static final double SPACING_OF_ENTRIES = 1.06;

  private static final double SPACING_OF_DEPARTURES = 1.04;

  private final long interval;
  private long next = System.nanoTime();

  private Pace(int perSecond, double spacing) {
    interval =
        perSecond == 0
            ? 0
            : (long) Math.ceil(spacing * TimeUnit.SECONDS.toNanos(1) / (double) perSecond);
  }

  /**
   * Where calls wait for their turn: before they are signed, and before their time runs.
   *
   * @param perSecond most calls per second, or 0 for no limit
   */
  public static Pace ofEntries(int perSecond) {
    return new Pace(perSecond, SPACING_OF_ENTRIES);
  }

  /**
   * Where they are written to their connections. On the way there a first call takes longer than
   * others, for a new connection and cold code: those behind it would catch up with it.
   *
   * @param perSecond most calls per second, or 0 for no limit
   */
  public static Pace ofDepartures(int perSecond) {
    return new Pace(perSecond, SPACING_OF_DEPARTURES);
  }

  /** Waits for the next free place. */
  public void await() throws InterruptedException {
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
