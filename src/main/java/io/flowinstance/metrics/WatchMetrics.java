package io.flowinstance.metrics;

import io.micrometer.core.instrument.MeterRegistry;
import java.util.Set;

/** What the change feed counts. */
public final class WatchMetrics {
  /**
   * @param states every state of an instance or task, and REMOVED
   */
  public WatchMetrics(MeterRegistry registry, Set<String> states) {}
}
