package io.flowinstance.faults;

import static io.flowinstance.faults.AvailabilityBed.BUDGET;
import static io.flowinstance.faults.AvailabilityBed.MOST_CALLS;
import static io.flowinstance.faults.AvailabilityBed.MOST_LINES;
import static io.flowinstance.faults.AvailabilityBed.RECOVERY;
import static io.flowinstance.faults.AvailabilityBed.SAME_PARTITION;
import static io.flowinstance.faults.AvailabilityBed.TIMEOUT;
import static io.flowinstance.faults.AvailabilityBed.TOLERANCE;
import static io.flowinstance.faults.AvailabilityBed.p99;

import io.flowinstance.faults.Deployment.Feed;
import io.flowinstance.faults.Deployment.Readiness;
import io.flowinstance.faults.Deployment.SentId;
import io.flowinstance.simulator.FaultScope;
import io.flowinstance.simulator.FaultScope.Endpoint;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** Scenarios in which some records always fail, and all others are served. */
final class FailingRecords {
  private static final int BLOCK = 30;

  /** A healthy process whose outcomes are so old has no processor. */
  private static final long BUSY_MS = 1_000;

  private static final Duration MOST_BESIDE_A_BLOCK = Duration.ofMillis(1_500);
  private static final Duration LEAST_TRAFFIC = Duration.ofSeconds(3);
  private static final String FOREIGN = "foreign";

  private final AvailabilityBed bed;

  FailingRecords(AvailabilityBed bed) {
    this.bed = bed;
  }

  /** One record that always fails so, among 100 good ids per second. */
  AvailabilityResult one(GatewayFailure kind) throws InterruptedException {
    String id = Deployment.newId();
    return one("A one record", kind, id, id, FaultScope.ids(id));
  }

  /** One record that names an organization of which every query fails so. */
  AvailabilityResult foreign(GatewayFailure kind) throws InterruptedException {
    String id = Deployment.newId();
    String value =
        "{\"flowInstId\":\"%s\",\"userId\":\"%s\",\"orgId\":\"%s\"}"
            .formatted(id, FOREIGN, FOREIGN);
    FaultScope scope =
        FaultScope.all()
            .on(Endpoint.GET)
            .where(call -> call.parameter("orgId").filter(FOREIGN::equals).isPresent());
    return one("E foreign organization", kind, id, value, scope);
  }

  private AvailabilityResult one(
      String scenario, GatewayFailure kind, String badId, String value, FaultScope scope)
      throws InterruptedException {
    Deployment pipeline = bed.shared("busy");
    // The same traffic without the failure, at the same time on the same machine.
    Deployment control = bed.shared("idle");
    int linesBefore = pipeline.log().size();

    long began = System.nanoTime();
    kind.begin(bed.enos(), scope);
    SentId bad = pipeline.send(badId, value, 0);
    long latest = began + BUDGET.plus(TIMEOUT).plus(TOLERANCE).toNanos();
    long earliest = began + LEAST_TRAFFIC.toNanos();
    BooleanSupplier over =
        () ->
            System.nanoTime() - latest > 0
                || System.nanoTime() - earliest > 0 && pipeline.hasOutcome(bad);
    Feed feed = pipeline.feedUntil(over, 100, AvailabilityBed::anyPartition);
    Feed controlFeed = control.feedUntil(over, 100, AvailabilityBed::anyPartition);
    List<SentId> good = feed.join();
    List<SentId> controlIds = controlFeed.join();
    pipeline.awaitOutcomes(good, Duration.ofSeconds(10));
    control.awaitOutcomes(controlIds, Duration.ofSeconds(10));
    List<Readiness> readiness = pipeline.readinessSince(began);
    AvailabilityResult result = new AvailabilityResult(scenario, kind);
    result.checkLines(pipeline.log().size() - linesBefore, MOST_LINES);
    checkBad(result, pipeline, bad, kind);
    kind.end(bed.enos());

    result.checkServed("good ids", pipeline, good);
    long without = p99(control, controlIds);
    long p99 = p99(pipeline, good, id -> id.partition() != bad.partition());
    result.p99Without(without);
    result.p99(p99);
    checkAge(result, "ids of other partitions", p99, without);
    if (SAME_PARTITION) {
      long beside = p99(pipeline, good, id -> id.partition() == bad.partition());
      checkAge(result, "ids of its partition", beside, without);
    }
    result.checkAlwaysReady(readiness);
    return result;
  }

  private void checkBad(
      AvailabilityResult result, Deployment pipeline, SentId bad, GatewayFailure kind) {
    long[] calls = bed.enos().traffic().callTimesOf(bad.id());
    long firstToLast = calls.length == 0 ? 0 : (calls[calls.length - 1] - calls[0]) / 1_000_000;
    List<Outcomes.Outcome> outcomes = pipeline.outcomes(bad);
    result.deadLetters(outcomes.stream().filter(Outcomes.Outcome::isDeadLetter).count());
    result.calls(calls.length);
    result.firstToLast(firstToLast);
    result.check(outcomes.size() == 1, "the record has %d outcomes", outcomes.size());
    outcomes.forEach(
        outcome ->
            result.check(
                kind.reason().equals(outcome.deadLetterReason()),
                "its reason is %s instead of %s",
                outcome.deadLetterReason(),
                kind.reason()));
    result.check(
        firstToLast <= BUDGET.toMillis() + 500,
        "its last call begins %d ms after its first",
        firstToLast);
    result.check(calls.length <= MOST_CALLS, "it costs %d calls", calls.length);
  }

  /** Two processes on a busy machine: half as long again, or 500 ms more, shows nothing. */
  private static void checkAge(AvailabilityResult result, String who, long p99, long without) {
    if (without > BUSY_MS) {
      result.remark("the machine is too busy to compare the ages of " + who);
    }
    result.checkTime(
        p99 <= Math.max(without + 500, without * 3 / 2),
        "the p99 of %s is %d ms instead of %d ms",
        who,
        p99,
        without);
  }

  /**
   * Thirty ids that always fail so, alone at first, then under good ones at 20 per second, in other
   * partitions.
   *
   * @param goodIds how many good ones; with none, the block stays alone
   */
  AvailabilityResult block(GatewayFailure kind, int goodIds) throws InterruptedException {
    Deployment pipeline = bed.shared("busy");
    List<String> ids = Stream.generate(Deployment::newId).limit(BLOCK).toList();
    kind.begin(bed.enos(), FaultScope.ids(ids.toArray(String[]::new)));
    int linesBefore = pipeline.log().size();
    long began = System.nanoTime();
    List<SentId> bad = new ArrayList<>();
    for (String id : ids) {
      bad.add(pipeline.send(id, bad.size() % 2));
    }
    if (goodIds > 0) {
      Deployment.parkUntil(began + BUDGET.dividedBy(2).toNanos());
    }
    Feed feed =
        pipeline.feed(
            goodIds,
            20,
            i ->
                SAME_PARTITION ? AvailabilityBed.anyPartition(i) : 2 + i % (Topics.PARTITIONS - 2));
    List<SentId> good = feed.join();
    Duration patience = BUDGET.multipliedBy(2).plus(TOLERANCE);
    pipeline.awaitOutcomes(bad, patience.minusNanos(System.nanoTime() - began));
    pipeline.awaitOutcomes(good, Duration.ofSeconds(5));

    AvailabilityResult result =
        new AvailabilityResult(goodIds > 0 ? "B block, then good ids" : "B block alone", kind);
    result.checkLines(pipeline.log().size() - linesBefore, MOST_LINES);
    long deadLetters = bad.stream().filter(pipeline::isDeadLetter).count();
    long calls = ids.stream().mapToLong(bed.enos().traffic()::callsOf).sum();
    kind.end(bed.enos());
    result.deadLetters(deadLetters);
    result.calls(calls);
    if (kind.isThrottling()) {
      // So many that are told to slow down slow the process down: they may be served in the end.
      pipeline.awaitOutcomes(bad, RECOVERY);
      long settled = bad.stream().filter(id -> pipeline.outcomes(id).size() == 1).count();
      result.check(settled == bad.size(), "%d of %d have one outcome", settled, bad.size());
    } else {
      checkBlock(result, pipeline, bad, began + patience.toNanos());
    }
    result.check(calls <= (long) BLOCK * MOST_CALLS, "the block costs %d calls", calls);
    result.checkServed("good ids", pipeline, good);
    if (goodIds > 0) {
      long p99 = p99(pipeline, good);
      result.p99(p99);
      Duration most = kind.isThrottling() ? BUDGET.multipliedBy(2) : MOST_BESIDE_A_BLOCK;
      result.checkTime(p99 <= most.toMillis(), "the p99 of good ids is %d ms", p99);
    }
    return result;
  }

  private static void checkBlock(
      AvailabilityResult result, Deployment pipeline, List<SentId> bad, long deadline) {
    long late = bad.stream().filter(id -> !pipeline.hasOutcomeBefore(id, deadline)).count();
    result.check(
        late == 0, "%d of %d have no dead letter within twice the budget", late, bad.size());
    long twice = bad.stream().filter(id -> pipeline.outcomes(id).size() > 1).count();
    result.check(twice == 0, "%d have more than one outcome", twice);
    long served =
        bad.stream().filter(id -> pipeline.hasOutcome(id) && !pipeline.isDeadLetter(id)).count();
    result.check(served == 0, "%d were served", served);
  }
}
