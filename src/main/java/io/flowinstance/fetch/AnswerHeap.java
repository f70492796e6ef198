package io.flowinstance.fetch;

/**
 * Reserves heap for the answer to the call of the current thread. A thread-local, because
 * HttpClient does not tell {@link CallBounds} which fetch an answer belongs to, but runs it on the
 * fetch's thread.
 */
final class AnswerHeap {
  /** A body's bytes, its text, and its graph as a text. */
  private static final int COPIES_OF_A_BODY = 3;

  /**
   * What a value takes beside its text: 35 bytes as a known field of a task, 110 as one in the map
   * of the unknown ones. No answer takes three times what is reserved, whatever is in it.
   */
  private static final int BYTES_OF_A_VALUE = 64;

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
   * Reserves the heap that reading a body takes.
   *
   * @param bytes the length of the body
   * @param values how many JSON values are in it, as far as that is known
   * @throws NoHeapException there is not enough heap now
   */
  static void take(long bytes, long values) {
    FetchScope scope = SCOPE.get();
    long needed = COPIES_OF_A_BODY * bytes + BYTES_OF_A_VALUE * values;
    if (scope != null && !scope.tryGrowTo(needed)) {
      throw new NoHeapException(needed);
    }
  }
}
