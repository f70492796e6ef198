package io.flowinstance.metrics;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.function.DoubleSupplier;

/** What discover counts. */
public final class DiscoverMetrics {
  private final Counter found;
  private final Counter published;
  private final Counter failures;

  /**
   * @param watermarkAge seconds since the watermark; 0 while another process searches
   */
  public DiscoverMetrics(MeterRegistry registry, DoubleSupplier watermarkAge) {
    found =
        counter(
            registry,
            "flow.instance.discover.found",
            "Ids that searches found, those of earlier rounds included.");
    published =
        counter(registry, "flow.instance.discover.published", "Ids that discover published.");
    failures =
        counter(registry, "flow.instance.discover.failures", "Rounds of discover that failed.");
    Gauge.builder(
            "flow.instance.discover.watermark.age.seconds",
            watermarkAge,
            DoubleSupplier::getAsDouble)
        .strongReference(true)
        .description(
            "Time since the trigger time up to which EnOS was searched; 0 while another process"
                + " searches.")
        .register(registry);
  }

  /** A round was published. */
  public void round(int idsFound, int idsPublished) {
    found.increment(idsFound);
    published.increment(idsPublished);
  }

  public void failed() {
    failures.increment();
  }

  private static Counter counter(MeterRegistry registry, String name, String description) {
    return Counter.builder(name).description(description).register(registry);
  }
}
