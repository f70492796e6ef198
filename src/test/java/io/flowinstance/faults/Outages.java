package io.flowinstance.faults;

import static io.flowinstance.faults.AvailabilityBed.BUDGET;
import static io.flowinstance.faults.AvailabilityBed.DEFAULT_BUDGET;
import static io.flowinstance.faults.AvailabilityBed.DEFAULT_TIMEOUT;
import static io.flowinstance.faults.AvailabilityBed.MOST_LINES;
import static io.flowinstance.faults.AvailabilityBed.OUTAGE;
import static io.flowinstance.faults.AvailabilityBed.RECOVERY;
import static io.flowinstance.faults.AvailabilityBed.TIMEOUT;
import static io.flowinstance.faults.AvailabilityBed.TOLERANCE;
import static io.flowinstance.faults.AvailabilityBed.p99;
import static org.awaitility.Awaitility.await;

import io.flowinstance.faults.Deployment.Feed;
import io.flowinstance.faults.Deployment.SentId;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import io.flowinstance.simulator.FaultScope.Endpoint;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.awaitility.core.ConditionTimeoutException;

/** Scenarios in which the gateway fails as a whole, or half of the calls do. */
final class Outages {
  private static final int BUSY_PER_SECOND = 100;
  private static final int PER_SECOND = 50;
  private static final int IDLE_IDS = 40;
  private static final Duration START = Duration.ofSeconds(60);
  private static final Duration AFTER_OUTAGE = Duration.ofSeconds(3);

  private final AvailabilityBed bed;

  Outages(AvailabilityBed bed) {
    this.bed = bed;
  }

  /** Whether readiness says in words that the API is the cause. */
  private static boolean isOutage(String readiness) {
    return readiness.startsWith("503 ") && readiness.contains("EnOS");
  }

  /** A process in an outage: what it was sent, what it said. */
  private final class Witness {
    private final Deployment pipeline;
    private final AvailabilityResult result;
    private final int linesBefore;
    private List<SentId> ids;
    private String readiness;

    private Witness(Deployment pipeline, String scenario, GatewayFailure kind, int linesBefore) {
      this.pipeline = pipeline;
      this.result = new AvailabilityResult(scenario, kind);
      this.linesBefore = linesBefore;
    }

    private boolean notices() {
      return isOutage(pipeline.readinessNow());
    }

    private void checkRecovery(long over) {
      List<SentId> waiting = ids.stream().filter(id -> id.sentAt() - over < 0).toList();
      Duration left = RECOVERY.minusNanos(System.nanoTime() - over);
      int without = pipeline.awaitOutcomes(waiting, left);
      result.check(
          without == 0,
          "%d of %d ids have no outcome %d s after it",
          without,
          waiting.size(),
          RECOVERY.toSeconds());
      // Late, but not lost?
      pipeline.awaitOutcomes(ids, Duration.ofSeconds(60));
      long last =
          waiting.stream()
              .flatMap(id -> pipeline.outcomes(id).stream())
              .mapToLong(outcome -> outcome.readAt() - over)
              .max()
              .orElse(0);
      result.recovered(Math.max(0, last) / 1e9);
      result.deadLetters(ids.stream().filter(pipeline::isDeadLetter).count());
      result.checkServed("ids", pipeline, ids);
    }

    private void checkWords(GatewayFailure kind) {
      // A gateway that throttles everybody is there.
      result.check(
          kind.isThrottling() || isOutage(readiness),
          "readiness said \"%s\" at its end",
          readiness);
      try {
        await()
            .atMost(Duration.ofSeconds(10))
            .until(() -> pipeline.readinessNow().startsWith("200 "));
      } catch (ConditionTimeoutException e) {
        result.check(false, "readiness says \"%s\" after it", pipeline.readinessNow());
      }
      List<String> log = pipeline.log();
      long lines =
          log.subList(linesBefore, log.size()).stream()
              // Of a process that starts, what it says about its start does not count.
              .filter(
                  line -> linesBefore > 0 || line.contains(" WARN ") || line.contains(" ERROR "))
              .count();
      result.checkLines(lines, MOST_LINES);
    }
  }

  /**
   * One outage for three processes: a busy one, one that is idle until ids come in the outage, and
   * one that starts in it. It lasts until each of them has noticed, or could have.
   */
  AvailabilityResult[] outage(String scenario, GatewayFailure kind, FaultScope scope)
      throws InterruptedException {
    Deployment busyPipeline = bed.shared("busy");
    Deployment idlePipeline = bed.shared("idle");
    AtomicBoolean fed = new AtomicBoolean();
    try (Deployment freshPipeline = bed.prepare(Map.of())) {
      Feed busyFeed =
          busyPipeline.feedUntil(fed::get, BUSY_PER_SECOND, AvailabilityBed::anyPartition);
      await().until(() -> busyFeed.sent().size() >= BUSY_PER_SECOND);
      Witness busy =
          new Witness(busyPipeline, scenario + ", busy", kind, busyPipeline.log().size());
      Witness idle =
          new Witness(idlePipeline, scenario + ", idle", kind, idlePipeline.log().size());
      Witness fresh = new Witness(freshPipeline, scenario + ", fresh", kind, 0);
      List<Witness> witnesses = List.of(busy, idle, fresh);

      long began = System.nanoTime();
      int callsBefore = bed.enos().traffic().calls();
      kind.begin(bed.enos(), scope);
      fresh.ids = freshPipeline.feed(20, 1000, AvailabilityBed::anyPartition).join();
      freshPipeline.start();
      Deployment.parkUntil(began + OUTAGE.dividedBy(5).toNanos());
      Feed idleFeed =
          idlePipeline.feed(
              IDLE_IDS, 2.0 * IDLE_IDS / OUTAGE.toSeconds(), AvailabilityBed::anyPartition);
      Deployment.parkUntil(began + OUTAGE.toNanos());
      awaitNotice(kind, witnesses, freshPipeline);
      witnesses.forEach(witness -> witness.readiness = witness.pipeline.readinessNow());
      busy.result.calls(bed.enos().traffic().calls() - callsBefore);
      kind.end(bed.enos());
      long over = System.nanoTime();

      Deployment.parkUntil(over + AFTER_OUTAGE.toNanos());
      fed.set(true);
      idle.ids = idleFeed.join();
      busy.ids = busyFeed.join();
      for (Witness witness : witnesses) {
        witness.checkRecovery(over);
        witness.checkWords(kind);
      }
      return new AvailabilityResult[] {busy.result, idle.result, fresh.result};
    } finally {
      fed.set(true);
    }
  }

  /** A process that starts needs its time, more on a busy machine, and then a budget. */
  private static void awaitNotice(
      GatewayFailure kind, List<Witness> witnesses, Deployment starting) {
    await().atMost(START).until(() -> !starting.readinessNow().isEmpty());
    try {
      await()
          .atMost(BUDGET.plus(TIMEOUT).plus(TOLERANCE))
          .until(() -> kind.isThrottling() || witnesses.stream().allMatch(Witness::notices));
    } catch (ConditionTimeoutException e) {
      // Its result says so.
    }
  }

  /** Half of the instance queries fail so, at random; with the default budget, made for it. */
  AvailabilityResult half(GatewayFailure kind) throws InterruptedException {
    AvailabilityResult result = new AvailabilityResult("D half of the calls", kind);
    Map<String, String> defaults =
        Map.of(
            "FETCH_RETRY_BUDGET_MS", Long.toString(DEFAULT_BUDGET.toMillis()),
            "FETCH_TIMEOUT_MS", Long.toString(DEFAULT_TIMEOUT.toMillis()));
    try (Deployment pipeline = bed.prepare(defaults).start()) {
      pipeline.awaitServing();
      int linesBefore = pipeline.log().size();
      int callsBefore = bed.enos().traffic().calls();
      bed.enos().faults().set(Fault.forShare(0.5, kind.fault()), FaultScope.all().on(Endpoint.GET));
      List<SentId> ids =
          pipeline
              .feed(
                  PER_SECOND * (int) OUTAGE.toSeconds(), PER_SECOND, AvailabilityBed::anyPartition)
              .join();
      kind.end(bed.enos());
      long over = System.nanoTime();
      int without = pipeline.awaitOutcomes(ids, RECOVERY);
      result.recovered((System.nanoTime() - over) / 1e9);
      result.calls(bed.enos().traffic().calls() - callsBefore);
      long deadLetters = ids.stream().filter(pipeline::isDeadLetter).count();
      result.deadLetters(deadLetters);
      result.p99(p99(pipeline, ids));
      result.check(without == 0, "%d of %d ids have no outcome", without, ids.size());
      result.check(
          deadLetters <= ids.size() / 10_000,
          "%d of %d ids are dead letters",
          deadLetters,
          ids.size());
      result.checkLines(pipeline.log().size() - linesBefore, MOST_LINES);
      return result;
    }
  }
}
