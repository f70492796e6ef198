package io.flowinstance.delivery;

/** Ids of a batch were given back: the consumer has to resume at the committed offsets. */
public final class BatchGivenBackException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  BatchGivenBackException(String message) {
    super(message);
  }
}
