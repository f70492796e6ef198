package io.flowinstance.delivery;

/** Ids were given back: the consumer has to resume at the committed offsets. */
public final class BatchGivenBackException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  BatchGivenBackException(String message) {
    super(message);
  }
}
