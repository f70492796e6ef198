package io.flowinstance.app;

import static io.flowinstance.harness.SignedPipeline.DEAD_LETTERS;
import static io.flowinstance.harness.SignedPipeline.awaitThat;
import static io.flowinstance.harness.SignedPipeline.header;
import static io.flowinstance.harness.SignedPipeline.newId;
import static io.flowinstance.harness.SignedPipeline.newIds;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.harness.SignedPipeline;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import io.flowinstance.simulator.FaultScope.Endpoint;
import io.flowinstance.simulator.Latency;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The table of {@code docs/failures.md}, row by row: outcome, reason and number of calls. */
class FailureTableTest {
  private static final int BUDGET_MS = 1200;

  /** The last call of a budget begins this much before its end, at most; a first call is slow. */
  private static final int EARLY_MS = 500;

  /** It waits for its turn, and until another instance is served, this long at most. */
  private static final int LATE_MS = 500;

  private static final int TIMEOUT_MS = 800;
  private static final Map<String, String> SETTINGS =
      Map.of(
          "enos.allowed-identities", "*",
          "fetch.retry-budget-ms", String.valueOf(BUDGET_MS),
          "fetch.timeout-ms", String.valueOf(TIMEOUT_MS));

  private static SignedPipeline pipeline;

  @BeforeAll
  static void start() {
    pipeline = SignedPipeline.start(SETTINGS);
  }

  @AfterAll
  static void stop() {
    pipeline.close();
  }

  @BeforeEach
  void warmUp() {
    pipeline.enos().faults().clear();
    pipeline.enos().tokens().refuse(0);
    pipeline.serve(50);
  }

  static Stream<Named<Fault>> rejections() {
    return Stream.of(62102, 62103, 62104).map(FailureTableTest::code);
  }

  @ParameterizedTest
  @MethodSource("rejections")
  void anIdThatTheServiceRejectsCostsOneCall(Fault fault) {
    assertDeadLetterOfOneAmongOthers(fault, "REJECTED_BY_API", 1);
  }

  static Stream<Named<Fault>> unreadables() {
    return Stream.of(
        Named.of("no data", Fault.body("{\"status\":0}")),
        Named.of("null data", Fault.body("{\"status\":0,\"data\":null}")),
        Named.of("data that is not an instance", Fault.body("{\"status\":0,\"data\":7}")));
  }

  @ParameterizedTest
  @MethodSource("unreadables")
  void anAnswerOfTheServiceWithoutAnInstanceCostsOneCall(Fault fault) {
    assertDeadLetterOfOneAmongOthers(fault, "UNREADABLE_RESPONSE", 1);
  }

  static Stream<Named<Fault>> refusals() {
    return Stream.concat(
        Stream.of(1001, 1002, 1003, 1004, 1202, 1204, 62101).map(FailureTableTest::code),
        Stream.of(302, 400, 403, 404, 407, 413, 426).map(FailureTableTest::status));
  }

  @ParameterizedTest
  @MethodSource("refusals")
  void anIdThatAloneIsRefusedIsRejectedOnceOthersAreServedAroundEachOfItsCalls(Fault fault) {
    assertDeadLetterOfOneAmongOthers(fault, "REJECTED_BY_API", 3);
  }

  static Stream<Named<Fault>> pagesOfOthers() {
    return Stream.of(
        Named.of("garbage", Fault.garbage()),
        Named.of("empty body", Fault.body("")),
        Named.of("no envelope", Fault.body("[]")),
        Named.of("login page", Fault.status(200, "text/html", "<html>Log in</html>")),
        Named.of("JSON of another", Fault.body("{\"message\":\"Welcome\"}")),
        Named.of("unknown code", Fault.code(99_999)));
  }

  @ParameterizedTest
  @MethodSource("pagesOfOthers")
  void anIdThatAloneGetsAnswersOfNoServiceIsUnreadableOnceOthersAreServed(Fault fault) {
    assertDeadLetterOfOneAmongOthers(fault, "UNREADABLE_RESPONSE", 3);
  }

  private static void assertDeadLetterOfOneAmongOthers(Fault fault, String reason, int calls) {
    String bad = newId();
    String good = newId();
    int outages = pipeline.outages();
    pipeline.enos().faults().set(fault, FaultScope.ids(bad));

    pipeline.sendAndAwait(bad, good);

    assertDeadLetter(bad, reason, calls);
    pipeline.assertServedOnce(List.of(good));
    assertEquals(0, pipeline.enos().traffic().tokenCalls());
    assertEquals(outages, pipeline.outages());
    assertTrue(pipeline.isUp());
  }

  @ParameterizedTest
  @MethodSource({"refusals", "pagesOfOthers"})
  void aRefusalThatDoesNotLastCostsOneCallMore(Fault fault) {
    String id = newId();
    int outages = pipeline.outages();
    pipeline.enos().faults().set(fault, FaultScope.ids(id).times(1));

    pipeline.sendAndAwait(id);

    pipeline.assertServedOnce(List.of(id));
    assertEquals(2, pipeline.enos().traffic().callsOf(id));
    assertEquals(outages, pipeline.outages());
  }

  @Test
  void anIdThatAloneGetsAnAccessTokenRefusedIsRejected() {
    String bad = newId();
    pipeline.enos().faults().set(Fault.status(401), FaultScope.ids(bad));

    pipeline.sendAndAwait(bad);

    // One call, one with a new token, and two more around which others are served.
    assertDeadLetter(bad, "REJECTED_BY_API", 4);
    assertTrue(pipeline.isUp());
  }

  @ParameterizedTest
  @ValueSource(ints = {62101, 403})
  void aForeignIdentityThatIsRefusedIsTheFaultOfItsRecordAlone(int refusal) {
    String foreign = newId();
    String good = newId();
    int outages = pipeline.outages();
    pipeline
        .enos()
        .faults()
        .set(refusal > 999 ? Fault.code(refusal) : Fault.status(refusal), FaultScope.ids(foreign));
    pipeline.send("{\"flowInstId\":\"%s\",\"orgId\":\"foreign\"}".formatted(foreign));

    pipeline.sendAndAwait(good);

    List<ProducerRecord<byte[], byte[]>> deadLetters = pipeline.published(DEAD_LETTERS);
    ProducerRecord<byte[], byte[]> last = deadLetters.get(deadLetters.size() - 1);
    assertTrue(new String(last.value(), UTF_8).contains(foreign));
    assertEquals("REJECTED_BY_API", header(last, "dead-letter-reason"));
    int calls = refusal > 999 ? 1 : 3;
    assertEquals(calls, pipeline.enos().traffic().callsOf(foreign));
    pipeline.assertServedOnce(List.of(good));
    assertEquals(outages, pipeline.outages());
  }

  static Stream<Named<Map<String, Fault>>> passing() {
    return Stream.of(
        Named.of(
            "by HTTP status",
            Map.of(
                "500", Fault.status(500),
                "502", Fault.status(502),
                "503", Fault.status(503),
                "503 with HTML", Fault.status(503, "text/html", "<html>down</html>"),
                "504", Fault.status(504),
                "429", Fault.status(429))),
        Named.of(
            "by code or connection",
            Map.of(
                "62105", Fault.code(62105),
                "62109", Fault.code(62109),
                "1005", Fault.code(1005),
                "reset", Fault.reset(),
                "half body", Fault.halfBody())));
  }

  @ParameterizedTest
  @MethodSource("passing")
  void aFailureThatPassesIsAskedAgainUntilItHasPassed(Map<String, Fault> faults) {
    Map<String, String> ids = new HashMap<>();
    faults.forEach(
        (name, fault) -> {
          String id = newId();
          ids.put(name, id);
          pipeline.enos().faults().set(fault, FaultScope.ids(id).times(2));
        });

    pipeline.sendAndAwait(ids.values().toArray(String[]::new));

    pipeline.assertServedOnce(List.copyOf(ids.values()));
    ids.forEach(
        (name, id) -> {
          long calls = pipeline.enos().traffic().callsOf(id);
          // A reset on a connection that was kept is repeated at once, beside the retries.
          assertTrue(name.equals("reset") ? calls >= 3 && calls <= 4 : calls == 3, name + calls);
        });
    assertEquals(0, pipeline.enos().traffic().tokenCalls());
    assertTrue(pipeline.isUp());
  }

  @Test
  void eachCallAfterTheFirstOfAnIdCountsAsARetry() {
    String id = newId();
    pipeline.enos().faults().set(Fault.status(500), FaultScope.ids(id).times(2));
    double before = retries();

    pipeline.sendAndAwait(id, newId());

    assertEquals(3, pipeline.enos().traffic().callsOf(id));
    assertEquals(before + 2, retries());
  }

  private static double retries() {
    return pipeline
        .application()
        .getCamelContext()
        .getRegistry()
        .lookupByNameAndType("metricsRegistry", MeterRegistry.class)
        .get("flow.instance.api.retries")
        .counter()
        .count();
  }

  @Test
  void anAnswerThatComesTooLateIsAskedForAgain() {
    String id = newId();
    AtomicInteger late = new AtomicInteger(1);
    long tooLong = Duration.ofMillis(2 * TIMEOUT_MS).toNanos();
    pipeline.enos().faults().latency(() -> late.getAndDecrement() > 0 ? tooLong : 0);
    try {
      pipeline.sendAndAwait(id);
    } finally {
      pipeline.enos().faults().latency(Latency.none());
    }

    pipeline.assertServedOnce(List.of(id));
    assertEquals(2, pipeline.enos().traffic().callsOf(id));
  }

  @Test
  void anIdThatAloneFailsForEverIsGivenUpAndStallsNoOther() {
    String bad = newId();
    List<String> good = newIds(9);
    pipeline.enos().faults().set(Fault.status(500), FaultScope.ids(bad));
    pipeline.send(bad);

    pipeline.sendAndAwait(good.toArray(String[]::new));

    assertGivenUp(pipeline, bad);
    pipeline.assertServedOnce(good);
    assertTrue(pipeline.isUp());
  }

  @Test
  void anIdThatAloneFailsForEverIsGivenUpEvenWhenNothingElseWasEverAskedFor() {
    String bad = newId();
    try (SignedPipeline fresh = SignedPipeline.start(SETTINGS)) {
      fresh.enos().faults().set(Fault.status(500), FaultScope.ids(bad));

      fresh.sendAndAwait(bad);

      assertGivenUp(fresh, bad);
      assertEquals(1, fresh.enos().traffic().tokenCalls());
      long[] times = fresh.enos().traffic().callTimesOf(bad);
      long spent = (times[times.length - 1] - times[0]) / 1_000_000;
      // A fresh process takes part of the budget to get ready for its first call.
      assertTrue(spent <= BUDGET_MS + LATE_MS, spent + " ms from the first call to the last");
    }
  }

  private static void assertGivenUp(SignedPipeline by, String id) {
    int calls = Math.toIntExact(by.enos().traffic().callsOf(id));
    // Waits of at most 200, 400, 800, ... ms fill the budget, one call ends it.
    assertTrue(calls >= 3, calls + " calls");
    assertDeadLetter(by, id, "RETRIES_EXHAUSTED", calls);
    assertEquals("500", header(by.deadLetters(id).get(0), "dead-letter-http-status"));
  }

  static Stream<Named<Fault>> rateLimits() {
    return Stream.of(
        status(429), Named.of("wait in seconds", Fault.retryAfter(429, Duration.ofSeconds(1))));
  }

  @ParameterizedTest
  @MethodSource("rateLimits")
  void aRateThatTheGatewayLimitsForASecondIsNoOutage(Fault fault) {
    String[] ids = {newId(), newId(), newId()};
    int outages = pipeline.outages();
    long begin = System.nanoTime();
    pipeline
        .enos()
        .faults()
        .set(fault, FaultScope.all().where(call -> System.nanoTime() - begin < 900_000_000));

    pipeline.sendAndAwait(ids);

    pipeline.assertServedOnce(List.of(ids));
    assertTrue(pipeline.enos().traffic().callsOf(ids[0]) > 1, "it is not refused");
    assertEquals(outages, pipeline.outages());
  }

  @Test
  void idsWhoseRateAloneIsLimitedWhileOthersAreServedMakeNoneWait() {
    Duration pause = Duration.ofSeconds(3);
    List<String> ids = new ArrayList<>();
    long last = 0;
    for (int number = 0; number < 2; number++) {
      String limited = newId();
      ids.add(limited);
      pipeline.enos().faults().set(Fault.retryAfter(429, pause), FaultScope.ids(limited).times(1));
      pipeline.send(limited);
      awaitThat("it is refused", () -> pipeline.enos().traffic().callsOf(limited) == 1);
      long refused = System.nanoTime();
      for (int other = 0; other < 3; other++) {
        String good = newId();
        ids.add(good);
        last = pipeline.send(good);
        awaitThat("it is called", () -> pipeline.enos().traffic().callsOf(good) == 1);
      }
      Duration took = Duration.ofNanos(System.nanoTime() - refused);
      assertTrue(took.compareTo(pause) < 0, took.toString());
    }

    pipeline.awaitDone(last);
    pipeline.assertServedOnce(ids);
  }

  @Test
  void aBlockOfIdsWhoseRateAloneIsLimitedHoldsUpTheOthersBehindItForAFewPauses() {
    List<String> limited = newIds(30);
    List<String> good = newIds(5);
    try (SignedPipeline fresh =
        SignedPipeline.start(Map.of("fetch.concurrency", "1", "fetch.retry-budget-ms", "20000"))) {
      fresh.serve(20);
      fresh
          .enos()
          .faults()
          .set(
              Fault.retryAfter(429, Duration.ofSeconds(1)),
              FaultScope.ids(limited.toArray(String[]::new)));
      limited.forEach(fresh::send);
      good.forEach(fresh::send);

      // A pause for each pair of the block would take 15 s.
      await()
          .atMost(Duration.ofSeconds(12))
          .until(() -> good.stream().allMatch(id -> fresh.enos().traffic().callsOf(id) == 1));
      fresh.enos().faults().clear();
    }
  }

  @Test
  void aWaitInSecondsIsHonoured() {
    long gap = gapAfter(Fault.retryAfter(429, Duration.ofSeconds(1)));

    assertTrue(gap >= 1000 && gap < BUDGET_MS + TIMEOUT_MS, gap + " ms");
  }

  @Test
  void aWaitUntilADateIsHonoured() {
    // A date has no fraction of a second: this one is 1 to 2 s away.
    long gap = gapAfter(Fault.retryAfterDate(503, Duration.ofSeconds(2)));

    assertTrue(gap >= 999, gap + " ms");
  }

  @Test
  void aWaitIsNotLongerThanTheBudget() {
    long gap = gapAfter(Fault.retryAfter(503, Duration.ofHours(1)));

    assertTrue(gap >= BUDGET_MS - EARLY_MS && gap <= BUDGET_MS + LATE_MS, gap + " ms");
  }

  @Test
  void theLastCallOfABudgetIsMadeAtItsEnd() {
    String bad = newId();
    try (SignedPipeline fresh = SignedPipeline.start(Map.of("fetch.retry-budget-ms", "2500"))) {
      fresh.serve(50);
      fresh.enos().faults().set(Fault.retryAfter(503, Duration.ofSeconds(1)), FaultScope.ids(bad));

      fresh.sendAndAwait(bad);

      // After 0, 1, 2 and 2.4 s.
      assertDeadLetter(fresh, bad, "RETRIES_EXHAUSTED", 4);
    }
  }

  /** The time between the call that fails so and the one that does not. */
  private static long gapAfter(Fault fault) {
    String id = newId();
    pipeline.enos().faults().set(fault, FaultScope.ids(id).times(1));
    pipeline.sendAndAwait(id);
    pipeline.assertServedOnce(List.of(id));
    long[] times = pipeline.enos().traffic().callTimesOf(id);
    assertEquals(2, times.length);
    return (times[1] - times[0]) / 1_000_000;
  }

  @ParameterizedTest
  @ValueSource(ints = {200, 401})
  void anExpiredTokenCostsOneNewTokenAndOneMoreCallForEachIdThatUsedIt(int httpStatus) {
    List<String> ids = newIds(20);
    // Of its own: a token that get handed out again is asked for every 5 s at most.
    try (SignedPipeline fresh = SignedPipeline.start(SETTINGS)) {
      fresh.warmUp();
      fresh.enos().expiredTokenStatus(httpStatus);
      fresh.enos().tokens().expireAll();

      fresh.sendAndAwait(ids.get(0));
      assertEquals(2, fresh.enos().traffic().callsOf(ids.get(0)));
      assertEquals(1, fresh.enos().traffic().tokenCalls());

      fresh.enos().tokens().expireAll();
      fresh.sendAndAwait(ids.subList(1, ids.size()).toArray(String[]::new));
      fresh.assertServedOnce(ids);
      assertEquals(2, fresh.enos().traffic().tokenCalls());
      ids.forEach(id -> assertTrue(fresh.enos().traffic().callsOf(id) <= 2, id));
    }
  }

  @Test
  void aTokenThatIsRefusedThoughItLivesIsFetchedAnewOnce() {
    String id = newId();
    pipeline.enos().faults().set(Fault.status(401), FaultScope.ids(id).times(1));

    pipeline.sendAndAwait(id);

    pipeline.assertServedOnce(List.of(id));
    assertEquals(2, pipeline.enos().traffic().callsOf(id));
    assertEquals(1, pipeline.enos().traffic().tokenCalls());
    assertTrue(pipeline.isUp());
  }

  static Stream<Named<Fault>> lastingFailures() {
    return Stream.of(
        status(302),
        status(401),
        status(403),
        status(404),
        status(429),
        status(500),
        code(1002),
        code(1203),
        code(62101),
        code(62109),
        code(99_999),
        Named.of("login page", Fault.status(200, "text/html", "<html>Log in</html>")));
  }

  @ParameterizedTest
  @MethodSource("lastingFailures")
  void whatFailsForAllPublishesNothingAndCommitsNothing(Fault fault) {
    pipeline.enos().faults().set(fault, FaultScope.all());

    assertWaitsUntil(() -> pipeline.enos().faults().clear());
  }

  @ParameterizedTest
  @ValueSource(ints = {1002, 1003})
  void aTokenServiceThatRefusesThisApplicationHoldsEveryId(int code) {
    pipeline.enos().tokens().expireAll();
    pipeline.enos().tokens().refuse(code);

    assertWaitsUntil(() -> pipeline.enos().tokens().refuse(0));
  }

  static Stream<Named<Fault>> tokenServiceFaults() {
    return Stream.of(
        status(404),
        status(500),
        Named.of("HTML", Fault.status(200, "text/html", "<html>Welcome</html>")));
  }

  @ParameterizedTest
  @MethodSource("tokenServiceFaults")
  void aTokenServiceThatGivesNoTokenHoldsEveryId(Fault fault) {
    pipeline.enos().tokens().expireAll();
    pipeline.enos().faults().set(fault, FaultScope.all().on(Endpoint.TOKEN));

    assertWaitsUntil(() -> pipeline.enos().faults().clear());
  }

  private static void assertWaitsUntil(Runnable fixed) {
    List<String> ids = newIds(3);
    int outages = pipeline.outages();
    int published = pipeline.kafka().published().size();
    long committed = pipeline.kafka().committedOffset();

    long last = ids.stream().mapToLong(pipeline::send).max().orElseThrow();
    awaitThat(
        "the API counts as down, or ids are done",
        () -> pipeline.outages() > outages || pipeline.kafka().committedOffset() != committed);

    assertEquals(published, pipeline.kafka().published().size(), "published while refused");
    assertEquals(committed, pipeline.kafka().committedOffset(), "committed while refused");
    fixed.run();
    pipeline.awaitDone(last);
    pipeline.assertServedOnce(ids);
    assertTrue(pipeline.isUp());
  }

  private static void assertDeadLetter(String id, String reason, int calls) {
    assertDeadLetter(pipeline, id, reason, calls);
  }

  private static void assertDeadLetter(SignedPipeline by, String id, String reason, int calls) {
    List<ProducerRecord<byte[], byte[]>> deadLetters = by.deadLetters(id);
    assertEquals(1, deadLetters.size());
    assertEquals(reason, header(deadLetters.get(0), "dead-letter-reason"));
    long made = by.enos().traffic().callsOf(id);
    assertEquals(String.valueOf(made), header(deadLetters.get(0), "dead-letter-attempts"));
    // Failures of the tests before make chance a little more likely.
    int most = calls == 1 ? 1 : calls + 3;
    assertTrue(made >= calls && made <= most, made + " calls instead of " + calls);
    by.assertNotServed(List.of(id));
  }

  private static Named<Fault> status(int status) {
    return Named.of("HTTP " + status, Fault.status(status));
  }

  private static Named<Fault> code(int code) {
    return Named.of("code " + code, Fault.code(code));
  }
}
