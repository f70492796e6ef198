package io.flowinstance.fetch;

import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;

/**
 * How long to wait before asking again: exponential with full jitter, and as long as the API asks
 * for, capped.
 *
 * @param first upper bound of the wait after the first failure
 * @param longest upper bound of any jittered wait
 * @param longestAsked most that a {@code Retry-After} is honoured
 * @see <a href="https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/">
 *     Exponential backoff and jitter</a>
 * @see <a href="https://www.rfc-editor.org/rfc/rfc9110#field.retry-after">RFC 9110, 10.2.3</a>
 */
record Backoff(Duration first, Duration longest, Duration longestAsked) {
  static final Backoff DEFAULT =
      new Backoff(Duration.ofMillis(200), Duration.ofSeconds(5), Duration.ofSeconds(20));

  /**
   * The wait after a failure.
   *
   * @param attempt calls made so far, from 1
   * @param retryAfter the header as it came, or null; a text that is neither seconds nor a date
   *     counts as none
   * @param left what is left of the budget: the wait is never longer
   * @param now to tell how far a date is
   * @param random uniform in [0, 1)
   */
  Duration delay(int attempt, String retryAfter, Duration left, Instant now, double random) {
    Duration bound = first;
    for (int i = 1; i < attempt && bound.compareTo(longest) < 0; i++) {
      bound = bound.multipliedBy(2);
    }
    Duration jittered = Duration.ofNanos((long) (min(bound, longest).toNanos() * random));
    Duration asked = min(asked(retryAfter, now), longestAsked);
    return min(asked.compareTo(jittered) > 0 ? asked : jittered, left);
  }

  private static Duration asked(String retryAfter, Instant now) {
    if (retryAfter == null) {
      return Duration.ZERO;
    }
    String text = retryAfter.strip();
    if (text.matches("\\d{1,9}")) {
      return Duration.ofSeconds(Long.parseLong(text));
    }
    try {
      Duration until =
          Duration.between(
              now, ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant());
      return until.isNegative() ? Duration.ZERO : until;
    } catch (DateTimeParseException e) {
      return Duration.ZERO;
    }
  }

  private static Duration min(Duration a, Duration b) {
    return a.compareTo(b) < 0 ? a : b;
  }
}
