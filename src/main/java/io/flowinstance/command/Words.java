package io.flowinstance.command;

import io.flowinstance.event.State;
import io.flowinstance.json.Printable;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Help.Ansi.Style;

/** Numbers, lengths of time and statuses, as a person reads them. */
final class Words {
  private Words() {}

  /** {@code 1 line}, {@code 2 lines}. */
  static String count(long number, String thing) {
    return number + " " + thing + (number == 1 ? "" : "s");
  }

  /** Its two largest units, such as {@code 2 h 5 min} or {@code 5.250 s}; never negative. */
  static String duration(Duration length) {
    if (length.compareTo(Duration.ofMinutes(1)) < 0) {
      int millis = length.toMillisPart();
      return length.toSeconds() + (millis == 0 ? " s" : ".%03d s".formatted(millis));
    }
    return Stream.of(
            length.toDays() + " d",
            length.toHoursPart() + " h",
            length.toMinutesPart() + " min",
            length.toSecondsPart() + " s")
        .filter(part -> !part.startsWith("0 "))
        .limit(2)
        .collect(Collectors.joining(" "));
  }

  /** A text from outside, in the colour of a state where there are any. */
  static String coloured(String text, State state, Ansi ansi) {
    return styled(
        Printable.of(text),
        ansi,
        switch (state) {
          case SUCCEEDED -> List.of(Style.fg_green);
          case FAILED -> List.of(Style.bold, Style.fg_red);
          case RUNNING -> List.of(Style.fg_cyan);
          case WAITING, SUSPENDED -> List.of(Style.fg_yellow);
          case CANCELED, SKIPPED -> List.of(Style.faint);
          case UNKNOWN -> List.of();
        });
  }

  static String styled(String text, Ansi ansi, List<Style> styles) {
    return ansi.enabled() && !styles.isEmpty()
        ? Style.on(styles.toArray(Style[]::new)) + text + Style.reset.on()
        : text;
  }
}
