package io.flowinstance.json;

/**
 * JSON as the documentation of the API prints it. There, a string that holds JSON has lost its
 * backslashes:
 *
 * <pre>{@code "graph": "{"creator":"x","parameters":"[]","tasks":[]}",}</pre>
 *
 * <p>Restoring drops the two quotes around such a value, so that it stands as plain JSON. One pass,
 * each character is looked at a few times at most, and rubbish comes out as rubbish.
 */
final class UnescapedJson {
  private final String printed;
  private final StringBuilder restored;
  private final boolean[] opened = new boolean[Json.MAX_NESTING + 1];
  private int depth;
  private int at;

  private UnescapedJson(String printed) {
    this.printed = printed;
    this.restored = new StringBuilder(printed.length());
  }

  /**
   * The text without the quotes around {@code graph} and {@code parameters} values that are not
   * JSON strings.
   */
  static String restore(String printed) {
    return new UnescapedJson(printed).restore();
  }

  private String restore() {
    boolean quoteDropped = false;
    while (at < printed.length()) {
      char c = printed.charAt(at);
      switch (c) {
        case '"' -> quoteDropped = copyString();
        case '{', '[' -> {
          if (++depth > Json.MAX_NESTING) {
            return printed; // Too deep to be read either way.
          }
          opened[depth] = quoteDropped;
          quoteDropped = false;
          copyTo(at + 1);
        }
        case '}', ']' -> {
          copyTo(at + 1);
          boolean quoteLeft = depth > 0 && opened[depth--];
          int next = skipBlanks(at);
          if (quoteLeft && charAt(next) == '"') {
            copyTo(next);
            at++;
          }
        }
        default -> copyTo(at + 1);
      }
    }
    return restored.toString();
  }

  /**
   * Copies the string that begins here. If it is the name of a printed value, what lies between the
   * two goes with it, and the quote of the value is dropped.
   *
   * @return whether a quote was dropped, and the bracket of the value comes next
   */
  private boolean copyString() {
    int start = at;
    int end = endOfString(start);
    copyTo(end);
    int colon = skipBlanks(end);
    boolean isPrintable =
        printed.startsWith("\"graph\"", start) || printed.startsWith("\"parameters\"", start);
    if (!isPrintable || charAt(colon) != ':') {
      return false;
    }
    int quote = skipBlanks(colon + 1);
    if (charAt(quote) != '"') {
      return false;
    }
    int bracket = skipBlanks(quote + 1);
    if ((charAt(bracket) != '{' && charAt(bracket) != '[') || isWholeString(quote)) {
      return false;
    }
    copyTo(quote);
    at++;
    copyTo(bracket);
    return true;
  }

  /** A string is whole if something that may stand after a value stands after its closing quote. */
  private boolean isWholeString(int start) {
    int next = skipBlanks(endOfString(start));
    return next >= printed.length() || ",}]".indexOf(printed.charAt(next)) >= 0;
  }

  /** The place after the closing quote, or the end of the text. */
  private int endOfString(int start) {
    for (int i = start + 1; i < printed.length(); i++) {
      char c = printed.charAt(i);
      if (c == '\\') {
        i++;
      } else if (c == '"') {
        return i + 1;
      }
    }
    return printed.length();
  }

  private int skipBlanks(int from) {
    int i = from;
    while (i < printed.length() && " \t\r\n".indexOf(printed.charAt(i)) >= 0) {
      i++;
    }
    return i;
  }

  /** The character there, or NUL, which starts nothing in JSON, past the end. */
  private char charAt(int i) {
    return i < printed.length() ? printed.charAt(i) : '\0';
  }

  private void copyTo(int end) {
    restored.append(printed, at, end);
    at = end;
  }
}
