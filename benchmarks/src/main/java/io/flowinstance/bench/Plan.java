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
  private static final Variant[] CONTENDERS = {
    Variant.PIPELINE, Variant.PLAIN_CLIENTS, Variant.PARALLEL_CONSUMER
  };
  private static final WarmUp LONG_WARM_UP = WarmUp.of(15, 70);
  private static final WarmUp SHORT_WARM_UP = WarmUp.of(10, 20);
  private static final WarmUp QUICK_WARM_UP = WarmUp.of(3, 3);
  private static final int TRICKLE_WARM_UP_IDS = 30_000;

  /** Under three minutes: does it work, and about where does it stand. */
  static Plan quick() {
    List<Step> steps = new ArrayList<>();
    steps.add(new StartRun(1, true));
    for (ApiLatency latency : List.of(ApiLatency.NONE, ApiLatency.HEAVY_TAILED)) {
      // One record at a time is slow in any cell: one says enough.
      for (Variant variant : latency == ApiLatency.NONE ? Variant.values() : CONTENDERS) {
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
              1,
              Duration.ofSeconds(3),
              Duration.ofSeconds(4)));
    }
    return new Plan(steps);
  }

  /**
   * The grid, one axis at a time around the defaults. The cells that targets are set for stand
   * first, more often, and are given the time that a JVM takes to be warm; the others are not, or
   * it would take hours.
   */
  static Plan full() {
    List<Step> steps = new ArrayList<>();
    steps.add(new BrokerWarmUp(Duration.ofSeconds(40)));
    for (int number = 1; number <= 5; number++) {
      steps.add(new StartRun(number, number == 1));
    }
    Cell standard = Cell.of(ApiLatency.NONE, 10);
    Cell heavyTailed = Cell.of(ApiLatency.HEAVY_TAILED, 10);
    addRounds(steps, standard, 2, LONG_WARM_UP, CONTENDERS);
    addRounds(steps, heavyTailed, 2, LONG_WARM_UP, CONTENDERS);
    for (int perSecond : List.of(20, 200)) {
      for (ApiLatency latency : List.of(ApiLatency.NONE, ApiLatency.TWENTY_MS)) {
        steps.add(trickle(Variant.PIPELINE, latency, perSecond));
      }
    }
    for (Variant other : List.of(Variant.PLAIN_CLIENTS, Variant.PARALLEL_CONSUMER)) {
      steps.add(trickle(other, ApiLatency.NONE, 200));
    }
    // One record at a time: two cells say all of it.
    addRounds(steps, standard, 1, SHORT_WARM_UP, Variant.FIRST_DRAFT);
    addRounds(steps, heavyTailed, 1, SHORT_WARM_UP, Variant.FIRST_DRAFT);
    List<Cell> cells = new ArrayList<>();
    for (int tasks : List.of(1000, 100, 1)) {
      cells.add(Cell.of(ApiLatency.NONE, tasks));
    }
    cells.add(Cell.of(ApiLatency.HEAVY_TAILED, 1000));
    cells.add(Cell.of(ApiLatency.TWENTY_MS, 10));
    for (int concurrency : List.of(16, 256)) {
      cells.add(heavyTailed.concurrency(concurrency));
    }
    for (int consumers : List.of(1, 4)) {
      cells.add(standard.consumers(consumers));
    }
    for (Cell cell : cells) {
      addRounds(steps, cell, 1, SHORT_WARM_UP, CONTENDERS);
    }
    return new Plan(steps);
  }

  private static TrickleRun trickle(Variant variant, ApiLatency latency, int perSecond) {
    return new TrickleRun(
        variant,
        latency,
        perSecond,
        TRICKLE_WARM_UP_IDS,
        Duration.ofSeconds(40),
        Duration.ofSeconds(20));
  }

  /** Those whose title contains one of these texts, which a bar parts, and the warm-up. */
  Plan only(String texts) {
    List<String> wanted = List.of(texts.split("\\|"));
    return new Plan(
        steps.stream()
            .filter(
                step ->
                    step instanceof BrokerWarmUp
                        || wanted.stream().anyMatch(text -> step.title().contains(text)))
            .toList());
  }

  Duration length() {
    return steps.stream().map(Step::length).reduce(Duration.ZERO, Duration::plus);
  }

  private static void addRounds(
      List<Step> steps, Cell cell, int rounds, WarmUp warmUp, Variant... variants) {
    // Few come out of a slow API per second, and they come in bursts.
    Duration window = Duration.ofSeconds(cell.latency() == ApiLatency.HEAVY_TAILED ? 10 : 8);
    List<Variant> order = new ArrayList<>(List.of(variants));
    Collections.rotate(order, steps.size() / variants.length);
    for (int round = 1; round <= rounds; round++) {
      for (Variant variant : order) {
        steps.add(new ThroughputRun(cell, variant, round, warmUp, window));
      }
      Collections.rotate(order, 1);
    }
  }
}
