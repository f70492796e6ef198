package io.flowinstance.fetch;

import io.flowinstance.trace.OpenSpan;

/** What a fetch knows of whoever waits for its answer. */
public interface FetchScope {
  /** Nobody in particular: never cancelled, without a bound of memory, in no trace. */
  FetchScope NONE =
      new FetchScope() {
        @Override
        public boolean isCancelled() {
          return false;
        }

        @Override
        public boolean tryAcquire(Runnable available) {
          return true;
        }

        @Override
        public void release() {
          // Nothing was taken.
        }

        @Override
        public OpenSpan span() {
          return OpenSpan.NONE;
        }
      };

  /** Whether nobody waits for the answer any more. */
  boolean isCancelled();

  /**
   * Takes the memory that an answer may need.
   *
   * @param available runs once it is worth another try, if there is not enough now
   * @return whether it was taken
   */
  boolean tryAcquire(Runnable available);

  /** Gives back what {@link #tryAcquire} took: the call brought no answer. */
  void release();

  /** The span that the calls belong to. */
  OpenSpan span();
}
