package io.flowinstance.faults;

import static io.flowinstance.faults.AvailabilityBed.FULL;
import static io.flowinstance.faults.AvailabilityBed.MOST_LINES;
import static io.flowinstance.faults.AvailabilityBed.p99;

import io.flowinstance.faults.Deployment.Feed;
import io.flowinstance.faults.Deployment.SentId;
import io.flowinstance.simulator.ApiRequest;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import io.flowinstance.simulator.FaultScope.Endpoint;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Scenarios in which the gateway serves, but not everybody and not at any speed. */
final class Restrictions {
  private static final int WAITING = FULL ? 1_000 : 200;
  private static final int PER_SECOND = 10;
  private static final int FAILING = 5;
  private static final int CANARY_CALLS = 5;

  private final AvailabilityBed bed;

  Restrictions(AvailabilityBed bed) {
    this.bed = bed;
  }

  /** Lets so many calls through in each second of the clock; true for those that it does not. */
  private static final class Quota implements Predicate<ApiRequest> {
    private final int perSecond;
    private long second;
    private int calls;

    private Quota(int perSecond) {
      this.perSecond = perSecond;
    }

    @Override
    public synchronized boolean test(ApiRequest call) {
      long now = System.nanoTime() / 1_000_000_000;
      if (now != second) {
        second = now;
        calls = 0;
      }
      return ++calls > perSecond;
    }
  }

  /** Our own limit of ten calls per second; many ids wait, and five fail twice. */
  AvailabilityResult ownRateLimit() throws InterruptedException {
    AvailabilityResult result = new AvailabilityResult("F own rate limit", PER_SECOND + "/s");
    Map<String, String> limit = Map.of("FETCH_RATE_LIMIT_PER_SECOND", Integer.toString(PER_SECOND));
    try (Deployment pipeline = bed.prepare(limit)) {
      List<SentId> ids = new ArrayList<>();
      for (String id : Stream.generate(Deployment::newId).limit(FAILING).toList()) {
        bed.enos().faults().set(Fault.status(500), FaultScope.ids(id).times(2));
        ids.add(pipeline.send(id, 0));
      }
      ids.addAll(pipeline.feed(WAITING, 10_000, AvailabilityBed::anyPartition).join());
      pipeline.start().process().awaitReady();
      long began = System.nanoTime();
      Duration patience = Duration.ofSeconds(30 + 3L * ids.size() / (2 * PER_SECOND));
      pipeline.awaitOutcomes(ids, patience);
      result.recovered((System.nanoTime() - began) / 1e9);
      bed.enos().faults().clear();
      long failing =
          ids.subList(0, FAILING).stream().mapToLong(id -> callsUntilOutcome(pipeline, id)).sum();
      long others = calls(ids) - failing;
      result.calls(failing + others);
      result.deadLetters(ids.stream().filter(pipeline::isDeadLetter).count());
      result.check(failing == 3L * FAILING, "five ids that fail twice cost %d calls", failing);
      // One more now and then: an instance served last shows whether the API is there.
      result.check(others <= WAITING + CANARY_CALLS, "the other %d cost %d calls", WAITING, others);
      result.checkServed("ids", pipeline, ids);
      result.checkLines(warnings(pipeline), MOST_LINES);
      return result;
    }
  }

  private long calls(List<SentId> ids) {
    return ids.stream().mapToLong(id -> bed.enos().traffic().callsOf(id.id())).sum();
  }

  /** Without those that ask for it as a canary, once it was served. */
  private long callsUntilOutcome(Deployment pipeline, SentId id) {
    return Arrays.stream(bed.enos().traffic().callTimesOf(id.id()))
        .filter(time -> !pipeline.hasOutcomeBefore(id, time))
        .count();
  }

  private static long warnings(Deployment pipeline) {
    return pipeline.log().stream()
        .filter(line -> line.contains(" WARN ") || line.contains(" ERROR "))
        .count();
  }

  /** The gateway lets twenty calls per second through and answers 429 to the others. */
  AvailabilityResult gatewayRateLimit() throws InterruptedException {
    int perSecond = 2 * PER_SECOND;
    AvailabilityResult result = new AvailabilityResult("F gateway's rate limit", perSecond + "/s");
    Deployment pipeline = bed.shared("busy");
    int linesBefore = pipeline.log().size();
    bed.enos()
        .faults()
        .set(
            Fault.retryAfter(429, Duration.ofSeconds(1)),
            FaultScope.all().on(Endpoint.GET).where(new Quota(perSecond)));
    long began = System.nanoTime();
    List<SentId> ids = pipeline.feed(WAITING, 10_000, AvailabilityBed::anyPartition).join();
    pipeline.awaitOutcomes(ids, Duration.ofSeconds(30 + 2L * WAITING / perSecond));
    result.recovered((System.nanoTime() - began) / 1e9);
    bed.enos().faults().clear();
    long calls = calls(ids);
    result.calls(calls);
    result.deadLetters(ids.stream().filter(pipeline::isDeadLetter).count());
    result.checkServed("ids", pipeline, ids);
    result.check(calls <= 3L * WAITING, "%d ids cost %d calls", WAITING, calls);
    result.checkLines(pipeline.log().size() - linesBefore, MOST_LINES);
    return result;
  }

  /** The API refuses the token of a busy process, and {@code token/get} hands it out again. */
  AvailabilityResult revokedToken() throws InterruptedException {
    AvailabilityResult result = new AvailabilityResult("F revoked token", "401");
    Deployment pipeline = bed.shared("busy");
    int linesBefore = pipeline.log().size();
    Feed feed = pipeline.feed(300, 50, AvailabilityBed::anyPartition);
    Deployment.parkUntil(System.nanoTime() + Duration.ofSeconds(1).toNanos());
    long tokenCallsBefore = bed.enos().traffic().tokenCalls();
    long revoked = System.nanoTime();
    bed.enos().tokens().revokeAll();
    List<SentId> ids = feed.join();
    pipeline.awaitOutcomes(ids, Duration.ofSeconds(15));
    long tokenCalls = bed.enos().traffic().tokenCalls() - tokenCallsBefore;
    result.calls(tokenCalls);
    result.deadLetters(ids.stream().filter(pipeline::isDeadLetter).count());
    result.p99(p99(pipeline, ids));
    long slow =
        ids.stream()
            .filter(id -> id.sentAt() - revoked > Duration.ofSeconds(2).toNanos())
            .filter(pipeline::hasOutcome)
            .mapToLong(id -> pipeline.outcomes(id).get(0).readAt() - id.sentAt())
            .max()
            .orElse(Long.MAX_VALUE);
    result.checkTime(slow < 1_500_000_000L, "2 s after it, ids still wait");
    result.checkServed("ids", pipeline, ids);
    result.check(tokenCalls <= 6, "it costs %d calls of the token service", tokenCalls);
    result.checkLines(pipeline.log().size() - linesBefore, MOST_LINES);
    // A token that the API takes, for whoever comes next.
    bed.enos().tokens().application(bed.enos().tokens().appKey(), bed.enos().tokens().appSecret());
    return result;
  }

  /** A firewall that answers 403 to every request without an {@code Accept} header. */
  AvailabilityResult firewall() throws InterruptedException {
    AvailabilityResult result = new AvailabilityResult("F firewall", "no Accept");
    // As many as a heap of 256 MiB allows: it warns of more at its start.
    Map<String, String> answers = Map.of("FETCH_MAX_RESPONSE_BYTES", "8388608");
    try (Deployment pipeline = bed.prepare(answers)) {
      bed.enos()
          .faults()
          .set(
              Fault.status(403),
              FaultScope.wholeGateway().where(call -> call.header("accept").isEmpty()));
      List<SentId> ids = pipeline.feed(60, 1_000, AvailabilityBed::anyPartition).join();
      pipeline.start();
      pipeline.awaitOutcomes(ids, Duration.ofSeconds(20));
      bed.enos().faults().clear();
      result.deadLetters(ids.stream().filter(pipeline::isDeadLetter).count());
      result.checkServed("ids", pipeline, ids);
      result.checkLines(warnings(pipeline), 0);
      return result;
    }
  }
}
