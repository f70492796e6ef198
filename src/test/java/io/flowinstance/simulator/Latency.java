package io.flowinstance.simulator;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** How long the simulated API thinks before it answers; drawn anew for each call. */
@FunctionalInterface
public interface Latency {
  /** The 99th percentile of the standard normal distribution. */
  double Z99 = 2.3263478740408408;

  long nextNanos();

  static Latency none() {
    return () -> 0;
  }

  static Latency fixed(Duration latency) {
    long nanos = latency.toNanos();
    return () -> nanos;
  }

  /** Log-normal, the usual form of service times: most calls near the median, and a long tail. */
  static Latency logNormal(Duration median, Duration p99) {
    if (median.isZero() || median.compareTo(p99) > 0) {
      throw new IllegalArgumentException(
          "A log-normal latency needs 0 < median <= p99, not " + median + " and " + p99);
    }
    double mu = Math.log(median.toNanos());
    double sigma = (Math.log(p99.toNanos()) - mu) / Z99;
    return () -> Math.round(Math.exp(mu + sigma * ThreadLocalRandom.current().nextGaussian()));
  }
}
