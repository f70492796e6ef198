package io.flowinstance.bench;

import io.flowinstance.bench.Figures.Spread;
import io.flowinstance.bench.Results.Throughput;
import io.flowinstance.bench.Results.Trickle;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What the pipeline is to reach.
 *
 * @param measured NaN where it was not measured
 * @param atLeast whether it is to be above the limit rather than below
 * @param format of the measured value, with its unit
 */
record Target(String what, double measured, boolean atLeast, double limit, String format) {
  private static final double OF_THE_FLOOR = 0.9;
  private static final double MEDIAN_MS = 60;
  private static final double P99_MS = 150;
  private static final double READY_SECONDS = 3;
  private static final double MEMORY_MIB = 450;

  static List<Target> of(Figures figures) {
    Cell standard = Cell.of(ApiLatency.NONE, 10);
    Cell heavyTailed = Cell.of(ApiLatency.HEAVY_TAILED, 10);
    List<Target> targets = new ArrayList<>();
    targets.add(ahead(figures, standard, Variant.PLAIN_CLIENTS, OF_THE_FLOOR));
    targets.add(ahead(figures, standard, Variant.PARALLEL_CONSUMER, 1));
    Spread perSecond = figures.of(heavyTailed, Variant.PIPELINE, Throughput::perSecond);
    targets.add(
        new Target(
            "API %s: throughput over concurrency / mean latency"
                .formatted(ApiLatency.HEAVY_TAILED.title()),
            perSecond.median() / ApiLatency.HEAVY_TAILED.bound(heavyTailed.concurrency()),
            true,
            OF_THE_FLOOR,
            "%.2f"));
    targets.add(ahead(figures, heavyTailed, Variant.PLAIN_CLIENTS, 1));
    targets.add(ahead(figures, heavyTailed, Variant.PARALLEL_CONSUMER, 1));
    for (int rate : List.of(20, 200)) {
      for (ApiLatency latency : List.of(ApiLatency.NONE, ApiLatency.TWENTY_MS)) {
        Optional<Trickle> trickle = figures.trickle(Variant.PIPELINE, latency, rate);
        String what =
            "%d ids/s, API %s: latency beyond the API's own, ".formatted(rate, latency.title());
        targets.add(below(what + "median", trickle.map(Trickle::p50), MEDIAN_MS, "%.0f ms"));
        targets.add(below(what + "p99", trickle.map(Trickle::p99), P99_MS, "%.0f ms"));
      }
    }
    targets.add(
        below(
            "start to ready",
            Optional.of(figures.readySeconds().median()),
            READY_SECONDS,
            "%.2f s"));
    targets.add(
        below(
            "peak resident memory, API %s, 10 tasks".formatted(ApiLatency.NONE.title()),
            Optional.of(figures.of(standard, Variant.PIPELINE, Throughput::peakMib).highest()),
            MEMORY_MIB,
            "%.0f MiB"));
    return targets;
  }

  String limitText() {
    return (atLeast ? "≥ " : "< ") + format.formatted(limit);
  }

  String measuredText() {
    return Double.isNaN(measured) ? "" : format.formatted(measured);
  }

  String verdict() {
    if (Double.isNaN(measured)) {
      return "not measured";
    }
    return (atLeast ? measured >= limit : measured < limit) ? "reached" : "missed";
  }

  private static Target ahead(Figures figures, Cell cell, Variant of, double limit) {
    return new Target(
        "API %s: throughput over that of %s".formatted(cell.latency().title(), of.title()),
        figures.ratio(cell, Variant.PIPELINE, of, Throughput::perSecond).median(),
        true,
        limit,
        "%.2f");
  }

  private static Target below(String what, Optional<Double> measured, double limit, String format) {
    return new Target(what, measured.orElse(Double.NaN), false, limit, format);
  }
}
