package io.flowinstance.watch;

import java.time.Instant;

/** Tells which ids still wait for their outcome. */
@FunctionalInterface
public interface PendingIds {
  /**
   * Whether an id that was sent at this time may still be on its way through the pipeline. False if
   * that is not known.
   */
  boolean isPending(String instanceId, Instant sentAt);
}
