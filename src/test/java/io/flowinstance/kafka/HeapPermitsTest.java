package io.flowinstance.kafka;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.fetch.CancelledException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class HeapPermitsTest {
  private static final long GUESS = 512 << 10;

  private final HeapPermits heap = new HeapPermits(2 * GUESS);
  private final AtomicInteger woken = new AtomicInteger();

  private HeapPermits.Permit taken() {
    HeapPermits.Permit permit = heap.newPermit();
    assertTrue(permit.tryAcquire(() -> false, woken::incrementAndGet));
    return permit;
  }

  @Test
  void givesNoMoreThanThereIsAndTellsWhenThereIsSome() {
    HeapPermits.Permit first = taken();
    taken();
    HeapPermits.Permit third = heap.newPermit();

    assertFalse(third.tryAcquire(() -> false, woken::incrementAndGet));
    assertEquals(0, woken.get());
    first.release();
    assertEquals(1, woken.get());
    assertTrue(third.tryAcquire(() -> false, woken::incrementAndGet));
  }

  @Test
  void givesOneCallWhatItNeedsHoweverLittleThereIs() {
    HeapPermits small = new HeapPermits(1);

    assertTrue(small.newPermit().tryAcquire(() -> false, () -> {}));
    assertFalse(small.newPermit().tryAcquire(() -> false, () -> {}));
  }

  @Test
  void takesBeforehandWhatOutcomesNeedOfLate() {
    HeapPermits.Permit large = taken();
    large.resize(2 * GUESS);
    large.release();

    taken();
    assertFalse(heap.newPermit().tryAcquire(() -> false, () -> {}));
  }

  @Test
  void aLargeOutcomeNowAndThenLeavesRoomForManySmallOnes() {
    HeapPermits many = new HeapPermits(64 << 20);
    for (int i = 0; i < 300; i++) {
      HeapPermits.Permit permit = many.newPermit();
      assertTrue(permit.tryAcquire(() -> false, () -> {}));
      permit.resize(i % 100 == 0 ? 16 << 20 : 16 << 10);
      permit.release();
    }

    for (int i = 0; i < 64; i++) {
      assertTrue(many.newPermit().tryAcquire(() -> false, () -> {}), "permit " + i);
    }
  }

  @Test
  void whatItAskedForInVainIsTakenBeforeTheNextCall() {
    HeapPermits.Permit other = taken();
    HeapPermits.Permit large = taken();

    assertFalse(large.tryGrowTo(2 * GUESS, () -> false));
    large.release();
    assertFalse(large.tryAcquire(() -> false, woken::incrementAndGet));

    other.release();
    assertEquals(1, woken.get());
    assertTrue(large.tryAcquire(() -> false, woken::incrementAndGet));
    assertEquals(2 * GUESS, heap.taken());
  }

  @Test
  void theReserveGoesOnFromWhatIsUrgentNoMore() {
    taken();
    taken();
    AtomicBoolean isUrgent = new AtomicBoolean(true);
    HeapPermits.Permit shared = heap.newPermit();
    assertTrue(shared.tryAcquire(isUrgent::get, () -> {}));
    assertFalse(heap.newPermit().tryAcquire(() -> true, () -> {}));

    isUrgent.set(false);

    assertTrue(heap.newPermit().tryAcquire(() -> true, () -> {}));
    assertFalse(heap.newPermit().tryAcquire(() -> true, () -> {}));
  }

  @Test
  void offersRoomToOneAtATime() {
    HeapPermits.Permit first = taken();
    HeapPermits.Permit second = taken();
    HeapPermits.Permit third = heap.newPermit();
    HeapPermits.Permit fourth = heap.newPermit();
    assertFalse(third.tryAcquire(() -> false, () -> woken.addAndGet(10)));
    assertFalse(fourth.tryAcquire(() -> false, () -> woken.addAndGet(100)));

    first.release();
    first.release();
    assertEquals(10, woken.get());

    third.release();
    first.release();
    assertEquals(110, woken.get());
    second.release();
  }

  @Test
  void whatNeedsLessThanOthersThatWaitGoesOn() {
    HeapPermits.Permit first = taken();
    HeapPermits.Permit large = taken();
    assertFalse(large.tryGrowTo(2 * GUESS, () -> false));
    large.release();
    HeapPermits.Permit third = taken();
    assertFalse(large.tryAcquire(() -> false, woken::incrementAndGet));
    HeapPermits.Permit small = heap.newPermit();
    assertFalse(small.tryAcquire(() -> false, () -> woken.addAndGet(10)));

    first.release();

    assertEquals(10, woken.get());
    third.release();
  }

  @Test
  void givesWhatOthersWaitForFromAReserveToOneAtATime() {
    taken();
    taken();

    assertTrue(heap.newPermit().tryAcquire(() -> true, () -> {}));
    assertFalse(heap.newPermit().tryAcquire(() -> true, () -> {}));
  }

  @Test
  void letsOneAnswerGrowBeyondWhatThereIsAndTheOthersOneAfterTheOther() throws Exception {
    HeapPermits.Permit first = taken();
    HeapPermits.Permit second = taken();
    first.growTo(10 * GUESS, () -> false, () -> true);
    AtomicBoolean grown = new AtomicBoolean();
    Thread other =
        new Thread(
            () -> {
              try {
                second.growTo(10 * GUESS, () -> false, () -> true);
                grown.set(true);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    other.start();
    await().until(() -> other.getState() == Thread.State.TIMED_WAITING);
    assertFalse(grown.get());

    first.release();
    other.join();
    assertTrue(grown.get());
  }

  @Test
  void waitsForNothingOnceItIsCancelled() throws Exception {
    HeapPermits.Permit first = taken();
    HeapPermits.Permit second = taken();
    first.growTo(10 * GUESS, () -> false, () -> true);

    assertThrows(CancelledException.class, () -> second.growTo(10 * GUESS, () -> true, () -> true));
  }

  @Test
  void givesBackEverything() throws Exception {
    HeapPermits.Permit permit = taken();
    permit.growTo(10 * GUESS, () -> false, () -> true);
    permit.resize(GUESS);
    permit.release();
    permit.release();

    assertEquals(0, heap.taken());
  }
}
