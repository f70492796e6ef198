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
    Variant.PIPELINE, Variant.SAME_BYTES, Variant.PLAIN_CLIENTS, Variant.PARALLEL_CONSUMER
  };
  private static final WarmUp LONG_WARM_UP = WarmUp.of(15, 240);
  private static final WarmUp SHORT_WARM_UP = WarmUp.of(10, 20);
  private static final WarmUp QUICK_WARM_UP = WarmUp.of(3, 3);
  private static final int TARGET_ROUNDS = Integer.getInteger("bench.rounds", 3);
  private static final int TRICKLE_WARM_UP_IDS = 30_000;

  /** Under four minutes: does it work, and about where does it stand. */
  static Plan quick() {
    List<Step> steps = new ArrayList<>();
    steps.add(new StartRun(1, true, false));
    steps.add(new StartRun(1, false, true));
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
              1,
              Duration.ofSeconds(3),
              Duration.ofSeconds(4)));
    }
    steps.add(coldTrickle(1));
    return new Plan(steps);
  }

  /**
   * The grid, one axis at a time around the defaults, in one hour to three. The cells that targets
   * are set for stand first, in three rounds; where the CPU decides, they are given the time that a
   * JVM takes to be warm.
   */
  static Plan full() {
    List<Step> steps = new ArrayList<>();
    steps.add(new BrokerWarmUp(Duration.ofSeconds(40)));
    for (boolean archive : List.of(false, true)) {
      for (int number = 1; number <= 5; number++) {
        steps.add(new StartRun(number, number == 1, archive));
      }
    }
    Cell standard = Cell.of(ApiLatency.NONE, 10);
    Cell heavyTailed = Cell.of(ApiLatency.HEAVY_TAILED, 10);
    for (int tasks : List.of(10, 1000)) {
      addRounds(steps, Cell.of(ApiLatency.NONE, tasks), TARGET_ROUNDS, LONG_WARM_UP, CONTENDERS);
    }
    for (int tasks : List.of(1, 100)) {
      addRounds(
          steps,
          Cell.of(ApiLatency.NONE, tasks),
          TARGET_ROUNDS,
          LONG_WARM_UP,
          Variant.PIPELINE,
          Variant.SAME_BYTES,
          Variant.PARALLEL_CONSUMER);
    }
    addRounds(
        steps, Cell.of(ApiLatency.NONE, 10_000), TARGET_ROUNDS, LONG_WARM_UP, Variant.PIPELINE);
    for (Cell cell : List.of(Cell.of(ApiLatency.TWENTY_MS, 10), heavyTailed)) {
      addRounds(
          steps, cell, TARGET_ROUNDS, SHORT_WARM_UP, Variant.PIPELINE, Variant.PARALLEL_CONSUMER);
    }
    for (Cell cell :
        List.of(
            heavyTailed.concurrency(16),
            heavyTailed.concurrency(256),
            heavyTailed.concurrency(16).partitions(1),
            heavyTailed.partitions(1),
            heavyTailed.concurrency(256).partitions(1))) {
      // The faster the ids, the more it matters what is compiled.
      WarmUp warmUp = cell.concurrency() == 256 ? LONG_WARM_UP : SHORT_WARM_UP;
      addRounds(steps, cell, TARGET_ROUNDS, warmUp, Variant.PIPELINE);
    }
    for (int perSecond : List.of(20, 200)) {
      for (ApiLatency latency : List.of(ApiLatency.NONE, ApiLatency.TWENTY_MS)) {
        steps.add(trickle(Variant.PIPELINE, latency, perSecond));
      }
    }
    steps.add(trickle(Variant.SAME_BYTES, ApiLatency.NONE, 200));
    for (int round = 1; round <= TARGET_ROUNDS; round++) {
      steps.add(coldTrickle(round));
    }
    // One record at a time: two cells say all of it.
    addRounds(steps, standard, 1, SHORT_WARM_UP, Variant.FIRST_DRAFT);
    addRounds(steps, heavyTailed, 1, SHORT_WARM_UP, Variant.FIRST_DRAFT);
    for (int consumers : List.of(1, 4)) {
      addRounds(steps, standard.consumers(consumers), 1, SHORT_WARM_UP, Variant.PIPELINE);
    }
    return new Plan(steps);
  }

  private static TrickleRun trickle(Variant variant, ApiLatency latency, int perSecond) {
    return new TrickleRun(
        variant,
        latency,
        perSecond,
        1,
        TRICKLE_WARM_UP_IDS,
        Duration.ofSeconds(30),
        Duration.ofSeconds(20));
  }

  /** What is due ten seconds after the start, and in the ten seconds that follow. */
  private static TrickleRun coldTrickle(int round) {
    return new TrickleRun(
        Variant.PIPELINE,
        ApiLatency.NONE,
        200,
        round,
        0,
        Duration.ofSeconds(10),
        Duration.ofSeconds(10));
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
