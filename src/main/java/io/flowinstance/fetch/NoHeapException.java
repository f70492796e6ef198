package io.flowinstance.fetch;

/** There is no heap for an answer now; the call is made again once there is. */
final class NoHeapException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  NoHeapException(long bytes) {
    super("The answer needs " + bytes + " bytes of heap, which others hold now.");
  }
}
