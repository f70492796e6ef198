package io.flowinstance.fetch;

import io.flowinstance.enos.ApiFailure;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.concurrent.ThreadLocalRandom;

/**
 * How long to wait before asking again: exponential with full jitter, and as long as the API asks
 * for, capped.
 *
 * @see <a href="https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/">
 *     Exponential backoff and jitter</a>
 * @see <a href="https://www.rfc-editor.org/rfc/rfc9110#field.retry-after">RFC 9110, 10.2.3</a>
 */
final class Backoff {
  /** The longest jittered wait. */
  static final Duration LONGEST = Duration.ofSeconds(5);

  /** The longest wait that the API may ask for. */
  static final Duration LONGEST_ASKED = Duration.ofSeconds(20);

  private static final Duration FIRST = Duration.ofMillis(200);
  private static final int DOUBLINGS = 5;

  private Backoff() {}

  /**
   * The wait after a failure.
   *
   * @param attempt calls made so far
   * @param retryAfter the header as it came, or null; a text that is neither seconds nor a date
   *     counts as none
   * @param left what is left of the budget: the wait is never longer
   * @param now to tell how far a date is
   * @param random uniform in [0, 1)
   */
  static Duration delay(int attempt, String retryAfter, Duration left, Instant now, double random) {
    int doublings = Math.max(0, Math.min(DOUBLINGS, attempt - 1));
    Duration bound = min(FIRST.multipliedBy(1L << doublings), LONGEST);
    Duration jittered = Duration.ofNanos((long) (bound.toNanos() * random));
    Duration asked = min(asked(retryAfter, now), LONGEST_ASKED);
    return min(asked.compareTo(jittered) > 0 ? asked : jittered, left);
  }

  /** The wait after a failure that is that of the last of so many calls. */
  static Duration delay(int attempt, ApiFailure failure, Duration left, Clock clock) {
    double random = ThreadLocalRandom.current().nextDouble();
    return delay(attempt, failure.retryAfter(), left, clock.instant(), random);
  }

  private static Duration asked(String retryAfter, Instant now) {
    String text = retryAfter == null ? "" : retryAfter.strip();
    if (text.matches("\\d{1,9}")) {
      return Duration.ofSeconds(Long.parseLong(text));
    }
    try {
      return Duration.between(
          now, ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant());
    } catch (DateTimeParseException e) {
      return Duration.ZERO;
    }
  }

  private static Duration min(Duration a, Duration b) {
    return a.compareTo(b) < 0 ? a : b;
  }
}
