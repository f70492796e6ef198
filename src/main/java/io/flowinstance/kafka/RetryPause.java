package io.flowinstance.kafka;

import java.time.Duration;

/** The pause before what failed is tried again: longer each time, up to 5 s. */
final class RetryPause {
  private static final long FIRST_MS = 250;
  private static final long LONGEST_MS = 5_000;
  private static final int MOST_DOUBLINGS = 10;

  private RetryPause() {}

  /**
   * @param failures in a row, at least 1
   */
  static Duration after(int failures) {
    return Duration.ofMillis(
        Math.min(LONGEST_MS, FIRST_MS << Math.min(failures - 1, MOST_DOUBLINGS)));
  }
}
