package io.flowinstance.fetch;

import io.flowinstance.trace.RecordSpan;

/** A fetch that somebody waits for, with as much heap as it asks for. */
class WantedFetch implements FetchScope {
  @Override
  public boolean isCancelled() {
    return false;
  }

  @Override
  public boolean tryAcquire(Runnable available) {
    return true;
  }

  @Override
  public boolean tryGrowTo(long bytes) {
    return true;
  }

  @Override
  public void release() {}

  @Override
  public RecordSpan span() {
    return RecordSpan.NONE;
  }
}
