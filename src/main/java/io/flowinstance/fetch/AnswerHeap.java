package io.flowinstance.fetch;

/**
 * The heap for the answer of the call that a thread makes. HttpClient hands an answer to {@link
 * CallBounds} without any word of who asked, but on the thread that did.
 */
final class AnswerHeap {
  /** A body's bytes, its text, and its graph as a text. */
  private static final int COPIES_OF_A_BODY = 3;

  /** A field of a task in its map, or an element of the tasks that is not a task. */
  private static final int BYTES_OF_A_VALUE = 128;

  private static final ThreadLocal<FetchScope> SCOPE = new ThreadLocal<>();

  private AnswerHeap() {}

  /** The calls of this thread are made for this scope, until {@link #end}. */
  static void begin(FetchScope scope) {
    SCOPE.set(scope);
  }

  static void end() {
    SCOPE.remove();
  }

  /**
   * Takes the heap for what is going to be read out of a body.
   *
   * @param bytes of the body
   * @param values in it, as far as they are known
   * @throws NoHeapException there is not so much now
   */
  static void take(long bytes, long values) {
    FetchScope scope = SCOPE.get();
    long needed = COPIES_OF_A_BODY * bytes + BYTES_OF_A_VALUE * values;
    if (scope != null && !scope.tryGrowTo(needed)) {
      throw new NoHeapException(needed);
    }
  }
}
