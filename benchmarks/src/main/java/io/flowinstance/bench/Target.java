package io.flowinstance.bench;

import io.flowinstance.bench.Figures.Spread;
import io.flowinstance.bench.Results.Throughput;
import io.flowinstance.bench.Results.Trickle;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * What the pipeline is to reach.
 *
 * @param measured NaN where it was not measured
 * @param atLeast whether it is to be no lower than the limit, rather than no higher
 * @param format of the measured value, with its unit
 */
record Target(String what, double measured, boolean atLeast, double limit, String format) {
  private static final String RATIO = "%.2f";

  /** A target as {@code targets.json} gives it; what was not measured is null. */
  record Entry(String what, String target, Double measured, Boolean reached) {}

  static List<Target> of(Figures figures) {
    List<Target> targets = new ArrayList<>();
    for (int tasks : List.of(1, 10, 100, 1000)) {
      Cell cell = Cell.of(ApiLatency.NONE, tasks);
      targets.add(ahead(figures, cell, Variant.SAME_BYTES, 0.9));
      targets.add(
          atMost(
              "API "
                  + cell.shortTitle()
                  + ": CPU time per id over that of "
                  + Variant.SAME_BYTES.title(),
              figures.ratio(cell, Variant.PIPELINE, Variant.SAME_BYTES, Throughput::cpuMs).median(),
              1.3,
              RATIO));
    }
    targets.add(ahead(figures, Cell.of(ApiLatency.NONE, 10), Variant.PLAIN_CLIENTS, 0.8));
    targets.add(ahead(figures, Cell.of(ApiLatency.NONE, 1000), Variant.PLAIN_CLIENTS, 0.6));
    for (Cell cell :
        List.of(
            Cell.of(ApiLatency.NONE, 1),
            Cell.of(ApiLatency.NONE, 10),
            Cell.of(ApiLatency.NONE, 100),
            Cell.of(ApiLatency.NONE, 1000),
            Cell.of(ApiLatency.TWENTY_MS, 10),
            Cell.of(ApiLatency.HEAVY_TAILED, 10))) {
      targets.add(ahead(figures, cell, Variant.PARALLEL_CONSUMER, 1.1));
    }
    for (int partitions : List.of(TestBed.PARTITIONS, 1)) {
      for (int concurrency : List.of(16, 64, 256)) {
        targets.add(
            ofBound(
                figures,
                Cell.of(ApiLatency.HEAVY_TAILED, 10)
                    .concurrency(concurrency)
                    .partitions(partitions)));
      }
    }
    double cpuPerTask = cpuMsPerTask(figures, 10);
    for (int tasks : List.of(1000, 10_000)) {
      targets.add(
          atMost(
              "API 0 ms, %d tasks: CPU time per task over that at 10 tasks".formatted(tasks),
              cpuMsPerTask(figures, tasks) / cpuPerTask,
              1,
              RATIO));
    }
    targets.add(
        atMost(
            "API 0 ms, 1000 tasks: time in pauses of the garbage collection",
            own(figures, Cell.of(ApiLatency.NONE, 1000), Throughput::pausesPercent).median(),
            5,
            "%.1f %%"));
    targets.add(
        new Target(
            "API 0 ms, 10000 tasks in one graph, heap of 256 MiB: share of the runs that serve it",
            figures.servedShare(Cell.of(ApiLatency.NONE, 10_000), Variant.PIPELINE),
            true,
            1,
            RATIO));
    addLatency(targets, figures, 20, 15, 50);
    addLatency(targets, figures, 200, 25, 90);
    targets.add(
        atMost(
            "200 ids/s, API 0 ms, 10 s after the start: latency, p99",
            figures.trickle(Variant.PIPELINE, ApiLatency.NONE, 200, true, Trickle::p99).median(),
            250,
            "%.0f ms"));
    targets.add(atMost("start to ready", figures.readySeconds(false).median(), 2.5, "%.2f s"));
    targets.add(
        atMost(
            "start to ready, with an archive of classes",
            figures.readySeconds(true).median(),
            1.2,
            "%.2f s"));
    targets.add(
        atMost(
            "peak resident memory under load, highest of all cells",
            figures.highest(Variant.PIPELINE, Throughput::peakMib),
            420,
            "%.0f MiB"));
    return targets;
  }

  private static void addLatency(
      List<Target> targets, Figures figures, int perSecond, double median, double p99) {
    for (ApiLatency latency : List.of(ApiLatency.NONE, ApiLatency.TWENTY_MS)) {
      String what =
          "%d ids/s, API %s: latency beyond the API's own, ".formatted(perSecond, latency.title());
      targets.add(
          atMost(
              what + "median",
              figures.trickle(Variant.PIPELINE, latency, perSecond, false, Trickle::p50).median(),
              median,
              "%.0f ms"));
      targets.add(
          atMost(
              what + "p99",
              figures.trickle(Variant.PIPELINE, latency, perSecond, false, Trickle::p99).median(),
              p99,
              "%.0f ms"));
    }
  }

  private static Target ahead(Figures figures, Cell cell, Variant of, double limit) {
    return new Target(
        "API %s: throughput over that of %s".formatted(cell.shortTitle(), of.title()),
        figures.ratio(cell, Variant.PIPELINE, of, Throughput::perSecond).median(),
        true,
        limit,
        RATIO);
  }

  private static Target ofBound(Figures figures, Cell cell) {
    return new Target(
        "API %s, concurrency %d, partitions %d: throughput over concurrency / mean latency"
            .formatted(cell.latency().title(), cell.concurrency(), cell.partitions()),
        own(figures, cell, Throughput::perSecond).median()
            / cell.latency().bound(cell.concurrency()),
        true,
        0.95,
        RATIO);
  }

  private static Target atMost(String what, double measured, double limit, String format) {
    return new Target(what, measured, false, limit, format);
  }

  private static double cpuMsPerTask(Figures figures, int tasks) {
    return own(figures, Cell.of(ApiLatency.NONE, tasks), Throughput::cpuMs).median() / tasks;
  }

  private static Spread own(Figures figures, Cell cell, ToDoubleFunction<Throughput> figure) {
    return figures.of(cell, Variant.PIPELINE, figure);
  }

  String limitText() {
    return (atLeast ? "≥ " : "≤ ") + format.formatted(limit);
  }

  String measuredText() {
    return Double.isNaN(measured) ? "" : format.formatted(measured);
  }

  String verdict() {
    if (Double.isNaN(measured)) {
      return "not measured";
    }
    return isReached() ? "reached" : "missed";
  }

  Entry entry() {
    return Double.isNaN(measured)
        ? new Entry(what, limitText(), null, null)
        : new Entry(what, limitText(), measured, isReached());
  }

  private boolean isReached() {
    return atLeast ? measured >= limit : measured <= limit;
  }
}
