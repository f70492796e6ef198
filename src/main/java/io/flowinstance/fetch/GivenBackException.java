package io.flowinstance.fetch;

/** An id is given back to its topic, without an outcome: it will be polled again. */
public final class GivenBackException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  GivenBackException(String message) {
    super(message);
  }

  static GivenBackException abandoned() {
    return new GivenBackException("Its consumer has started over.");
  }
}
