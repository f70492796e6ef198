package io.flowinstance.outcome;

/** The events of an instance are larger than those of one outcome may be. */
public final class OutcomeTooLargeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  OutcomeTooLargeException(long mostBytes) {
    super("The events of the instance take more than %d bytes in all.".formatted(mostBytes));
  }
}
