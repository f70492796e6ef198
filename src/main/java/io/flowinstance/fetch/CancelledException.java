package io.flowinstance.fetch;

/** Nobody waits for an answer any more: its record is polled again, by this process or another. */
public final class CancelledException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public CancelledException(String message) {
    super(message);
  }
}
