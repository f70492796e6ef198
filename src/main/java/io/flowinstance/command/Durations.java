package io.flowinstance.command;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Lengths of time in words. */
final class Durations {
  private Durations() {}

  /** Its two largest units, such as {@code 2 h 5 min} or {@code 5.250 s}; never negative. */
  static String text(Duration duration) {
    if (duration.compareTo(Duration.ofMinutes(1)) < 0) {
      int millis = duration.toMillisPart();
      return millis == 0
          ? duration.toSeconds() + " s"
          : "%d.%03d s".formatted(duration.toSeconds(), millis);
    }
    List<String> parts = new ArrayList<>();
    add(parts, duration.toDays(), "d");
    add(parts, duration.toHoursPart(), "h");
    add(parts, duration.toMinutesPart(), "min");
    add(parts, duration.toSecondsPart(), "s");
    return String.join(" ", parts.subList(0, Math.min(2, parts.size())));
  }

  private static void add(List<String> parts, long count, String unit) {
    if (count > 0) {
      parts.add(count + " " + unit);
    }
  }
}
