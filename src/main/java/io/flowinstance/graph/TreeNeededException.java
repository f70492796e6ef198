package io.flowinstance.graph;

/**
 * An object is read as a stream, and only its tree tells what counts in it or what is wrong with
 * it. It costs nothing to throw, and nobody sees it.
 */
final class TreeNeededException extends RuntimeException {
  static final TreeNeededException INSTANCE = new TreeNeededException();

  private static final long serialVersionUID = 1L;

  private TreeNeededException() {
    super(null, null, false, false);
  }
}
