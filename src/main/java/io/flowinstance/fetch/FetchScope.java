package io.flowinstance.fetch;

import io.flowinstance.trace.RecordSpan;

/** All that a fetch knows of whoever waits for it. */
public interface FetchScope {
  /** Whether nobody waits for the answer any more. */
  boolean isCancelled();

  /**
   * Takes the heap that an answer may need, before a call. What is cancelled needs none: ask for
   * that afterwards.
   *
   * @param available runs, on any thread, once another try is worth it; only after {@code false}
   * @return false if there is none now
   */
  boolean tryAcquire(Runnable available);

  /**
   * Takes more heap, if what was taken is not enough for the answer that comes.
   *
   * @param bytes that are needed in all
   * @return false if there is not so much now: the next {@link #tryAcquire} asks for it
   */
  boolean tryGrowTo(long bytes);

  /** Releases what {@link #tryAcquire} took: the call brought no answer. */
  void release();

  /** The span that the calls belong to. */
  RecordSpan span();
}
