package io.flowinstance.watch;

import java.time.Instant;

/** Which ids the pipeline has not yet led to an outcome. */
@FunctionalInterface
public interface PendingIds {
  /**
   * Whether an id that was sent at this time may still be on its way through the pipeline. False
   * where that is not known.
   */
  boolean isPending(String instanceId, Instant sentAt);
}
