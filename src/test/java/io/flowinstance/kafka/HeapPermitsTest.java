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
    assertTrue(permit.tryAcquire(false, woken::incrementAndGet));
    return permit;
  }

  @Test
  void givesNoMoreThanThereIsAndTellsWhenThereIsSome() {
    HeapPermits.Permit first = taken();
    taken();
    HeapPermits.Permit third = heap.newPermit();

    assertFalse(third.tryAcquire(false, woken::incrementAndGet));
    assertEquals(0, woken.get());
    first.release();
    assertEquals(1, woken.get());
    assertTrue(third.tryAcquire(false, woken::incrementAndGet));
  }

  @Test
  void givesOneCallWhatItNeedsHoweverLittleThereIs() {
    HeapPermits small = new HeapPermits(1);

    assertTrue(small.newPermit().tryAcquire(false, () -> {}));
    assertFalse(small.newPermit().tryAcquire(false, () -> {}));
  }

  @Test
  void remembersHowMuchOutcomesTakeOfLate() {
    HeapPermits.Permit large = taken();
    large.resize(2 * GUESS);
    large.release();

    taken();
    assertFalse(heap.newPermit().tryAcquire(false, () -> {}));
  }

  @Test
  void givesWhatOthersWaitForFromAReserveToOneAtATime() {
    taken();
    taken();

    assertTrue(heap.newPermit().tryAcquire(true, () -> {}));
    assertFalse(heap.newPermit().tryAcquire(true, () -> {}));
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
