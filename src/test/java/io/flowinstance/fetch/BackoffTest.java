package io.flowinstance.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BackoffTest {
  private static final Instant NOW = Instant.parse("2026-11-06T08:49:37Z");
  private static final Duration AMPLE = Duration.ofHours(1);

  @ParameterizedTest
  @CsvSource({
    "1, 200",
    "2, 400",
    "3, 800",
    "4, 1600",
    "5, 3200",
    "6, 5000",
    "7, 5000",
    "2147483647, 5000"
  })
  void theBoundDoublesWithEachCallUpToTheLongest(int attempt, long boundMs) {
    assertEquals(Duration.ofMillis(boundMs), Backoff.delay(attempt, null, AMPLE, NOW, 1));
    assertEquals(Duration.ofMillis(boundMs / 2), Backoff.delay(attempt, null, AMPLE, NOW, 0.5));
  }

  @Test
  void theJitterIsFull() {
    assertEquals(Duration.ZERO, Backoff.delay(5, null, AMPLE, NOW, 0));
  }

  @Test
  void aFailureBeforeTheFirstCallWaitsLikeTheFirst() {
    assertEquals(Duration.ofMillis(200), Backoff.delay(0, null, AMPLE, NOW, 1));
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 1", "' 3 ', 3", "20, 20", "21, 20", "3600, 20", "999999999, 20"})
  void secondsAreHonouredUpToTheLongestAsked(String retryAfter, long seconds) {
    assertEquals(Duration.ofSeconds(seconds), Backoff.delay(1, retryAfter, AMPLE, NOW, 0));
  }

  @ParameterizedTest
  @CsvSource({
    "'Fri, 06 Nov 2026 08:49:42 GMT', 5",
    "'Fri, 6 Nov 2026 08:49:42 GMT', 5",
    "'Fri, 06 Nov 2026 09:49:37 GMT', 20",
    "'Fri, 06 Nov 2026 08:49:37 GMT', 0",
    "'Fri, 06 Nov 2026 08:49:00 GMT', 0",
    "'Sun, 06 Nov 1994 08:49:37 GMT', 0"
  })
  void aDateIsHonouredUpToTheLongestAsked(String retryAfter, long seconds) {
    assertEquals(Duration.ofSeconds(seconds), Backoff.delay(1, retryAfter, AMPLE, NOW, 0));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", " ", "soon", "-1", "1.5", "1e3", "99999999999999999999", "2026-11-06", "٣"})
  void whatIsNeitherSecondsNorADateCountsAsNone(String retryAfter) {
    assertEquals(Duration.ofMillis(100), Backoff.delay(1, retryAfter, AMPLE, NOW, 0.5));
  }

  @Test
  void theLongerOfTheJitteredAndTheAskedWaitHolds() {
    assertEquals(Duration.ofSeconds(5), Backoff.delay(9, "1", AMPLE, NOW, 1));
    assertEquals(Duration.ofSeconds(1), Backoff.delay(9, "1", AMPLE, NOW, 0.1));
  }

  @ParameterizedTest
  @CsvSource({", 1", "10, 0", "'Fri, 06 Nov 2026 09:49:37 GMT', 0"})
  void noWaitIsLongerThanWhatIsLeftOfTheBudget(String retryAfter, double random) {
    Duration left = Duration.ofMillis(70);

    assertEquals(left, Backoff.delay(6, retryAfter, left, NOW, random));
  }
}
