package io.flowinstance;

import static io.flowinstance.SignedPipeline.awaitThat;
import static io.flowinstance.SignedPipeline.header;
import static io.flowinstance.SignedPipeline.newId;
import static io.flowinstance.SignedPipeline.newIds;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import io.flowinstance.simulator.FaultScope.Endpoint;
import io.flowinstance.simulator.Latency;
import java.time.Duration;
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

/** The table "When it fails" of the README, row by row: outcome, reason and number of calls. */
class FailureTableTest {
  private static final int BUDGET_MS = 1200;

  /** The server sees the first call this much later, at most, than the client begins it. */
  private static final int FIRST_CALL_MS = 100;

  private static final int TIMEOUT_MS = 800;
  private static final Map<String, String> SETTINGS =
      Map.of(
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
    pipeline.warmUp();
  }

  static Stream<Named<Fault>> rejections() {
    return Stream.concat(
        Stream.of(62101, 62102, 62103, 62104).map(FailureTableTest::code),
        Stream.of(400, 404, 413).map(FailureTableTest::status));
  }

  @ParameterizedTest
  @MethodSource("rejections")
  void aRejectedIdCostsOneCall(Fault fault) {
    assertDeadLetterAfterOneCall(fault, "REJECTED_BY_API");
  }

  static Stream<Named<Fault>> unreadables() {
    return Stream.of(
        Named.of("garbage", Fault.garbage()),
        Named.of("empty body", Fault.body("")),
        Named.of("no envelope", Fault.body("[]")),
        Named.of("no data", Fault.body("{\"status\":0,\"data\":null}")),
        Named.of("unknown code", Fault.code(99_999)));
  }

  @ParameterizedTest
  @MethodSource("unreadables")
  void anUnreadableAnswerCostsOneCall(Fault fault) {
    assertDeadLetterAfterOneCall(fault, "UNREADABLE_RESPONSE");
  }

  private static void assertDeadLetterAfterOneCall(Fault fault, String reason) {
    String bad = newId();
    String good = newId();
    pipeline.enos().faults().set(fault, FaultScope.ids(bad));

    pipeline.sendAndAwait(bad, good);

    assertDeadLetter(bad, reason, 1);
    pipeline.assertServedOnce(List.of(good));
    assertEquals(1, pipeline.enos().traffic().callsOf(good));
    assertEquals(0, pipeline.enos().traffic().tokenCalls());
  }

  /** Few enough at a time: twenty failures in a row would be an outage. */
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
    ids.forEach((name, id) -> assertEquals(3, pipeline.enos().traffic().callsOf(id), name));
    assertEquals(0, pipeline.enos().traffic().tokenCalls());
    assertTrue(pipeline.isUp());
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
      long[] times = fresh.enos().traffic().callTimes();
      long spent = times[Math.toIntExact(fresh.enos().traffic().callsOf(bad)) - 1] - times[0];
      assertTrue(spent >= BUDGET_MS - FIRST_CALL_MS, spent + " ms from the first call to the last");
      assertTrue(spent < BUDGET_MS + TIMEOUT_MS, spent + " ms from the first call to the last");
    }
  }

  private static void assertGivenUp(SignedPipeline by, String id) {
    int calls = Math.toIntExact(by.enos().traffic().callsOf(id));
    // Waits of at most 200, 400, 800, ... ms fill the budget, one call ends it.
    assertTrue(calls >= 3, calls + " calls");
    assertDeadLetter(by, id, "RETRIES_EXHAUSTED", calls);
    assertEquals("500", header(by.deadLetters(id).get(0), "dead-letter-http-status"));
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

    assertTrue(gap >= BUDGET_MS - FIRST_CALL_MS && gap < BUDGET_MS + TIMEOUT_MS, gap + " ms");
  }

  /** The time between the call that fails so and the one that does not. */
  private static long gapAfter(Fault fault) {
    String id = newId();
    pipeline.enos().faults().set(fault, FaultScope.ids(id).times(1));
    pipeline.sendAndAwait(id);
    pipeline.assertServedOnce(List.of(id));
    long[] times = pipeline.enos().traffic().callTimes();
    assertEquals(2, times.length);
    return times[1] - times[0];
  }

  @ParameterizedTest
  @ValueSource(ints = {200, 401})
  void anExpiredTokenCostsOneNewTokenAndOneMoreCallForEachIdThatUsedIt(int httpStatus) {
    List<String> ids = newIds(20);
    pipeline.enos().expiredTokenStatus(httpStatus);
    pipeline.enos().tokens().expireAll();

    pipeline.sendAndAwait(ids.get(0));
    assertEquals(2, pipeline.enos().traffic().callsOf(ids.get(0)));
    assertEquals(1, pipeline.enos().traffic().tokenCalls());

    pipeline.enos().tokens().expireAll();
    pipeline.sendAndAwait(ids.subList(1, ids.size()).toArray(String[]::new));
    pipeline.assertServedOnce(ids);
    assertEquals(2, pipeline.enos().traffic().tokenCalls());
    ids.forEach(id -> assertTrue(pipeline.enos().traffic().callsOf(id) <= 2, id));
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

  static Stream<Named<Fault>> refusals() {
    return Stream.concat(
        Stream.of(1001, 1002, 1003, 1004, 1202, 1204).map(FailureTableTest::code),
        Stream.of(403, 302).map(FailureTableTest::status));
  }

  @ParameterizedTest
  @MethodSource("refusals")
  void aRefusalOfThisApplicationHoldsTheIdUntilItIsOver(Fault fault) {
    String id = newId();
    int openings = pipeline.openings();
    pipeline.enos().faults().set(fault, FaultScope.ids(id).times(1));

    pipeline.sendAndAwait(id);

    pipeline.assertServedOnce(List.of(id));
    assertEquals(2, pipeline.enos().traffic().callsOf(id));
    assertEquals(openings + 1, pipeline.openings());
  }

  static Stream<Named<Fault>> lastingRefusals() {
    return Stream.of(status(401), status(403), code(1002), code(1203));
  }

  @ParameterizedTest
  @MethodSource("lastingRefusals")
  void aLastingRefusalPublishesNothingAndCommitsNothing(Fault fault) {
    pipeline.enos().faults().set(fault, FaultScope.all());

    assertHeldUntil(() -> pipeline.enos().faults().clear());
  }

  @ParameterizedTest
  @ValueSource(ints = {1002, 1003})
  void aTokenServiceThatRefusesThisApplicationHoldsEveryId(int code) {
    pipeline.enos().tokens().expireAll();
    pipeline.enos().tokens().refuse(code);

    assertHeldUntil(() -> pipeline.enos().tokens().refuse(0));
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

    assertHeldUntil(() -> pipeline.enos().faults().clear());
  }

  private static void assertHeldUntil(Runnable mended) {
    List<String> ids = newIds(3);
    int openings = pipeline.openings();
    int published = pipeline.kafka().published().size();
    long committed = pipeline.kafka().committedOffset();

    long last = ids.stream().mapToLong(pipeline::send).max().orElseThrow();
    awaitThat(
        "the API counts as down, or ids are done",
        () -> pipeline.openings() > openings || pipeline.kafka().committedOffset() != committed);

    assertEquals(published, pipeline.kafka().published().size(), "published while refused");
    assertEquals(committed, pipeline.kafka().committedOffset(), "committed while refused");
    mended.run();
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
    assertEquals(String.valueOf(calls), header(deadLetters.get(0), "dead-letter-attempts"));
    assertEquals(calls, by.enos().traffic().callsOf(id));
    by.assertNotServed(List.of(id));
  }

  private static Named<Fault> status(int status) {
    return Named.of("HTTP " + status, Fault.status(status));
  }

  private static Named<Fault> code(int code) {
    return Named.of("code " + code, Fault.code(code));
  }
}
