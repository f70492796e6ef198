package io.flowinstance.json;

import com.fasterxml.jackson.core.JsonProcessingException;

/**
 * A text that is not JSON, or breaks one of the limits of {@link Json}. The message is one short
 * sentence that holds at most a few characters of the text.
 */
public final class MalformedJsonException extends JsonProcessingException {
  private static final long serialVersionUID = 1L;

  private final boolean tooLarge;

  MalformedJsonException(String message, boolean tooLarge) {
    super(message);
    this.tooLarge = tooLarge;
  }

  /** Whether the text breaks a limit, such as {@link Json#MAX_TOKENS}; it may be JSON then. */
  public boolean isTooLarge() {
    return tooLarge;
  }
}
