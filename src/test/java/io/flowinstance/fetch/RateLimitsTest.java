package io.flowinstance.fetch;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.resilience4j.ratelimiter.RateLimiter;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RateLimitsTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 7, 50, 1000})
  void noSecondHoldsMoreCallsThanTheLimit(int perSecond) {
    RateLimiter limiter = RateLimits.of(perSecond);

    long first = System.nanoTime() + limiter.reservePermission();
    long last = first;
    for (int i = 0; i < perSecond; i++) {
      last = System.nanoTime() + limiter.reservePermission();
    }

    Duration apart = Duration.ofNanos(last - first);
    assertTrue(apart.compareTo(Duration.ofSeconds(1)) >= 0, apart.toString());
  }

  @Test
  void zeroIsNoLimit() {
    assertNull(RateLimits.of(0));
  }
}
