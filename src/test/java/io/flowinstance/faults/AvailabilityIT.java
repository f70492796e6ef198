package io.flowinstance.faults;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.faults.Deployment.Feed;
import io.flowinstance.faults.Deployment.Readiness;
import io.flowinstance.faults.Deployment.SentId;
import io.flowinstance.simulator.EnosSimulator;
import io.flowinstance.simulator.FaultScope;
import io.flowinstance.simulator.FaultScope.Endpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.awaitility.core.ConditionTimeoutException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * No record stops the others, and no outage costs an id: the packaged JAR on a real broker, while
 * the gateway fails in each of the ways of {@link GatewayFailure}. Prints a table, which is also in
 * {@code target/availability.txt}.
 *
 * <p>A thin slice by default, everything with {@code -Pchaos}. System properties:
 *
 * <ul>
 *   <li>{@code application.jar}: the JAR that is judged
 *   <li>{@code availability.kinds}: labels of {@link GatewayFailure}, comma-separated, or {@code
 *       all}
 *   <li>{@code availability.production} (true): retry budget and timeout are the defaults, 30 s and
 *       10 s, instead of 6 s and 2 s
 *   <li>{@code availability.outage-seconds}: how long an outage lasts
 *   <li>{@code availability.same-partition} (true): ids of the partition of a failing one must not
 *       wait for it either
 * </ul>
 */
@TestMethodOrder(MethodOrderer.MethodName.class)
class AvailabilityIT {
  private static final boolean FULL = Boolean.getBoolean("chaos");
  private static final String KINDS = System.getProperty("availability.kinds", FULL ? "all" : "");
  private static final boolean PRODUCTION = Boolean.getBoolean("availability.production");
  private static final boolean SAME_PARTITION = Boolean.getBoolean("availability.same-partition");
  private static final Duration BUDGET = Duration.ofSeconds(PRODUCTION ? 30 : 6);
  private static final Duration TIMEOUT = Duration.ofSeconds(PRODUCTION ? 10 : 2);
  private static final Duration OUTAGE =
      Duration.ofSeconds(Integer.getInteger("availability.outage-seconds", outageSeconds()));

  /** A process gives its ids back, or dead letters them, by this much later at most. */
  private static final Duration TOLERANCE = Duration.ofSeconds(2);

  private static final Duration RECOVERY = Duration.ofSeconds(15);
  private static final int MOST_LINES = 6;
  private static final int MOST_CALLS = PRODUCTION ? 40 : 20;

  private static final List<AvailabilityResult> RESULTS = new ArrayList<>();

  private static KafkaBroker broker;
  private static EnosSimulator enos;
  private static final Map<String, Deployment> DEPLOYMENTS = new HashMap<>();

  private static int outageSeconds() {
    if (FULL) {
      return 60;
    }
    return KINDS.isEmpty() ? 10 : 20;
  }

  @BeforeAll
  static void startBrokerAndApi() {
    broker = KafkaBroker.launch();
    enos = EnosSimulator.start();
    enos.requireSignature(true);
    enos.instances().frozen(true);
  }

  @AfterAll
  static void stopBrokerAndApi() throws IOException {
    DEPLOYMENTS.values().forEach(Deployment::close);
    enos.close();
    broker.close();
    StringBuilder table = new StringBuilder(AvailabilityResult.HEAD);
    RESULTS.forEach(table::append);
    System.out.print(table);
    Files.writeString(Path.of("target", "availability.txt"), table);
  }

  private static Stream<GatewayFailure> kinds(GatewayFailure... slice) {
    return switch (KINDS) {
      case "" -> Arrays.stream(slice);
      case "all" -> Arrays.stream(GatewayFailure.values());
      default -> Arrays.stream(KINDS.split(",")).map(GatewayFailure::of);
    };
  }

  private static Stream<GatewayFailure> singleKinds(GatewayFailure... slice) {
    return kinds(slice).filter(kind -> !kind.isOfTheWholeGateway());
  }

  static Stream<GatewayFailure> ofOneRecord() {
    return singleKinds(GatewayFailure.STATUS_403);
  }

  static Stream<GatewayFailure> ofABlock() {
    return singleKinds(GatewayFailure.STATUS_500);
  }

  static Stream<GatewayFailure> ofTheGateway() {
    return kinds(GatewayFailure.LOGIN_PAGE);
  }

  /** A process with short times that several scenarios share, ready and warm. */
  private static Deployment shared(String name) throws InterruptedException {
    Deployment deployment = DEPLOYMENTS.get(name);
    if (deployment == null) {
      deployment = Deployment.prepare(broker, enos, settings()).start();
      DEPLOYMENTS.put(name, deployment);
      return deployment.warmUp(400);
    }
    return deployment.warmUp(Topics.PARTITIONS);
  }

  private static Map<String, String> settings() {
    return Map.of(
        "FETCH_RETRY_BUDGET_MS", Long.toString(BUDGET.toMillis()),
        "FETCH_TIMEOUT_MS", Long.toString(TIMEOUT.toMillis()));
  }

  /** Notes the result, and fails if something is not as it should be. */
  private static void judge(AvailabilityResult... results) {
    List<String> findings = new ArrayList<>();
    for (AvailabilityResult result : results) {
      RESULTS.add(result);
      System.out.print(result);
      findings.addAll(result.findings());
    }
    if (!findings.isEmpty()) {
      // What it still carries along must not be put down to the next scenario.
      DEPLOYMENTS.values().forEach(Deployment::close);
      DEPLOYMENTS.clear();
    }
    assertEquals(List.of(), findings);
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("ofOneRecord")
  void a_oneRecordThatAlwaysFailsIsADeadLetterAndNobodyElseShowsIt(GatewayFailure kind)
      throws Exception {
    String bad = Deployment.newId();
    oneRecord("A one record", kind, bad, bad, FaultScope.ids(bad));
  }

  private static void oneRecord(
      String scenario, GatewayFailure kind, String bad, String value, FaultScope scope)
      throws InterruptedException {
    AvailabilityResult result = new AvailabilityResult(scenario, kind);
    Deployment pipeline = shared("busy");
    List<SentId> before = pipeline.feed(300, 100, AvailabilityIT::anyPartition).join();
    pipeline.awaitOutcomes(before, Duration.ofSeconds(5));
    long p99Without = p99(pipeline, before, id -> true);
    int linesBefore = pipeline.log().size();
    long began = System.nanoTime();

    kind.begin(enos, scope);
    SentId failing = pipeline.send(bad, value, 0);
    long latest = began + BUDGET.plus(TIMEOUT).plus(TOLERANCE).toNanos();
    Feed feed =
        pipeline.feedUntil(
            () ->
                System.nanoTime() - latest > 0
                    || pipeline.hasOutcome(failing)
                        && System.nanoTime() - began > Duration.ofSeconds(3).toNanos(),
            Integer.MAX_VALUE,
            100,
            AvailabilityIT::anyPartition);
    List<SentId> good = feed.join();
    pipeline.awaitOutcomes(good, Duration.ofSeconds(10));
    List<Readiness> readiness = pipeline.readinessSince(began);
    long lines = pipeline.log().size() - linesBefore;
    long[] calls = enos.traffic().callTimesOf(bad);
    kind.end(enos);

    long deadLetters = pipeline.outcomes(failing).size();
    long firstToLast = calls.length == 0 ? 0 : (calls[calls.length - 1] - calls[0]) / 1_000_000;
    long p99 = p99(pipeline, good, id -> id.partition() != failing.partition());
    result.deadLetters(deadLetters);
    result.calls(Integer.toString(calls.length));
    result.firstToLast(firstToLast);
    result.p99(p99);
    result.p99Without(p99Without);
    result.lines(lines);
    result.check(deadLetters == 1, "the record has %d dead letters", deadLetters);
    pipeline
        .outcomes(failing)
        .forEach(
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
    result.checkServed("good ids", pipeline, good);
    checkAge(result, "ids of other partitions", p99, p99Without);
    long p99Beside = p99(pipeline, good, id -> id.partition() == failing.partition());
    if (SAME_PARTITION) {
      checkAge(result, "ids of its partition", p99Beside, p99Without);
    }
    long unready = readiness.stream().filter(said -> !said.answer().startsWith("200 ")).count();
    result.check(unready == 0, "%d of %d times it was not ready", unready, readiness.size());
    result.check(lines <= MOST_LINES, "it logged %d lines", lines);
    judge(result);
  }

  /** The machine has other work: what is half as long again, or 250 ms more, shows nothing. */
  private static void checkAge(AvailabilityResult result, String who, long p99, long p99Without) {
    result.check(
        p99 <= Math.max(p99Without + 250, p99Without * 3 / 2),
        "the p99 of %s is %d ms instead of %d ms",
        who,
        p99,
        p99Without);
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("ofABlock")
  void b_aBlockOfFailingIdsIsDeadLetteredAndGoodOnesGoOn(GatewayFailure kind) throws Exception {
    block("B block, then good ids", kind, 300);
  }

  static Stream<GatewayFailure> ofALoneBlock() {
    return singleKinds();
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("ofALoneBlock")
  void b_aBlockOfFailingIdsAloneIsDeadLettered(GatewayFailure kind) throws Exception {
    block("B block alone", kind, 0);
  }

  private static void block(String scenario, GatewayFailure kind, int goodIds)
      throws InterruptedException {
    AvailabilityResult result = new AvailabilityResult(scenario, kind);
    Deployment pipeline = shared("busy");
    List<String> ids = Stream.generate(Deployment::newId).limit(30).toList();
    kind.begin(enos, FaultScope.ids(ids.toArray(String[]::new)));
    int linesBefore = pipeline.log().size();
    long began = System.nanoTime();
    List<SentId> failing = new ArrayList<>();
    for (String id : ids) {
      failing.add(pipeline.send(id, failing.size() % 2));
    }
    Duration patience = BUDGET.multipliedBy(2).plus(TIMEOUT).plus(TOLERANCE);
    Deployment.parkUntil(began + BUDGET.dividedBy(2).toNanos());
    Feed feed = pipeline.feed(goodIds, 20, i -> SAME_PARTITION ? i % Topics.PARTITIONS : 2 + i % 4);
    List<SentId> good = feed.join();
    pipeline.awaitOutcomes(failing, patience.minusNanos(System.nanoTime() - began));
    pipeline.awaitOutcomes(good, Duration.ofSeconds(5));
    long lines = pipeline.log().size() - linesBefore;
    long deadLetters = failing.stream().filter(pipeline::isDeadLetter).count();
    long last =
        failing.stream()
            .filter(pipeline::hasOutcome)
            .mapToLong(id -> pipeline.outcomes(id).get(0).readAt() - began)
            .max()
            .orElse(0);
    long calls = ids.stream().mapToLong(enos.traffic()::callsOf).sum();
    result.deadLetters(deadLetters);
    result.calls(Long.toString(calls));
    result.firstToLast(last / 1_000_000);
    result.lines(lines);
    if (kind.isThrottling()) {
      // Thirty at once that are told to slow down slow the process down, and are to blame for
      // nothing.
      kind.end(enos);
      pipeline.awaitOutcomes(failing, RECOVERY);
      result.check(deadLetters == 0, "%d ids are dead letters", deadLetters);
      result.checkServed("throttled ids", pipeline, failing);
    } else {
      kind.end(enos);
      result.check(deadLetters == 30, "%d of 30 ids are dead letters", deadLetters);
      result.check(
          Duration.ofNanos(last).compareTo(patience) <= 0,
          "the last dead letter comes after %d ms",
          last / 1_000_000);
      long twice = failing.stream().filter(id -> pipeline.outcomes(id).size() > 1).count();
      result.check(twice == 0, "%d ids have more than one outcome", twice);
    }
    result.check(calls <= 30L * MOST_CALLS, "the block costs %d calls", calls);
    result.checkServed("good ids", pipeline, good);
    if (goodIds > 0) {
      long p99 = p99(pipeline, good, id -> true);
      result.p99(p99);
      result.check(p99 <= 1_500, "the p99 of good ids is %d ms", p99);
    }
    result.check(lines <= 30 + MOST_LINES, "it logged %d lines", lines);
    judge(result);
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("ofTheGateway")
  void c_anOutageOfTheGatewayCostsNoId(GatewayFailure kind) throws Exception {
    outage("C gateway", kind, FaultScope.wholeGateway());
  }

  static Stream<GatewayFailure> ofTheInstanceQueries() {
    return singleKinds();
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("ofTheInstanceQueries")
  void c_anOutageOfTheInstanceQueriesCostsNoId(GatewayFailure kind) throws Exception {
    outage("C queries", kind, FaultScope.all().on(Endpoint.GET));
  }

  /** One outage for three processes: a busy one, an idle one, and one that starts during it. */
  private static void outage(String scenario, GatewayFailure kind, FaultScope scope)
      throws Exception {
    Deployment busy = shared("busy");
    Deployment idle = shared("idle");
    try (Deployment fresh = Deployment.prepare(broker, enos, settings())) {
      int perSecond = 50;
      int seconds = (int) OUTAGE.toSeconds();
      Feed busyFeed =
          busy.feed(perSecond * (1 + seconds + 3), perSecond, AvailabilityIT::anyPartition);
      await().atMost(Duration.ofSeconds(10)).until(() -> busyFeed.sent().size() >= perSecond);
      int busyLines = busy.log().size();
      int idleLines = idle.log().size();

      long began = System.nanoTime();
      int callsBefore = enos.traffic().calls();
      kind.begin(enos, scope);
      List<SentId> freshIds = fresh.feed(20, 1000, AvailabilityIT::anyPartition).join();
      fresh.start();
      Deployment.parkUntil(began + OUTAGE.dividedBy(5).toNanos());
      Feed idleFeed = idle.feed(40, 80.0 / seconds, AvailabilityIT::anyPartition);
      Deployment.parkUntil(began + OUTAGE.toNanos());
      String busyReadiness = busy.readinessNow();
      String idleReadiness = idle.readinessNow();
      String freshReadiness = fresh.readinessNow();
      int calls = enos.traffic().calls() - callsBefore;
      kind.end(enos);
      long over = System.nanoTime();

      AvailabilityResult busyResult = new AvailabilityResult(scenario + ", busy", kind);
      AvailabilityResult idleResult = new AvailabilityResult(scenario + ", idle", kind);
      AvailabilityResult freshResult = new AvailabilityResult(scenario + ", fresh", kind);
      busyResult.calls(Integer.toString(calls));
      List<SentId> idleIds = idleFeed.join();
      List<SentId> waiting = busyFeed.sent().stream().filter(id -> id.sentAt() < over).toList();
      long end = over + RECOVERY.toNanos();
      recovery(busyResult, busy, waiting, over, end);
      recovery(idleResult, idle, idleIds, over, end);
      recovery(freshResult, fresh, freshIds, over, end);
      List<SentId> busyIds = busyFeed.join();
      busy.awaitOutcomes(busyIds, Duration.ofSeconds(5));
      busyResult.checkServed("ids", busy, busyIds);
      idleResult.checkServed("ids", idle, idleIds);
      freshResult.checkServed("ids", fresh, freshIds);
      checkReadiness(busyResult, kind, busy, busyReadiness);
      checkReadiness(idleResult, kind, idle, idleReadiness);
      checkReadiness(freshResult, kind, fresh, freshReadiness);
      checkLines(busyResult, busy.log().subList(busyLines, busy.log().size()));
      checkLines(idleResult, idle.log().subList(idleLines, idle.log().size()));
      checkLines(freshResult, warnings(fresh.log()));
      deadLetters(busyResult, busy, busyIds);
      deadLetters(idleResult, idle, idleIds);
      deadLetters(freshResult, fresh, freshIds);
      judge(busyResult, idleResult, freshResult);
    }
  }

  private static void recovery(
      AvailabilityResult result, Deployment pipeline, List<SentId> ids, long over, long end) {
    int without =
        pipeline.awaitOutcomes(ids, Duration.ofNanos(Math.max(1, end - System.nanoTime())));
    result.check(
        without == 0,
        "%d of %d ids have no outcome %d s after the outage",
        without,
        ids.size(),
        RECOVERY.toSeconds());
    if (without > 0) {
      // Later than it should, but is it lost?
      pipeline.awaitOutcomes(ids, Duration.ofSeconds(60));
    }
    long last =
        ids.stream()
            .filter(pipeline::hasOutcome)
            .mapToLong(id -> pipeline.outcomes(id).get(0).readAt() - over)
            .max()
            .orElse(0);
    result.recovered(Math.max(0, last) / 1e9);
  }

  private static void checkReadiness(
      AvailabilityResult result, GatewayFailure kind, Deployment pipeline, String during) {
    if (!kind.isThrottling()) {
      result.check(
          during.startsWith("503 ") && during.contains("EnOS"),
          "readiness said \"%s\" at the end of the outage",
          during);
    }
    try {
      await()
          .atMost(Duration.ofSeconds(10))
          .until(() -> pipeline.readinessNow().startsWith("200 "));
    } catch (ConditionTimeoutException e) {
      result.check(false, "readiness says \"%s\" after it", pipeline.readinessNow());
    }
  }

  private static List<String> warnings(List<String> log) {
    return log.stream()
        .filter(line -> line.contains(" WARN ") || line.contains(" ERROR "))
        .toList();
  }

  private static void checkLines(AvailabilityResult result, List<String> lines) {
    result.lines(lines.size());
    result.check(lines.size() <= MOST_LINES, "it logged %d lines", lines.size());
  }

  private static void deadLetters(
      AvailabilityResult result, Deployment pipeline, Collection<SentId> ids) {
    result.deadLetters(ids.stream().filter(pipeline::isDeadLetter).count());
  }

  private static int anyPartition(int i) {
    return i % Topics.PARTITIONS;
  }

  private static long p99(Deployment pipeline, List<SentId> sent, Predicate<SentId> which) {
    long[] ages = pipeline.ages(sent.stream().filter(which).toList());
    return ages.length == 0 ? 0 : ages[(int) Math.ceil(ages.length * 0.99) - 1];
  }

  private interface Scenario {
    void run(GatewayFailure kind) throws Exception;
  }

  /**
   * Runs it without a test runner, and ends with 1 when something is not as it should be.
   *
   * @param args the letters of the scenarios; all when there is none
   */
  public static void main(String[] args) throws Exception {
    AvailabilityIT suite = new AvailabilityIT();
    List<String> wanted = List.of(args);
    boolean passed = true;
    startBrokerAndApi();
    try {
      passed &=
          run(
              wanted,
              "A",
              ofOneRecord(),
              suite::a_oneRecordThatAlwaysFailsIsADeadLetterAndNobodyElseShowsIt);
      passed &=
          run(wanted, "B", ofABlock(), suite::b_aBlockOfFailingIdsIsDeadLetteredAndGoodOnesGoOn);
      passed &= run(wanted, "B", ofALoneBlock(), suite::b_aBlockOfFailingIdsAloneIsDeadLettered);
      passed &= run(wanted, "C", ofTheGateway(), suite::c_anOutageOfTheGatewayCostsNoId);
      passed &=
          run(wanted, "C", ofTheInstanceQueries(), suite::c_anOutageOfTheInstanceQueriesCostsNoId);
    } finally {
      stopBrokerAndApi();
    }
    System.exit(passed ? 0 : 1);
  }

  private static boolean run(
      List<String> wanted, String letter, Stream<GatewayFailure> kinds, Scenario scenario)
      throws Exception {
    boolean passed = true;
    if (wanted.isEmpty() || wanted.contains(letter)) {
      for (GatewayFailure kind : kinds.toList()) {
        try {
          scenario.run(kind);
        } catch (AssertionError e) {
          passed = false;
        }
      }
    }
    return passed;
  }
}
