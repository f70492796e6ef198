package io.flowinstance.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.enos.Identity;
import io.flowinstance.enos.InstanceQuery;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class RateLimitVerdictTest {
  private static final Identity OURS = new Identity("user", "org");
  private static final Duration PAUSE = Duration.ofSeconds(2);
  private static final Duration LATELY = Duration.ofSeconds(20);

  private final Verdict verdict = new Verdict(OURS);
  private final RateLimitVerdict rateLimit = new RateLimitVerdict(verdict, LATELY);
  private long now = Long.MAX_VALUE - Duration.ofSeconds(5).toNanos();

  private static InstanceQuery query(int number) {
    return new InstanceQuery("id-" + number, OURS.userId(), OURS.orgId());
  }

  private void pass(Duration time) {
    now += time.toNanos();
  }

  /** Whether the refusal is for all. */
  private boolean refused(int number, int refusals) {
    now++;
    return rateLimit.isForAll(query(number), refusals, now, PAUSE);
  }

  private void served(int number) {
    now++;
    verdict.served(query(number), now, 0, true, now);
  }

  /** Refuses four instances, which all call again after a pause. */
  private boolean pauses(int refusals) {
    boolean isForAll = false;
    for (int number = 0; number < 4; number++) {
      isForAll |= refused(number, refusals);
    }
    pass(PAUSE);
    served(99);
    return isForAll;
  }

  @Test
  void aRefusalOfOneInstanceIsItsOwn() {
    assertFalse(refused(1, 1));
    assertFalse(refused(1, 2));
  }

  @Test
  void refusalsOfSeveralWithNoneServedInBetweenAreForAll() {
    refused(1, 1);
    assertTrue(refused(2, 1));

    served(3);
    assertFalse(refused(4, 1));
    assertTrue(refused(5, 1));
  }

  @Test
  void oneOfLongAgoIsNoSign() {
    refused(1, 1);
    pass(LATELY);

    assertFalse(refused(2, 1));
  }

  @Test
  void twoPausesThatHelpNoneOfTheRefusedShowThatItIsTheirsAlone() {
    assertTrue(pauses(1));
    assertTrue(pauses(2));

    assertFalse(pauses(2));
    assertFalse(pauses(1));
  }

  @Test
  void onePauseShowsNothingHoweverManyAreRefusedAgain() {
    assertTrue(pauses(1));
    for (int number = 0; number < 100; number++) {
      assertEquals(number > 0, refused(number, 2));
    }
  }

  @Test
  void pausesAfterWhichNoneCalledAgainShowNothing() {
    for (int pause = 0; pause < 5; pause++) {
      assertTrue(pauses(1));
    }
  }

  @Test
  void aLimitThatLetsOneOfTheRefusedThroughIsForAll() {
    pauses(1);
    pauses(2);
    assertFalse(rateLimit.passedSince(now - LATELY.toNanos()));
    rateLimit.passed(now);

    assertTrue(pauses(2));
    assertTrue(rateLimit.passedSince(now - LATELY.toNanos()));
    assertFalse(rateLimit.passedSince(now));
  }

  @Test
  void whatAPauseHelpedNoneIsForgottenAfterAWhile() {
    pauses(1);
    pauses(2);
    assertFalse(pauses(2));
    pass(LATELY);

    assertTrue(pauses(1));
  }

  @Test
  void manyRefusalsAreItsOwnWhateverOthersMeet() {
    assertFalse(rateLimit.isOwn(39, 7, now));
    assertTrue(rateLimit.isOwn(40, 7, now));
    assertFalse(rateLimit.isOwn(108, 109, now));
    assertTrue(rateLimit.isOwn(109, 109, now));

    rateLimit.passed(now);
    assertFalse(rateLimit.isOwn(39, 2, now - 1));
    assertTrue(rateLimit.isOwn(40, 2, now - 1));
  }

  @Test
  void whileNoneThatWasRefusedIsServedFewRefusalsAreItsOwn() {
    assertFalse(rateLimit.isOwn(2, 3, now));
    assertTrue(rateLimit.isOwn(3, 3, now));
  }
}
