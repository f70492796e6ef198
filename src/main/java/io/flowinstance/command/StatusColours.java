package io.flowinstance.command;

import io.flowinstance.event.State;
import io.flowinstance.json.Printable;
import java.util.List;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Help.Ansi.Style;

/** Shows the status of a task or an instance, in the colour of its state where there are any. */
final class StatusColours {
  private StatusColours() {}

  static String of(String status, Ansi ansi) {
    return of(status, State.of(status), ansi);
  }

  static String of(String text, State state, Ansi ansi) {
    String printable = Printable.of(text);
    List<Style> styles =
        switch (state) {
          case SUCCEEDED -> List.of(Style.fg_green);
          case FAILED -> List.of(Style.bold, Style.fg_red);
          case RUNNING -> List.of(Style.fg_cyan);
          case WAITING, SUSPENDED -> List.of(Style.fg_yellow);
          case CANCELED, SKIPPED -> List.of(Style.faint);
          case UNKNOWN -> List.of();
        };
    if (!ansi.enabled() || styles.isEmpty()) {
      return printable;
    }
    return Style.on(styles.toArray(Style[]::new)) + printable + Style.reset.on();
  }
}
