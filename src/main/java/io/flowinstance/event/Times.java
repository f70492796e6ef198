package io.flowinstance.event;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.time.temporal.ChronoField.NANO_OF_SECOND;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.format.ResolverStyle;
import java.util.Locale;

/**
 * The API's local times, {@code yyyy-MM-dd HH:mm:ss} and a fraction of up to nine digits if there
 * is one, and the instants of our messages.
 */
public final class Times {
  private static final DateTimeFormatter LOCAL =
      new DateTimeFormatterBuilder()
          .appendPattern("uuuu-MM-dd HH:mm:ss")
          .optionalStart()
          .appendFraction(NANO_OF_SECOND, 1, 9, true)
          .toFormatter(Locale.ROOT)
          .withResolverStyle(ResolverStyle.STRICT);

  /** For the years that {@link #text} does not spell itself. */
  private static final DateTimeFormatter INSTANT =
      new DateTimeFormatterBuilder().appendInstant(3).toFormatter(Locale.ROOT);

  /** Years beyond have no place in ISO 8601 with four digits. */
  private static final long FIRST_SECOND = Instant.parse("0000-01-01T00:00:00Z").getEpochSecond();

  private static final long LAST_SECOND = Instant.parse("9999-12-31T23:59:59Z").getEpochSecond();

  private static final String PLAIN = "0000-00-00 00:00:00";
  private static final int DATE_LENGTH = 10;

  private Times() {}

  /**
   * ISO 8601 in UTC, with exactly three digits of a second; finer fractions are cut. Without the
   * formatter, which was 8 % of all allocations for an instance of one task.
   */
  public static String text(Instant instant) {
    long second = instant.getEpochSecond();
    if (second < FIRST_SECOND || second > LAST_SECOND) {
      return INSTANT.format(instant);
    }
    LocalDateTime time = LocalDateTime.ofEpochSecond(second, instant.getNano(), ZoneOffset.UTC);
    byte[] text = "0000-00-00T00:00:00.000Z".getBytes(ISO_8859_1);
    spell(time.getYear(), text, 0, 4);
    spell(time.getMonthValue(), text, 5, 7);
    spell(time.getDayOfMonth(), text, 8, 10);
    spell(time.getHour(), text, 11, 13);
    spell(time.getMinute(), text, 14, 16);
    spell(time.getSecond(), text, 17, 19);
    spell(time.getNano() / 1_000_000, text, 20, 23);
    return new String(text, ISO_8859_1);
  }

  private static void spell(int number, byte[] text, int from, int to) {
    int left = number;
    for (int i = to - 1; i >= from; i--) {
      text[i] = (byte) ('0' + left % 10);
      left /= 10;
    }
  }

  /** The text if it is a valid date, {@code yyyy-MM-dd}, else null. */
  static String date(String text) {
    if (text == null || text.length() != DATE_LENGTH || !startsAsPlain(text, DATE_LENGTH)) {
      return null;
    }
    try {
      return LocalDate.of(number(text, 0, 4), number(text, 5, 7), number(text, 8, 10)).getYear() > 0
          ? text
          : null;
    } catch (DateTimeException e) {
      return null;
    }
  }

  /**
   * The instant of a local time, or null if the text is null or no time. Of a time that a change of
   * the clocks repeats, the first is taken; a time that it skips is moved on by its length.
   */
  static Instant instant(String text, ZoneId zone) {
    if (text == null || text.isEmpty()) {
      return null;
    }
    try {
      LocalDateTime time = isPlain(text) ? plain(text) : LocalDateTime.parse(text, LOCAL);
      Instant instant = time.atZone(zone).toInstant();
      long second = instant.getEpochSecond();
      return second < FIRST_SECOND || second > LAST_SECOND ? null : instant;
    } catch (DateTimeException e) {
      return null;
    }
  }

  /** Whether it is what nearly all of them are, {@code yyyy-MM-dd HH:mm:ss} or with {@code .0}. */
  private static boolean isPlain(String text) {
    return (text.length() == 19 || text.length() == 21 && text.endsWith(".0"))
        && startsAsPlain(text, 19);
  }

  private static boolean startsAsPlain(String text, int length) {
    for (int i = 0; i < length; i++) {
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
