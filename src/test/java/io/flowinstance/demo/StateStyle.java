package io.flowinstance.demo;

/** How a state looks on the screen. */
record StateStyle(Screen screen) {
  String coloured(String state, String text) {
    return switch (state) {
      case "SUCCEEDED" -> screen.good(text);
      case "RUNNING" -> screen.busy(text);
      case "FAILED" -> screen.bad(text);
      case "CANCELED", "SKIPPED", "SUSPENDED" -> screen.odd(text);
      default -> screen.faint(text);
    };
  }

  /** What is settled has a mark, what is not has an arrow or a circle. */
  String sign(String state) {
    return switch (state) {
      case "SUCCEEDED" -> screen.sign("✔ ", "+ ");
      case "FAILED" -> screen.sign("✘ ", "x ");
      case "CANCELED", "SKIPPED" -> screen.sign("– ", "- ");
      case "RUNNING" -> screen.sign("▶ ", "> ");
      default -> screen.sign("○ ", "o ");
    };
  }
}
