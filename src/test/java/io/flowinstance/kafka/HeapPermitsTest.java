package io.flowinstance.kafka;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.fetch.CancelledException;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class HeapPermitsTest {
  private static final long GUESS = 512 << 10;

  private static final HeapPermits.Caller ANY = caller(() -> false, false, false);
  private static final HeapPermits.Caller URGENT = caller(() -> true, false, false);

  private final HeapPermits heap = new HeapPermits(2 * GUESS);
  private final AtomicInteger woken = new AtomicInteger();

  private static HeapPermits.Caller caller(
      BooleanSupplier isUrgent, boolean isTooFarAhead, boolean isCancelled) {
    return new HeapPermits.Caller() {
      @Override
      public boolean isUrgent() {
        return isUrgent.getAsBoolean();
      }

      @Override
      public boolean isTooFarAhead() {
        return isTooFarAhead;
      }

      @Override
      public boolean isCancelled() {
        return isCancelled;
      }
    };
  }

  private HeapPermits.Permit taken() {
    HeapPermits.Permit permit = heap.newPermit(ANY);
    assertTrue(permit.tryAcquire(woken::incrementAndGet));
    return permit;
  }

  private HeapPermits.Permit urgent(boolean isCancelled) {
    HeapPermits.Permit permit = heap.newPermit(caller(() -> true, false, isCancelled));
    assertTrue(permit.tryAcquire(woken::incrementAndGet));
    return permit;
  }

  @Test
  void givesNoMoreThanThereIsAndTellsWhenThereIsSome() {
    HeapPermits.Permit first = taken();
    taken();
    HeapPermits.Permit third = heap.newPermit(ANY);

    assertFalse(third.tryAcquire(woken::incrementAndGet));
    assertEquals(0, woken.get());
    first.release();
    assertEquals(1, woken.get());
    assertTrue(third.tryAcquire(woken::incrementAndGet));
  }

  @Test
  void givesOneCallWhatItNeedsHoweverLittleThereIs() {
    HeapPermits small = new HeapPermits(1);

    assertTrue(small.newPermit(ANY).tryAcquire(() -> {}));
    assertFalse(small.newPermit(ANY).tryAcquire(() -> {}));
  }

  @Test
  void takesBeforehandWhatOutcomesNeedOfLate() {
    HeapPermits.Permit large = taken();
    large.resize(2 * GUESS);
    large.release();

    taken();
    assertFalse(heap.newPermit(ANY).tryAcquire(() -> {}));
  }

  @Test
  void aLargeOutcomeNowAndThenLeavesRoomForManySmallOnes() {
    HeapPermits many = new HeapPermits(64 << 20);
    for (int i = 0; i < 300; i++) {
      HeapPermits.Permit permit = many.newPermit(ANY);
      assertTrue(permit.tryAcquire(() -> {}));
      permit.resize(i % 100 == 0 ? 16 << 20 : 16 << 10);
      permit.release();
    }

    for (int i = 0; i < 64; i++) {
      assertTrue(many.newPermit(ANY).tryAcquire(() -> {}), "permit " + i);
    }
  }

  @Test
  void whatItAskedForInVainIsTakenBeforeTheNextCall() {
    HeapPermits.Permit other = taken();
    HeapPermits.Permit large = taken();

    assertFalse(large.tryGrowTo(2 * GUESS));
    large.release();
    assertFalse(large.tryAcquire(woken::incrementAndGet));

    other.release();
    assertEquals(1, woken.get());
    assertTrue(large.tryAcquire(woken::incrementAndGet));
    assertEquals(2 * GUESS, heap.taken());
  }

  @Test
  void theReserveGoesOnFromWhatIsUrgentNoMore() {
    taken();
    taken();
    AtomicBoolean isUrgent = new AtomicBoolean(true);
    assertTrue(heap.newPermit(caller(isUrgent::get, false, false)).tryAcquire(() -> {}));
    assertFalse(heap.newPermit(URGENT).tryAcquire(() -> {}));

    isUrgent.set(false);

    assertTrue(heap.newPermit(URGENT).tryAcquire(() -> {}));
    assertFalse(heap.newPermit(URGENT).tryAcquire(() -> {}));
  }

  @Test
  void whatFitsAgainLeavesTheReserveToOthersThoughItIsUrgentStill() throws Exception {
    taken();
    HeapPermits.Permit large = urgent(false);
    large.growTo(10 * GUESS);
    HeapPermits.Permit other = heap.newPermit(URGENT);
    assertFalse(other.tryAcquire(woken::incrementAndGet));

    large.shrinkBy(10 * GUESS - 1);

    assertEquals(GUESS + 1, heap.taken());
    other.wake();
    assertTrue(other.tryAcquire(woken::incrementAndGet));
    assertTrue(heap.taken() > 2 * GUESS);
  }

  @Test
  void offersRoomToOneAtATime() {
    HeapPermits.Permit first = taken();
    HeapPermits.Permit second = taken();
    HeapPermits.Permit third = heap.newPermit(ANY);
    HeapPermits.Permit fourth = heap.newPermit(ANY);
    assertFalse(third.tryAcquire(() -> woken.addAndGet(10)));
    assertFalse(fourth.tryAcquire(() -> woken.addAndGet(100)));

    first.release();
    first.release();
    assertEquals(10, woken.get());

    third.release();
    first.release();
    assertEquals(110, woken.get());
    second.release();
  }

  @Test
  void oneThatCannotGoOnKeepsNoOtherWaiting() {
    HeapPermits.Permit large = taken();
    assertTrue(large.tryGrowTo(2 * GUESS));
    Runnable fails =
        () -> {
          throw new OutOfMemoryError("On purpose.");
        };
    assertFalse(heap.newPermit(ANY).tryAcquire(fails));
    assertFalse(heap.newPermit(ANY).tryAcquire(woken::incrementAndGet));

    large.release();

    assertEquals(1, woken.get());
  }

  @Test
  void whatNeedsLessThanOthersThatWaitGoesOn() {
    HeapPermits.Permit first = taken();
    HeapPermits.Permit large = taken();
    assertFalse(large.tryGrowTo(2 * GUESS));
    large.release();
    HeapPermits.Permit third = taken();
    assertFalse(large.tryAcquire(woken::incrementAndGet));
    HeapPermits.Permit small = heap.newPermit(ANY);
    assertFalse(small.tryAcquire(() -> woken.addAndGet(10)));

    first.release();

    assertEquals(10, woken.get());
    third.release();
  }

  @Test
  void givesWhatOthersWaitForFromAReserveToOneAtATime() {
    taken();
    taken();

    assertTrue(heap.newPermit(URGENT).tryAcquire(() -> {}));
    assertFalse(heap.newPermit(URGENT).tryAcquire(() -> {}));
  }

  @Test
  void letsOneAnswerGrowBeyondWhatThereIsAndTheOthersOneAfterTheOther() throws Exception {
    HeapPermits.Permit first = urgent(false);
    HeapPermits.Permit second = urgent(false);
    first.growTo(10 * GUESS);
    AtomicBoolean grown = new AtomicBoolean();
    Thread other =
        new Thread(
            () -> {
              try {
                second.growTo(10 * GUESS);
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
  void whatWaitsForHeapKeepsNothingFromGoingOnInItsPool() throws Exception {
    HeapPermits.Permit first = urgent(false);
    first.growTo(10 * GUESS);
    HeapPermits.Permit second = urgent(false);
    ForkJoinPool pool = new ForkJoinPool(1);
    try {
      ForkJoinTask<?> waits = pool.submit(() -> growTo(second));
      await().until(() -> pool.getRunningThreadCount() == 0 && pool.getPoolSize() > 0);

      pool.submit(first::release).join();

      waits.join();
      assertEquals(10 * GUESS, heap.taken());
    } finally {
      pool.shutdownNow();
    }
  }

  private static void growTo(HeapPermits.Permit permit) {
    try {
      permit.growTo(10 * GUESS);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void passesOverWhatIsTooFarAhead() {
    HeapPermits.Permit first = taken();
    taken();
    HeapPermits.Permit ahead = heap.newPermit(caller(() -> false, true, false));
    assertFalse(ahead.tryAcquire(() -> woken.addAndGet(10)));
    assertFalse(heap.newPermit(ANY).tryAcquire(() -> woken.addAndGet(100)));

    first.release();

    assertEquals(100, woken.get());
    assertFalse(ahead.tryAcquire(woken::incrementAndGet));
  }

  @Test
  void waitsForNothingOnceItIsCancelled() throws Exception {
    HeapPermits.Permit second = urgent(true);
    urgent(false).growTo(10 * GUESS);

    assertThrows(CancelledException.class, () -> second.growTo(10 * GUESS));
  }

  @Test
  void givesBackEverything() throws Exception {
    HeapPermits.Permit permit = urgent(false);
    permit.growTo(10 * GUESS);
    permit.resize(GUESS);
    permit.release();
    permit.release();

    assertEquals(0, heap.taken());
  }
}
