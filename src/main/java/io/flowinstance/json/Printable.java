package io.flowinstance.json;

/**
 * Texts from outside, fit for a terminal, a log and a page: one line, and nothing that a terminal
 * would obey or that would turn the text around.
 */
public final class Printable {
  private Printable() {}

  /** The text with every control or formatting character shown as a replacement character. */
  public static String of(String text) {
    StringBuilder printable = new StringBuilder(text.length());
    text.codePoints().map(c -> isHarmless(c) ? c : '\uFFFD').forEach(printable::appendCodePoint);
    return printable.toString();
  }

  /** A JSON text in whose strings every such character is written as an escape. */
  public static String escaped(String json) {
    StringBuilder escaped = new StringBuilder(json.length());
    json.codePoints()
        .forEach(
            c -> {
              if (isHarmless(c)) {
                escaped.appendCodePoint(c);
              } else {
                for (char unit : Character.toChars(c)) {
                  escaped.append("\\u%04x".formatted((int) unit));
                }
              }
            });
    return escaped.toString();
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
