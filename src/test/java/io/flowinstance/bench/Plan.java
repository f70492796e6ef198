package io.flowinstance.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * What is measured, in order. Of a cell, the variants of a round stand beside each other in time,
 * and each round begins with another one, so that a machine that drifts favours none of them.
 */
record Plan(List<Step> steps) {
  private static final Duration FULL_WARM_UP = Duration.ofSeconds(12);
  private static final Duration QUICK_WARM_UP = Duration.ofSeconds(4);

  /** Under three minutes: does it work, and about where does it stand. */
  static Plan quick() {
    List<Step> steps = new ArrayList<>();
    steps.add(new StartRun(1, true));
    for (ApiLatency latency : List.of(ApiLatency.NONE, ApiLatency.HEAVY_TAILED)) {
      for (Variant variant : Variant.values()) {
        steps.add(
            new ThroughputRun(
                Cell.of(latency, 10), variant, 1, QUICK_WARM_UP, Duration.ofSeconds(4)));
      }
    }
    for (int perSecond : List.of(20, 200)) {
      steps.add(
          new TrickleRun(
              Variant.PIPELINE,
              ApiLatency.NONE,
              perSecond,
              Duration.ofSeconds(3),
              Duration.ofSeconds(4)));
    }
    return new Plan(steps);
  }

  /** About 40 minutes: the grid, one axis at a time, and latency by tasks. */
  static Plan full() {
    List<Step> steps = new ArrayList<>();
    for (int number = 1; number <= 5; number++) {
      steps.add(new StartRun(number, number == 1));
    }
    Cell standard = Cell.of(ApiLatency.NONE, 10);
    Cell heavyTailed = Cell.of(ApiLatency.HEAVY_TAILED, 10);
    // Those that targets are set for stand first, and more often.
    addRounds(steps, standard, 3, Variant.values());
    addRounds(steps, heavyTailed, 3, Variant.values());
    addRounds(steps, Cell.of(ApiLatency.TWENTY_MS, 10), 1, Variant.values());
    List<Cell> cells = new ArrayList<>();
    for (ApiLatency latency : ApiLatency.values()) {
      for (int tasks : List.of(1, 100, 1000)) {
        cells.add(Cell.of(latency, tasks));
      }
    }
    for (int concurrency : List.of(16, 256)) {
      cells.add(standard.concurrency(concurrency));
      cells.add(heavyTailed.concurrency(concurrency));
    }
    for (int lanes : List.of(1, 4)) {
      cells.add(standard.lanes(lanes));
    }
    // One record at a time tells nothing new here.
    for (Cell cell : cells) {
      addRounds(steps, cell, 1, Variant.PIPELINE, Variant.PLAIN_CLIENTS, Variant.PARALLEL_CONSUMER);
    }
    for (int perSecond : List.of(20, 200)) {
      for (ApiLatency latency : List.of(ApiLatency.NONE, ApiLatency.TWENTY_MS)) {
        for (Variant variant : Variant.values()) {
          steps.add(
              new TrickleRun(variant, latency, perSecond, FULL_WARM_UP, Duration.ofSeconds(8)));
        }
      }
    }
    return new Plan(steps);
  }

  /** Those whose title contains this text. */
  Plan only(String text) {
    return new Plan(steps.stream().filter(step -> step.title().contains(text)).toList());
  }

  Duration length() {
    return steps.stream().map(Step::length).reduce(Duration.ZERO, Duration::plus);
  }

  private static void addRounds(List<Step> steps, Cell cell, int rounds, Variant... variants) {
    // Few come out of a slow API per second, and they come in bursts.
    Duration window = Duration.ofSeconds(cell.latency() == ApiLatency.HEAVY_TAILED ? 10 : 8);
    List<Variant> order = new ArrayList<>(List.of(variants));
    Collections.rotate(order, steps.size() / variants.length);
    for (int round = 1; round <= rounds; round++) {
      for (Variant variant : order) {
        steps.add(new ThroughputRun(cell, variant, round, FULL_WARM_UP, window));
      }
      Collections.rotate(order, 1);
    }
  }
}
