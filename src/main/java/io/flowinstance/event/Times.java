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

  private static final String PLAIN = "0000-00-00 00:00:00";

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
      LocalDateTime time = isPlain(text) ? plain(text) : LocalDateTime.parse(text, FORMAT);
      return time.atZone(zone).toInstant();
    } catch (DateTimeException e) {
      return null;
    }
  }

  /** Whether it is what nearly all of them are, {@code yyyy-MM-dd HH:mm:ss} or with {@code .0}. */
  private static boolean isPlain(String text) {
    if (text.length() != 19 && !(text.length() == 21 && text.endsWith(".0"))) {
      return false;
    }
    for (int i = 0; i < 19; i++) {
      char c = text.charAt(i);
      if (PLAIN.charAt(i) == '0' ? c < '0' || c > '9' : c != PLAIN.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  /** Without the formatter, which was 4 % of the CPU time of an instance of ten tasks. */
  private static LocalDateTime plain(String text) {
    return LocalDateTime.of(
        number(text, 0, 4),
        number(text, 5, 7),
        number(text, 8, 10),
        number(text, 11, 13),
        number(text, 14, 16),
        number(text, 17, 19));
  }

  private static int number(String text, int from, int to) {
    return Integer.parseInt(text, from, to, 10);
  }
}
