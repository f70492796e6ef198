package io.flowinstance.event;

import static java.time.temporal.ChronoField.NANO_OF_SECOND;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.format.ResolverStyle;
import java.util.Locale;

/**
 * The API's local times: {@code yyyy-MM-dd HH:mm:ss}, and a fraction of up to nine digits if there
 * is one.
 */
final class LocalTimes {
  private static final DateTimeFormatter FORMAT =
      new DateTimeFormatterBuilder()
          .appendPattern("uuuu-MM-dd HH:mm:ss")
          .optionalStart()
          .appendFraction(NANO_OF_SECOND, 1, 9, true)
          .toFormatter(Locale.ROOT)
          .withResolverStyle(ResolverStyle.STRICT);

  private LocalTimes() {}

  /**
   * The instant of a local time, or null if the text is null or no time. Of a time that a change of
   * the clocks repeats, the first is taken; a time that it skips is moved on by its length.
   */
  static Instant instant(String text, ZoneId zone) {
    if (text == null || text.isEmpty()) {
      return null;
    }
    try {
      return LocalDateTime.parse(text, FORMAT).atZone(zone).toInstant();
    } catch (DateTimeException e) {
      return null;
    }
  }
}
