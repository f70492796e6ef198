package io.flowinstance.fetch;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.enos.Answer;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.InstanceQuery;
import io.github.resilience4j.circuitbreaker.CallNotPermittedException;
import io.github.resilience4j.circuitbreaker.CircuitBreaker.State;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ApiAvailabilityTest {
  private static final InstanceQuery BAD = query("bad");
  private static final InstanceQuery GOOD = query("good");

  private final List<String> probes = new ArrayList<>();
  private boolean canaryAnswers;
  private boolean clockAnswers;
  private final ApiAvailability api =
      new ApiAvailability(
          canary -> {
            probes.add(canary.instanceId());
            return canaryAnswers;
          },
          () -> {
            probes.add("clock");
            return clockAnswers;
          });

  @Test
  void anAnswerSinceTheLastCallProvesTheApiWithoutAProbe() {
    long lastAttempt = System.nanoTime();
    api.answered(GOOD);

    assertTrue(api.answersOthers(BAD, lastAttempt));
    assertEquals(List.of(), probes);
    assertTrue(api.isUp());
  }

  @Test
  void noAnswerEverIsNoAnswerSince() {
    assertFalse(api.hasAnsweredSince(System.nanoTime() - 1_000_000_000));
  }

  @Test
  void anAnswerBeforeTheLastCallProvesNothing() {
    api.answered(GOOD);

    assertFalse(api.answersOthers(BAD, System.nanoTime()));
    assertEquals(List.of("good"), probes);
    assertEquals(State.OPEN, api.breaker().getState());
  }

  @Test
  void anInstanceThatWasAnsweredBeforeIsAskedForAgain() {
    canaryAnswers = true;
    api.answered(GOOD);

    assertTrue(api.answersOthers(BAD, System.nanoTime()));
    assertEquals(List.of("good"), probes);
    assertTrue(api.isUp());
  }

  @Test
  void theClockIsAskedWhenNoOtherInstanceWasAnswered() {
    clockAnswers = true;

    assertTrue(api.answersOthers(BAD, System.nanoTime()));
    api.answered(BAD);
    assertTrue(api.answersOthers(BAD, System.nanoTime()));
    assertEquals(List.of("clock", "clock"), probes);
  }

  @Test
  void theClockIsNotBelievedWhenManyInstancesFailAndNoneIsAnswered() {
    clockAnswers = true;
    for (int i = 0; i < 5; i++) {
      api.failed(query("bad-" + i), failure(500));
    }

    assertFalse(api.answersOthers(BAD, System.nanoTime()));
    assertFalse(api.isUp());
  }

  @Test
  void oneInstanceThatFailsOftenIsNotMany() {
    clockAnswers = true;
    for (int i = 0; i < 5; i++) {
      api.failed(BAD, failure(500));
    }

    assertTrue(api.answersOthers(BAD, System.nanoTime()));
  }

  @Test
  void aProbeThatWasAnsweredServesEveryCallThatBeganBeforeIt() {
    clockAnswers = true;
    long lastAttempt = System.nanoTime();

    assertTrue(api.answersOthers(BAD, lastAttempt));
    assertTrue(api.answersOthers(query("another"), lastAttempt));
    assertEquals(1, probes.size());
    assertTrue(api.answersOthers(BAD, System.nanoTime()));
    assertEquals(2, probes.size());
  }

  @Test
  void aProbeThatFailedIsNotRepeatedAtOnce() {
    assertFalse(api.answersOthers(BAD, System.nanoTime()));
    assertFalse(api.answersOthers(BAD, System.nanoTime()));

    assertEquals(1, probes.size());
  }

  @Test
  void aProbeThatIsAnsweredLetsCallsThroughAgain() {
    api.refused(failure(403));
    clockAnswers = true;

    assertTrue(api.answersOthers(BAD, System.nanoTime()));
    assertTrue(api.isUp());
  }

  @ParameterizedTest
  @ValueSource(ints = {500, 503, 429, 403})
  void theApiCountsAsDownWhenTwentyCallsInARowFail(int status) {
    for (int i = 0; i < 19; i++) {
      call(status);
      assertTrue(api.isUp());
    }
    call(status);

    assertFalse(api.isUp());
    assertFalse(api.isWorthACall());
    assertThrows(CallNotPermittedException.class, () -> call(200));
  }

  @ParameterizedTest
  @ValueSource(ints = {200, 400, 404})
  void oneAnswerInTwentyCallsKeepsItUp(int status) {
    for (int i = 0; i < 100; i++) {
      call(i % 20 == 0 ? status : 503);
    }

    assertTrue(api.isUp());
  }

  @Test
  void aTokenThatIsNotAcceptedSaysNothing() {
    for (int i = 0; i < 100; i++) {
      call(401);
    }

    assertTrue(api.isUp());
  }

  @Test
  void aRefusalOpensAtOnceAndSaysWhatToMend() {
    api.refused(failure(403));

    assertFalse(api.isUp());
    assertTrue(api.reason().contains("HTTP 403"), api.reason());
    assertTrue(api.reason().contains("enos.app-key"), api.reason());
  }

  @Test
  void aSecondRefusalDoesNotPutOffTheNextProbe() {
    api.refused(failure(403));
    api.refused(failure(403));
    await().until(api::isWorthACall);

    assertEquals(State.HALF_OPEN, api.breaker().getState());
  }

  @Test
  void theFirstCallThatIsAnsweredAgainCloses() {
    api.refused(failure(403));
    await().until(api::isWorthACall);
    assertFalse(api.isUp());

    call(200);

    assertTrue(api.isUp());
  }

  @Test
  void aProbeThatFailsOpensAgain() {
    api.refused(failure(403));
    await().until(api::isWorthACall);

    call(503);

    assertEquals(State.OPEN, api.breaker().getState());
  }

  @Test
  void aProbeWhoseTokenIsNotAcceptedLeavesRoomForAnother() {
    api.refused(failure(403));
    await().until(api::isWorthACall);

    call(401);
    call(200);

    assertTrue(api.isUp());
  }

  private void call(int status) {
    try {
      api.breaker()
          .executeRunnable(
              () -> {
                if (status != 200) {
                  throw failure(status);
                }
              });
    } catch (ApiFailure expected) {
      assertEquals(status, expected.httpStatus());
    }
  }

  private static ApiFailure failure(int status) {
    return assertThrows(ApiFailure.class, () -> new Answer(status, null, null).data());
  }

  private static InstanceQuery query(String instanceId) {
    return new InstanceQuery(instanceId, "user", "org");
  }
}
