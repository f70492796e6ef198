package io.flowinstance.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

class PointInTimeTest {
  private final PointInTime times =
      new PointInTime(Clock.fixed(Instant.parse("2026-02-01T12:00:00.1234567Z"), ZoneOffset.UTC));

  @ParameterizedTest
  @CsvSource({
    "2026-01-31T10:00:00Z, 2026-01-31T10:00:00Z",
    "2026-01-31T10:00:00.5Z, 2026-01-31T10:00:00.500Z",
    "2026-01-31T10:00:00+08:00, 2026-01-31T02:00:00Z",
    "2026-01-31T10:00, 2026-01-31T10:00:00Z",
    "2026-01-31 10:00:07, 2026-01-31T10:00:07Z",
    "2026-01-31, 2026-01-31T00:00:00Z",
    "2h, 2026-02-01T10:00:00.123Z",
    "1d12h, 2026-01-31T00:00:00.123Z",
    "90s, 2026-02-01T11:58:30.123Z",
    "7d, 2026-01-25T12:00:00.123Z",
    "PT15M, 2026-02-01T11:45:00.123Z",
    "0s, 2026-02-01T12:00:00.123Z",
  })
  void readsInstantsLocalTimesInUtcAndTimesAgo(String text, Instant expected) {
    assertEquals(expected, times.convert(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "yesterday",
        "2h ago",
        "-2h",
        "PT-2H",
        "2026-13-01",
        "2",
        "99999999999999999999d",
        "+300000000-01-01"
      })
  void refusesEverythingElse(String text) {
    assertThrows(TypeConversionException.class, () -> times.convert(text));
  }
}
