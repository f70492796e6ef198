package io.flowinstance.fetch;

import io.github.resilience4j.ratelimiter.RateLimiter;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import java.time.Duration;

/**
 * The rate limiter of a process: calls are spaced evenly, so that no second holds more than it may.
 */
public final class RateLimits {
  /** Calls that leave evenly do not arrive evenly. */
  private static final double SPACING = 1.05;

  private RateLimits() {}

  /**
   * A limiter for this many calls per second.
   *
   * @param perSecond 0 for no limit
   * @return null when there is no limit
   */
  public static RateLimiter of(int perSecond) {
    return perSecond == 0
        ? null
        : RateLimiter.of(
            "enos-api",
            RateLimiterConfig.custom()
                .limitForPeriod(1)
                .limitRefreshPeriod(Duration.ofNanos((long) (SPACING * 1_000_000_000L / perSecond)))
                .timeoutDuration(Duration.ofDays(1))
                .build());
  }

  /** Waits until a call may be made. */
  public static void await(RateLimiter limiter) {
    if (limiter != null) {
      limiter.acquirePermission();
    }
  }
}
