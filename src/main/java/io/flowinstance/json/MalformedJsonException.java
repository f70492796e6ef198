package io.flowinstance.json;

import com.fasterxml.jackson.core.JsonProcessingException;

/**
 * A text that is no JSON, or breaks one of the limits of {@link Json}. The message is one short
 * sentence that holds at most a few characters of the text.
 */
public final class MalformedJsonException extends JsonProcessingException {
  private static final long serialVersionUID = 1L;

  MalformedJsonException(String message) {
    super(message);
  }
}
