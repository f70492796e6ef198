package io.flowinstance.fetch;

/** A fetch has ended without an answer, for nobody waits for it any more. */
public final class CancelledException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message one sentence that says why
   */
  public CancelledException(String message) {
    super(message);
  }
}
