package io.flowinstance.metrics;

import io.micrometer.core.instrument.Counter;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.DoubleSupplier;

/** What discover counts. */
public final class DiscoverMetrics {
  private final Counter found;
  private final Counter published;
  private final Counter failures;

  /**
   * @param watermarkAge seconds since the watermark; 0 while another process searches
   * @param isUp whether the last round was published and the watermark can be read
   * @param interval between two rounds
   */
  public DiscoverMetrics(
      PipelineMetrics metrics,
      DoubleSupplier watermarkAge,
      BooleanSupplier isUp,
      Duration interval) {
    found =
        metrics.counter(
            "flow.instance.discover.found",
            "Ids that searches found, those of earlier rounds included.");
    published =
        metrics.counter(
            "flow.instance.discover.published", "Ids of the rounds that were published.");
    failures =
        metrics.counter("flow.instance.discover.failures", "Rounds of discover that failed.");
    metrics.gauge(
        "flow.instance.discover.watermark.age.seconds",
        "Time since the trigger time up to which EnOS was searched; 0 while another process"
            + " searches.",
        watermarkAge);
    metrics.gauge(
        "flow.instance.discover.up",
        "1 while EnOS can be searched and the watermark read and written.",
        () -> isUp.getAsBoolean() ? 1 : 0);
    metrics.gauge(
        "flow.instance.discover.interval.seconds",
        "Time between two rounds.",
        () -> interval.toMillis() / 1e3);
  }

  /** A round was published. */
  public void round(int idsFound, int idsPublished) {
    found.increment(idsFound);
    published.increment(idsPublished);
  }

  public void failed() {
    failures.increment();
  }
}
