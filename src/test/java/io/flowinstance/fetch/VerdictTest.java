package io.flowinstance.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.enos.Identity;
import io.flowinstance.enos.InstanceQuery;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VerdictTest {
  private static final Identity OURS = new Identity("user", "org");
  private static final Identity FOREIGN = new Identity("user", "foreign");
  private static final InstanceQuery BAD = query("bad", OURS);
  private static final InstanceQuery GOOD = query("good", OURS);

  private final Verdict verdict = new Verdict(OURS);

  private static InstanceQuery query(String id, Identity identity) {
    return new InstanceQuery(id, identity.userId(), identity.orgId());
  }

  @Test
  void anotherIsServedOnlyInACallThatBeganAfterwards() {
    verdict.served(GOOD, 100, 0, true, 105);

    assertTrue(verdict.othersServedSince(BAD, 99));
    assertFalse(verdict.othersServedSince(BAD, 100));
  }

  @Test
  void theInstanceItselfSaysNothingAboutOthers() {
    verdict.served(BAD, 100, 0, true, 105);
    assertFalse(verdict.othersServedSince(BAD, 99));

    verdict.served(GOOD, 90, 0, true, 110);
    assertTrue(verdict.othersServedSince(BAD, 89));
    assertFalse(verdict.othersServedSince(BAD, 99));
  }

  @Test
  void aRejectionByTheServiceServesAsWell() {
    verdict.served(GOOD, 100, 0, false, 105);

    assertTrue(verdict.othersServedSince(BAD, 99));
    assertEquals(List.of(), verdict.canaries(OURS), "it was not given");
  }

  @Test
  void theConfiguredIdentitySpeaksAgainstOthersAndNoOtherAgainstIt() {
    verdict.served(GOOD, 100, 0, true, 105);
    assertTrue(verdict.othersServedSince(query("bad", FOREIGN), 99));

    Verdict ofForeigners = new Verdict(OURS);
    ofForeigners.served(query("good", FOREIGN), 100, 0, true, 105);
    assertTrue(ofForeigners.othersServedSince(query("bad", FOREIGN), 99));
    assertFalse(ofForeigners.othersServedSince(BAD, 99));
  }

  @Test
  void theInstancesGivenLastAreTheCanaries() {
    for (String id : List.of("1", "2", "3", "4", "4")) {
      verdict.served(query(id, OURS), 100, 0, true, 105);
    }

    assertEquals(
        List.of(query("4", OURS), query("3", OURS), query("2", OURS)), verdict.canaries(OURS));
    assertEquals(List.of(), verdict.canaries(FOREIGN));
  }

  @ParameterizedTest
  @CsvSource({"0.0, 2, 2", "0.01, 3, 4", "0.1, 4, 6", "0.5, 12, 17", "0.9, 30, 40"})
  void theMoreInstancesFailThatAreServedInTheEndTheMoreFailuresItTakes(
      double failureRate, int atLeast, int atMost) {
    Random random = new Random(7);
    for (int i = 0; i < 1000; i++) {
      int failures = 0;
      while (random.nextDouble() < failureRate) {
        failures++;
      }
      verdict.served(query("" + i, OURS), i, failures, true, 1000);
    }

    int needed = verdict.failuresToBlame(2, 40, 1000);
    assertTrue(needed >= atLeast && needed <= atMost, needed + " failures");
  }

  @Test
  void failuresOfInstancesThatNeverAreServedChangeNothing() {
    IntStream.range(0, 100).forEach(i -> verdict.failed(query("bad-" + i, OURS)));
    verdict.served(GOOD, 1, 0, true, 2);

    assertEquals(2, verdict.failuresToBlame(2, 40, 3));
  }

  @Test
  void failuresAreForgottenWithinMinutes() {
    IntStream.range(0, 50).forEach(i -> verdict.served(query("" + i, OURS), i, 1, true, 1000));
    assertTrue(verdict.failuresToBlame(2, 40, 1000) > 10);

    assertEquals(2, verdict.failuresToBlame(2, 40, Duration.ofMinutes(8).toNanos()));
  }

  @Test
  void theClockMaySpeakUntilFiveInstancesHaveFailedSinceOneWasServed() {
    IntStream.range(0, 4).forEach(i -> verdict.failed(query("bad-" + i, OURS)));
    verdict.failed(query("bad-0", OURS));
    assertTrue(verdict.clockMaySpeak());

    verdict.failed(query("bad-4", OURS));
    assertFalse(verdict.clockMaySpeak());

    verdict.served(GOOD, 1, 0, false, 2);
    assertTrue(verdict.clockMaySpeak());
  }
}
