package io.flowinstance.id;

/** The value of an id record holds no usable id; the message says why in one sentence. */
public final class MalformedIdException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  MalformedIdException(String message) {
    super(message);
  }
}
