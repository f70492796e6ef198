package io.flowinstance.bench;

import io.flowinstance.bench.Results.Start;
import io.flowinstance.bench.Results.Throughput;
import io.flowinstance.bench.Results.Trickle;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;

/** What the results come to: medians over the rounds, and ratios within each round. */
record Figures(Results results) {
  /** The median of some values, and how far they lie apart; all NaN where there is none. */
  record Spread(double median, double lowest, double highest, int values) {
    static Spread of(DoubleStream values) {
      double[] sorted = values.filter(value -> !Double.isNaN(value)).sorted().toArray();
      if (sorted.length == 0) {
        return new Spread(Double.NaN, Double.NaN, Double.NaN, 0);
      }
      int middle = sorted.length / 2;
      double median =
          sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
      return new Spread(median, sorted[0], sorted[sorted.length - 1], sorted.length);
    }
  }

  /** The cells that were looked at, in that order. */
  List<Cell> cells() {
    return results.throughputs().stream().map(Throughput::cell).distinct().toList();
  }

  int rounds(Cell cell) {
    return runs(cell, Variant.PIPELINE).mapToInt(Throughput::round).max().orElse(0);
  }

  /** A figure of a variant in a cell, over the rounds. */
  Spread of(Cell cell, Variant variant, ToDoubleFunction<Throughput> figure) {
    return Spread.of(runs(cell, variant).mapToDouble(figure));
  }

  /** A figure of one variant over that of another in the same round, over the rounds. */
  Spread ratio(Cell cell, Variant variant, Variant to, ToDoubleFunction<Throughput> figure) {
    return Spread.of(
        runs(cell, variant)
            .mapToDouble(
                run ->
                    runs(cell, to)
                        .filter(other -> other.round() == run.round())
                        .mapToDouble(
                            other -> figure.applyAsDouble(run) / figure.applyAsDouble(other))
                        .findFirst()
                        .orElse(Double.NaN)));
  }

  /** Whether every run of this variant in this cell failed, of which there was at least one. */
  boolean failed(Cell cell, Variant variant) {
    return runs(cell, variant).findAny().isPresent()
        && runs(cell, variant).allMatch(run -> run.failure() != null);
  }

  private Stream<Throughput> runs(Cell cell, Variant variant) {
    return results.throughputs().stream()
        .filter(run -> run.cell().equals(cell) && run.variant() == variant);
  }

  /** The share of the runs of this variant in this cell that have figures; NaN without runs. */
  double servedShare(Cell cell, Variant variant) {
    return runs(cell, variant)
        .mapToInt(run -> run.failure() == null ? 1 : 0)
        .average()
        .orElse(Double.NaN);
  }

  /** The highest figure of a variant in any cell; NaN where there is none. */
  double highest(Variant variant, ToDoubleFunction<Throughput> figure) {
    return Spread.of(
            results.throughputs().stream()
                .filter(run -> run.variant() == variant)
                .mapToDouble(figure))
        .highest();
  }

  /** A figure of a variant under a trickle, over the rounds. */
  Spread trickle(
      Variant variant,
      ApiLatency latency,
      int perSecond,
      boolean cold,
      ToDoubleFunction<Trickle> figure) {
    return Spread.of(
        results.trickles().stream()
            .filter(run -> run.variant() == variant && run.latency() == latency)
            .filter(run -> run.perSecond() == perSecond && run.cold() == cold)
            .mapToDouble(figure));
  }

  Spread readySeconds(boolean archive) {
    return starts(archive, Start::readySeconds);
  }

  Spread restMib(boolean archive) {
    return starts(archive, Start::restMib);
  }

  private Spread starts(boolean archive, ToDoubleFunction<Start> figure) {
    return Spread.of(
        results.starts().stream().filter(s -> s.archive() == archive).mapToDouble(figure));
  }

  /** One line for each run that has no figures. */
  List<String> failures() {
    return Stream.concat(
            results.throughputs().stream()
                .filter(run -> run.failure() != null)
                .map(
                    run ->
                        "%s, %s, round %d: %s"
                            .formatted(
                                run.cell().title(),
                                run.variant().title(),
                                run.round(),
                                run.failure())),
            results.trickles().stream()
                .filter(run -> run.failure() != null)
                .map(
                    run ->
                        "%d ids/s, API %s, %s: %s"
                            .formatted(
                                run.perSecond(),
                                run.latency().title(),
                                run.variant().title(),
                                run.failure())))
        .toList();
  }

  static List<Variant> others() {
    return Arrays.stream(Variant.values()).filter(v -> v != Variant.PIPELINE).toList();
  }
}
