package io.flowinstance.command;

/** Texts from outside, fit for a terminal: one line, and nothing that the terminal would obey. */
final class Printable {
  private Printable() {}

  /** The text with every control or formatting character shown as a replacement character. */
  static String of(String text) {
    StringBuilder printable = new StringBuilder(text.length());
    text.codePoints().map(c -> isHarmless(c) ? c : '\uFFFD').forEach(printable::appendCodePoint);
    return printable.toString();
  }

  private static boolean isHarmless(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      default -> true;
    };
  }
}
