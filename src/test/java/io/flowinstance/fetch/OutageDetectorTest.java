package io.flowinstance.fetch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.enos.Answer;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.Identity;
import io.flowinstance.enos.InstanceQuery;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OutageDetectorTest {
  private static final Identity OURS = new Identity("user", "org");
  private static final String NON_EXISTENT = "0-0000000000";
  private static final ApiFailure REFUSED = failure(403, "{}");
  private static final ApiFailure UNAVAILABLE = failure(503, "");
  private static final Duration FIRST = Duration.ofMillis(160);

  private final ManualTime time = new ManualTime();
  private final Verdict verdict = new Verdict(OURS);
  private final List<String> probed = new ArrayList<>();
  private final Map<String, ApiFailure> failing = new HashMap<>();
  private final Set<String> silent = new HashSet<>();
  private final List<Runnable> hanging = new ArrayList<>();
  private final List<String> outages = new ArrayList<>();
  private final OutageDetector detector =
      new OutageDetector(
          verdict,
          OURS,
          canary -> probe(canary == null ? "clock" : canary.instanceId()),
          Runnable::run,
          probe -> {
            if (silent.isEmpty()) {
              probe.run();
            } else {
              probed.add("begun");
              hanging.add(probe);
            }
          },
          time,
          time::nanos,
          Clock.systemUTC(),
          () -> outages.add("outage"));

  /** What happens while a probe is under way. */
  private final Map<String, Runnable> meanwhile = new HashMap<>();

  private ApiFailure probe(String what) {
    probed.add(what);
    time.pass(Duration.ofNanos(1));
    meanwhile.getOrDefault(what, () -> {}).run();
    return failing.get(what);
  }

  private static ApiFailure failure(int status, String body) {
    return failure(status, body, null);
  }

  private static ApiFailure failure(int status, String body, String retryAfter) {
    return assertThrows(
        ApiFailure.class, () -> new Answer(status, body.getBytes(UTF_8), retryAfter).data());
  }

  private static InstanceQuery query(String id) {
    return new InstanceQuery(id, OURS.userId(), OURS.orgId());
  }

  private static InstanceQuery foreign(String id) {
    return new InstanceQuery(id, OURS.userId(), "foreign");
  }

  private void serve(String id) {
    serve(query(id));
  }

  private void serve(InstanceQuery query) {
    long began = time.nanos();
    time.pass(Duration.ofMillis(1));
    detector.served(query, began, 0, true);
  }

  private class Waiter implements OutageDetector.Waiter {
    private final InstanceQuery query;
    private final long since = time.nanos();
    private final ApiFailure failure;
    final List<String> told = new ArrayList<>();
    boolean cancelled;

    Waiter(String id, ApiFailure failure) {
      this(OutageDetectorTest.query(id), failure);
    }

    Waiter(InstanceQuery query, ApiFailure failure) {
      this.query = query;
      this.failure = failure;
      if (failure != null) {
        verdict.failed(query);
      }
      time.pass(Duration.ofMillis(1));
    }

    @Override
    public InstanceQuery query() {
      return query;
    }

    @Override
    public long since() {
      return since;
    }

    @Override
    public ApiFailure failure() {
      return failure;
    }

    @Override
    public boolean isCancelled() {
      return cancelled;
    }

    @Override
    public void othersAreServed() {
      told.add("others are served");
    }

    @Override
    public void tryOnce() {
      told.add("try");
    }
  }

  private Waiter await(String id, ApiFailure failure) {
    Waiter waiter = new Waiter(id, failure);
    detector.await(waiter);
    return waiter;
  }

  /** One instance was served; from now on the gateway refuses all for their rate. */
  private ApiFailure limitRate(String retryAfter) {
    ApiFailure limited = failure(429, "{}", retryAfter);
    serve("good");
    failAll(limited, "good", NON_EXISTENT);
    return limited;
  }

  private void failAll(ApiFailure failure, String... probes) {
    for (String probe : probes) {
      failing.put(probe, failure);
    }
  }

  /** Of an API whose clock still speaks; gives the waiter whose failure began it. */
  private Waiter beginOutage() {
    serve("one");
    failAll(UNAVAILABLE, "one", NON_EXISTENT);
    Waiter failed = await("bad", UNAVAILABLE);
    time.pass(FIRST);
    assertFalse(detector.isUp());
    return failed;
  }

  @Test
  void trafficThatIsServedNeedsNoProbe() {
    Waiter waiter = await("bad", REFUSED);
    serve("good");
    time.pass(Duration.ofMinutes(1));

    assertEquals(List.of("others are served"), waiter.told);
    assertEquals(List.of(), probed);
  }

  @Test
  void whatIsServedWhileAFetchBeginsToWaitLetsItGoOn() {
    Thread traffic = new Thread(() -> serve("good"));
    Waiter waiter =
        new Waiter("bad", null) {
          @Override
          public ApiFailure failure() {
            if (traffic.getState() == Thread.State.NEW) {
              // What was served so far is looked up already.
              traffic.start();
              Awaitility.await()
                  .until(
                      () ->
                          traffic.getState() == Thread.State.BLOCKED
                              || traffic.getState() == Thread.State.TERMINATED);
            }
            return REFUSED;
          }
        };
    detector.await(waiter);

    Awaitility.await().until(() -> !traffic.isAlive());
    assertEquals(List.of("others are served"), waiter.told);
    assertEquals(List.of(), probed);
  }

  @Test
  void whatWasServedBeforeTheFailureSaysNothing() {
    serve("good");
    Waiter waiter = await("bad", REFUSED);

    assertEquals(List.of(), waiter.told);
    time.pass(FIRST);
    assertEquals(List.of("good"), probed);
    assertEquals(List.of("others are served"), waiter.told);
    assertTrue(detector.isUp());
  }

  @Test
  void aFreshProcessAsksForAnInstanceThatDoesNotExist() {
    Waiter waiter = await("bad", REFUSED);
    time.pass(FIRST);

    assertEquals(List.of(NON_EXISTENT), probed);
    assertEquals(List.of("others are served"), waiter.told);
  }

  @Test
  void twoCanariesThatFailAreAnOutageUntilOneIsServed() {
    serve("one");
    serve("two");
    failAll(UNAVAILABLE, "one", "two", NON_EXISTENT);
    Waiter failed = await("bad", UNAVAILABLE);
    time.pass(FIRST);

    assertEquals(List.of("two", "one"), probed);
    assertFalse(detector.isUp());
    assertTrue(detector.complaint().contains("HTTP 503"), detector.complaint());
    assertEquals(List.of("outage"), outages);
    assertFalse(detector.admits(query("new")));
    Waiter fresh = await("new", null);
    time.pass(Duration.ofSeconds(60));
    assertEquals(List.of(), failed.told);
    assertEquals(List.of(), fresh.told);

    failing.clear();
    time.pass(Duration.ofSeconds(6));
    assertTrue(detector.isUp());
    assertEquals("", detector.complaint());
    assertEquals(List.of("others are served"), failed.told);
    assertEquals(List.of("others are served"), fresh.told);
    assertEquals(1, detector.outages());
  }

  @Test
  void inALongOutageInWhichTheClockSpeaksWaitingInstancesAreTriedInTurn() {
    Waiter failed = beginOutage();
    Waiter first = await("first", null);
    Waiter second = await("second", null);
    Waiter other = new Waiter(foreign("other"), null);
    detector.await(other);

    time.pass(Duration.ofSeconds(119));
    List<Waiter> all = List.of(first, other, second, failed);
    all.forEach(waiter -> assertEquals(List.of(), waiter.told));

    time.pass(Duration.ofSeconds(60));
    all.forEach(waiter -> assertEquals(List.of("try"), waiter.told));
    detector.served(foreign("other"), time.nanos(), 0, true);
    assertFalse(detector.isUp(), "ours are tried and have not failed yet");
    all.forEach(waiter -> waiter.cancelled = true);
    detector.served(foreign("other"), time.nanos(), 0, true);
    assertTrue(detector.isUp());
  }

  @Test
  void inAnOutageWhatIsTriedDoesNotSayWhyItLasts() {
    beginOutage();

    detector.failed(query("tried"), REFUSED, time.nanos());
    assertFalse(detector.isRefusing());
    failAll(REFUSED, "one", NON_EXISTENT);
    time.pass(Duration.ofSeconds(5));
    assertTrue(detector.isRefusing());
  }

  @Test
  void inALongOutageAnInstanceOfEachIdentityIsTriedInTurn() {
    beginOutage();
    List<Waiter> ours = IntStream.range(0, 20).mapToObj(i -> await("new-" + i, null)).toList();
    Waiter other = new Waiter(foreign("other"), REFUSED);
    detector.await(other);

    for (int second = 0; second < 240 && other.told.isEmpty(); second++) {
      time.pass(Duration.ofSeconds(1));
    }
    assertEquals(List.of("try"), other.told);
    assertEquals(1, ours.stream().filter(waiter -> !waiter.told.isEmpty()).count());
  }

  @ParameterizedTest
  @CsvSource({",900", "0,900", "1,900", "3,2900", "20,4900"})
  void noCanaryIsAskedForWithinThePauseOfARateLimit(String retryAfter, long within) {
    ApiFailure limited = limitRate(retryAfter);
    Waiter waiter = await("limited", limited);
    detector.rateLimited(limited);
    time.pass(Duration.ofMillis(within));
    assertEquals(List.of(), probed);

    serve("other");
    assertEquals(List.of("others are served"), waiter.told);
    await("limited", limited);
    detector.rateLimited(limited);
    time.pass(Duration.ofMillis(within));
    assertEquals(List.of(), probed);

    failing.clear();
    time.pass(Duration.ofMillis(200));
    assertEquals(List.of("other"), probed);
    assertEquals(List.of(), outages);
  }

  @Test
  void whatIsServedWhileNobodyWaitsEndsThePauseOfARateLimitToo() {
    ApiFailure limited = limitRate("1");
    failAll(limited, "other");
    Waiter waiter = await("limited", limited);
    detector.rateLimited(limited);
    waiter.cancelled = true;
    detector.removeCancelled();
    time.pass(Duration.ofMillis(2_000));
    serve("other");

    await("limited too", limited);
    detector.rateLimited(limited);
    time.pass(Duration.ofMillis(900));
    assertEquals(List.of(), probed);
  }

  @Test
  void aCanaryThatIsRefusedForTheRateIsAskedForAgainAfterThePause() {
    ApiFailure limited = limitRate("2");
    await("limited", limited);
    time.pass(Duration.ofMillis(2_100));
    assertEquals(List.of("good"), probed);

    time.pass(FIRST);
    assertEquals(List.of("good", NON_EXISTENT), probed);
    assertTrue(detector.isUp());
    time.pass(Duration.ofMillis(800));
    assertEquals(List.of("good", NON_EXISTENT, "good"), probed);
    assertFalse(detector.isUp());
  }

  @Test
  void aCanaryThatWasAskedForBeforeThePauseOfARateLimitSaysNothing() {
    ApiFailure limited = limitRate("2");
    meanwhile.put("good", () -> detector.rateLimited(limited));
    await("limited", limited);
    time.pass(FIRST);
    meanwhile.clear();
    time.pass(Duration.ofMillis(2_100));

    assertEquals(List.of("good", NON_EXISTENT), probed);
    assertTrue(detector.isUp());
  }

  @Test
  void aRateLimitThatServesNobodyAfterItsPauseIsAnOutage() {
    ApiFailure limited = limitRate("1");
    await("limited", limited);
    detector.rateLimited(limited);
    time.pass(Duration.ofMillis(900));
    await("limited too", limited);
    detector.rateLimited(limited);
    time.pass(Duration.ofMillis(1_000));

    assertEquals(List.of("good", NON_EXISTENT), probed);
    assertFalse(detector.isUp());
  }

  @Test
  void aRateThatIsLimitedForUsAloneIsAnOutageOfOursThoughOthersAreServed() {
    serve(foreign("theirs"));
    ApiFailure limited = limitRate("1");
    await("limited", limited);
    detector.rateLimited(limited);
    for (int half = 1; half < 10; half++) {
      time.pass(Duration.ofMillis(490));
      serve(foreign("theirs-" + half));
    }

    assertFalse(detector.isUp());
    assertTrue(detector.admits(foreign("another")));
  }

  @Test
  void probesOfAnOutageComeEveryFiveSecondsWhateverTheLastOneWaitsFor() {
    serve("good");
    silent.add("all");
    await("bad", UNAVAILABLE);
    time.pass(Duration.ofSeconds(20));
    int before = probed.size();
    time.pass(Duration.ofSeconds(60));

    assertEquals(12, probed.size() - before);
  }

  @Test
  void oneCanaryThatTurnedBadIsNoOutage() {
    serve("one");
    serve("two");
    failAll(REFUSED, "two");
    Waiter waiter = await("bad", REFUSED);
    time.pass(FIRST);

    assertEquals(List.of("two", "one"), probed);
    assertEquals(List.of("others are served"), waiter.told);
    assertTrue(detector.isUp());
  }

  @ParameterizedTest
  @ValueSource(strings = {"other", NON_EXISTENT})
  void anIdThatIsItsOwnCanaryGoesOnByAnother(String other) {
    if (!other.equals(NON_EXISTENT)) {
      serve(other);
    }
    serve("bad");
    Waiter waiter = await("bad", UNAVAILABLE);
    time.pass(Duration.ofSeconds(1));

    assertEquals(List.of("bad", other), probed);
    assertEquals(List.of("others are served"), waiter.told);
  }

  @Test
  void whereTheApiLivesButServesNoKnownInstanceOneThatWaitsIsTriedAtATime() {
    serve("one");
    failAll(UNAVAILABLE, "one");
    Waiter first = await("a", UNAVAILABLE);
    Waiter second = await("b", UNAVAILABLE);
    time.pass(FIRST);
    assertEquals(List.of("one", NON_EXISTENT, "one"), probed);
    assertEquals(List.of(), first.told);
    time.pass(Duration.ofSeconds(4));

    assertEquals(List.of("try"), first.told);
    assertEquals(List.of(), second.told);
  }

  @Test
  void theOnlyKnownInstanceThatTurnsBadIsNoOutageByItself() {
    serve("one");
    failAll(UNAVAILABLE, "one");
    Waiter waiter = await("one", UNAVAILABLE);
    time.pass(Duration.ofSeconds(20));

    assertEquals(List.of("try"), waiter.told);
    assertEquals(List.of(), outages);
    assertTrue(detector.admits(query("new")));

    detector.await(waiter);
    detector.failed(query("one"), UNAVAILABLE, time.nanos());
    assertTrue(detector.isUp());
    detector.failed(query("another that was tried"), UNAVAILABLE, time.nanos());
    assertFalse(detector.isUp());
  }

  @Test
  void anInstanceThatHasNotFailedYetIsTriedFirst() {
    serve("one");
    failAll(UNAVAILABLE, "one");
    Waiter failed = await("a", UNAVAILABLE);
    Waiter alike = await("b", UNAVAILABLE);
    detector.failed(query("one"), UNAVAILABLE, time.nanos());
    detector.failed(query("a"), UNAVAILABLE, time.nanos());
    Waiter fresh = await("c", null);
    time.pass(Duration.ofSeconds(4));

    assertEquals(List.of(), failed.told);
    assertEquals(List.of(), alike.told);
    assertEquals(List.of("try"), fresh.told);
  }

  @Test
  void onAFreshProcessTheClockSpeaksForTheApiUnlessTheNonExistentFailsInTheSameWay() {
    failAll(UNAVAILABLE, NON_EXISTENT);
    Waiter refused = await("a", REFUSED);
    time.pass(FIRST);
    assertEquals(List.of(NON_EXISTENT, "clock"), probed);
    assertEquals(List.of("others are served"), refused.told);

    Waiter alike = await("b", UNAVAILABLE);
    time.pass(Duration.ofSeconds(3));
    assertTrue(alike.told.stream().allMatch("try"::equals), alike.told::toString);
  }

  @Test
  void theClockSaysNothingWhileTheServiceIsInTroubleOrManyInstancesFail() {
    failAll(REFUSED, NON_EXISTENT);
    Waiter inTrouble = await("a", failure(200, "{\"status\":62109}"));
    time.pass(FIRST);
    assertEquals(List.of("try"), inTrouble.told);

    List<Waiter> many = IntStream.range(0, 5).mapToObj(i -> await("b" + i, UNAVAILABLE)).toList();
    time.pass(Duration.ofSeconds(2));
    assertTrue(many.stream().allMatch(waiter -> !waiter.told.contains("others are served")));
  }

  @Test
  void anIdentityThatIsServedGoesOnWhileTheConfiguredOneIsRefused() {
    serve("good");
    failAll(REFUSED, "good", NON_EXISTENT);
    Waiter ours = await("bad", REFUSED);
    time.pass(FIRST);
    assertFalse(detector.isUp());

    long began = time.nanos();
    detector.served(foreign("7"), began, 0, true);

    assertTrue(detector.admits(foreign("8")));
    assertTrue(detector.admits(new InstanceQuery("9", "user", "never called before")));
    assertFalse(detector.admits(query("new")));
    assertEquals(List.of(), ours.told);
    assertFalse(detector.isUp());
    String complaint = detector.complaint();
    assertTrue(complaint.startsWith("The EnOS API serves no instance to user/org;"), complaint);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void anIdentityThatIsRefusedIsAnOutageOnlyIfTheConfiguredOneIsRefusedToo(boolean both) {
    for (String id : List.of("7", "8")) {
      detector.served(foreign(id), time.nanos(), 0, true);
      time.pass(Duration.ofMillis(1));
    }
    failAll(REFUSED, "7", "8");
    if (both) {
      failAll(REFUSED, NON_EXISTENT);
    }
    Waiter foreign = new Waiter(foreign("9"), REFUSED);
    detector.await(foreign);
    time.pass(Duration.ofSeconds(20));

    assertEquals(both ? List.of("outage") : List.of(), outages);
    assertEquals(!both, detector.admits(query("new")));
    assertEquals(both ? List.of() : List.of("others are served"), foreign.told);
  }

  @Test
  void instancesOfOthersThatFailWithoutARefusalAreNotToBlame() {
    serve(foreign("7"));
    serve(foreign("8"));
    failAll(UNAVAILABLE, "7", "8");
    Waiter foreign = new Waiter(foreign("9"), UNAVAILABLE);
    detector.await(foreign);
    time.pass(Duration.ofSeconds(20));

    assertEquals(List.of("try"), foreign.told);
  }

  @Test
  void whatIsServedToOthersDoesNotMakeTheNonExistentEvidenceForUs() {
    serve("one");
    failAll(UNAVAILABLE, "one");
    meanwhile.put(NON_EXISTENT, () -> serve(foreign("7")));
    Waiter waiter = await("bad", UNAVAILABLE);
    time.pass(FIRST);

    assertEquals(List.of(), waiter.told);
  }

  @Test
  void whatIsServedToOthersHidesNoOutageOfOurs() {
    serve("one");
    serve("two");
    failAll(UNAVAILABLE, "one", "two", NON_EXISTENT);
    meanwhile.put("one", () -> serve(foreign("7")));
    await("bad", UNAVAILABLE);
    time.pass(Duration.ofSeconds(2));

    assertFalse(detector.isUp());
    serve(foreign("8"));
    assertTrue(detector.admits(foreign("9")));
    assertFalse(detector.admits(query("new")));
  }

  @Test
  void whatIsServedToOthersKeepsNoneOfOursFromBeingTried() {
    serve("one");
    failAll(UNAVAILABLE, "one");
    Waiter waiter = await("bad", UNAVAILABLE);
    for (int second = 0; second < 20; second++) {
      time.pass(Duration.ofSeconds(1));
      serve(foreign("7"));
    }

    assertEquals(List.of("try"), waiter.told);
  }

  @Test
  void whatIsServedToOthersKeepsTheProbesAtNoCanaryThatIsBad() {
    serve("good");
    serve("one");
    failAll(UNAVAILABLE, "one");
    Waiter ours = await("bad", UNAVAILABLE);
    Waiter others = new Waiter(foreign("8"), UNAVAILABLE);
    detector.await(others);
    serve(foreign("7"));
    time.pass(FIRST);

    assertEquals(List.of("others are served"), ours.told);
  }

  @Test
  void aProbeDuringWhichOthersWereServedSaysNothing() {
    serve("one");
    serve("two");
    failAll(UNAVAILABLE, "one", "two");
    // That of "one" begins while that of "two" hangs.
    meanwhile.put("two", () -> time.pass(Duration.ofSeconds(1)));
    meanwhile.put("one", () -> serve("three"));
    await("bad", UNAVAILABLE);
    time.pass(FIRST);

    assertEquals(List.of("two", "one"), probed);
    assertEquals(List.of(), outages);
  }

  @Test
  void theEndOfAnOutageInWhichNobodyWaitsIsFoundToo() {
    serve("one");
    serve("two");
    silent.add("all");
    Waiter waiter = await("bad", UNAVAILABLE);
    time.pass(Duration.ofSeconds(1));
    waiter.cancelled = true;
    detector.removeCancelled();
    time.pass(Duration.ofSeconds(5));
    failAll(UNAVAILABLE, "one", "two");
    silent.clear();
    List.copyOf(hanging).forEach(Runnable::run);
    assertFalse(detector.isUp());

    failing.clear();
    time.pass(Duration.ofSeconds(6));
    assertTrue(detector.isUp());
  }

  @Test
  void inAnOutageOfAFreshProcessTheClockLetsOneBeTried() {
    failAll(UNAVAILABLE, NON_EXISTENT, "clock");
    Waiter waiter = await("a", UNAVAILABLE);
    time.pass(Duration.ofSeconds(1));
    assertFalse(detector.isUp());

    failing.clear();
    failAll(REFUSED, NON_EXISTENT);
    time.pass(Duration.ofSeconds(12));
    assertEquals(List.of("try"), waiter.told);
  }

  @Test
  void whoeverIsCancelledWaitsNoLonger() {
    serve("good");
    failAll(REFUSED, "good", NON_EXISTENT);
    Waiter one = await("a", REFUSED);
    Waiter two = await("b", REFUSED);
    one.cancelled = true;
    detector.removeCancelled();
    serve("other");

    assertEquals(List.of(), one.told);
    assertEquals(List.of("others are served"), two.told);
  }

  @Test
  void noProbeIsMadeAfterAStop() {
    await("a", REFUSED);
    detector.stop();
    await("b", REFUSED);
    time.pass(Duration.ofMinutes(1));

    assertEquals(List.of(), probed);
  }
}
