package io.flowinstance.graph;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * The API answered, but not with a FlowInstance that can be read. The message is one sentence that
 * names the place, as a JSON pointer into the FlowInstance, and shows the first characters of the
 * value found there.
 */
public final class UnreadableResponseException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final int MAX_SHOWN = 80;

  private final String what;
  private final transient JsonNode value;

  UnreadableResponseException(String what, JsonNode value) {
    // The message names the place in the response; the place in the decoder would add only time.
    super(null, null, false, false);
    this.what = what;
    this.value = value;
  }

  /** Made only when it is read: of a million tasks that cannot be read, ten are named. */
  @Override
  public String getMessage() {
    return what + ": " + cut(String.valueOf(value));
  }

  private static String cut(String text) {
    if (text.length() <= MAX_SHOWN) {
      return text;
    }
    boolean insidePair = Character.isHighSurrogate(text.charAt(MAX_SHOWN - 1));
    return text.substring(0, insidePair ? MAX_SHOWN - 1 : MAX_SHOWN) + "…";
  }
}
