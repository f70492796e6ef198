package io.flowinstance.command;

import io.flowinstance.json.Printable;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Reads a point in time, to the millisecond: {@code 2026-01-31T10:00:00Z}, {@code 2026-01-31T10:00}
 * or {@code 2026-01-31} in UTC, or a time ago: {@code 90s}, {@code 2h}, {@code 1d12h}, {@code
 * PT2H}.
 */
final class PointInTime implements ITypeConverter<Instant> {
  private final Clock clock;

  PointInTime(Clock clock) {
    this.clock = clock;
  }

  @Override
  public Instant convert(String text) {
    try {
      // What has no epoch milliseconds fails here.
      return Instant.ofEpochMilli(
          read(text.strip().toUpperCase(Locale.ROOT).replace(' ', 'T')).toEpochMilli());
    } catch (DateTimeException | ArithmeticException e) {
      throw new TypeConversionException(
          "\"%s\" is not a time: give it as 2026-01-31T10:00:00Z, 2026-01-31T10:00 (UTC), or 2h for two hours ago."
              .formatted(Printable.of(text)));
    }
  }

  private Instant read(String text) {
    if (text.matches("P[^-]*")) {
      return clock.instant().minus(Duration.parse(text));
    }
    if (text.matches("(\\d+D)?(\\d+H)?(\\d+M)?(\\d+S)?") && !text.isEmpty()) {
      int days = text.indexOf('D') + 1;
      String ofDay = text.substring(days);
      return clock
          .instant()
          .minus(
              Duration.parse("P" + text.substring(0, days) + (ofDay.isEmpty() ? "" : "T" + ofDay)));
    }
    if (text.matches(".*T.*(Z|[+-]\\d\\d:?\\d\\d)")) {
      return Instant.from(DateTimeFormatter.ISO_OFFSET_DATE_TIME.parse(text));
    }
    return text.contains("T")
        ? LocalDateTime.parse(text).toInstant(ZoneOffset.UTC)
        : LocalDate.parse(text).atStartOfDay().toInstant(ZoneOffset.UTC);
  }
}
