package io.flowinstance.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

/** How long the simulated API thinks before it answers. */
enum ApiLatency {
  NONE("0 ms", 0, "{\"fixedMs\":0}"),
  TWENTY_MS("20 ms", 20, "{\"fixedMs\":20}"),
  HEAVY_TAILED("40 ms, p99 800 ms", logNormalMean(40, 800), "{\"medianMs\":40,\"p99Ms\":800}");

  private final String title;
  private final double meanMs;
  private final String command;

  ApiLatency(String title, double meanMs, String command) {
    this.title = title;
    this.meanMs = meanMs;
    this.command = command;
  }

  String title() {
    return title;
  }

  /** The mean of the distribution, milliseconds. */
  double meanMs() {
    return meanMs;
  }

  /** What no program with so many calls in flight can exceed, ids per second; infinite at 0 ms. */
  double bound(int concurrency) {
    return 1000 * concurrency / meanMs;
  }

  /** The body of the simulator's call {@code latency}. */
  byte[] command() {
    return command.getBytes(UTF_8);
  }

  private static double logNormalMean(double median, double p99) {
    // The 99th percentile of the standard normal distribution.
    double z99 = 2.3263478740408408;
    double sigma = Math.log(p99 / median) / z99;
    return median * Math.exp(sigma * sigma / 2);
  }
}
