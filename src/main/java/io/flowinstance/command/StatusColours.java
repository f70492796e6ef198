package io.flowinstance.command;

import java.util.List;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Help.Ansi.Style;

/** Shows the status of a task or an instance, in its colour where there are any. */
final class StatusColours {
  private StatusColours() {}

  static String of(String status, Ansi ansi) {
    String text = Printable.of(status);
    List<Style> styles =
        switch (status) {
          case "SUCCESS" -> List.of(Style.fg_green);
          case "FAIL", "INTERNAL_ERROR", "TIMEOUT" -> List.of(Style.bold, Style.fg_red);
          case "RUNNING", "RERUN" -> List.of(Style.fg_cyan);
          case "INIT", "WAIT", "READY", "SUSPEND" -> List.of(Style.fg_yellow);
          case "CANCEL", "SKIP", "NONE" -> List.of(Style.faint);
          default -> List.of();
        };
    if (!ansi.enabled() || styles.isEmpty()) {
      return text;
    }
    return Style.on(styles.toArray(Style[]::new)) + text + Style.reset.on();
  }
}
