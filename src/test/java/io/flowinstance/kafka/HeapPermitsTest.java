package io.flowinstance.kafka;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.fetch.CancelledException;
import java.util.ArrayList;
import java.util.List;
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

  private final HeapPermits heap = new HeapPermits(2 * GUESS, 1);
  private final HeapPermits.Share share = heap.newShare();
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
    HeapPermits.Permit permit = share.newPermit(ANY);
    assertTrue(permit.tryAcquire(woken::incrementAndGet));
    return permit;
  }

  private HeapPermits.Permit urgent(boolean isCancelled) {
    HeapPermits.Permit permit = share.newPermit(caller(() -> true, false, isCancelled));
    assertTrue(permit.tryAcquire(woken::incrementAndGet));
    return permit;
  }

  @Test
  void givesNoMoreThanThereIsAndTellsWhenThereIsSome() {
    HeapPermits.Permit first = taken();
    taken();
    HeapPermits.Permit third = share.newPermit(ANY);

    assertFalse(third.tryAcquire(woken::incrementAndGet));
    assertEquals(0, woken.get());
    first.release();
    assertEquals(1, woken.get());
    assertTrue(third.tryAcquire(woken::incrementAndGet));
  }

  @Test
  void givesOneCallWhatItNeedsHoweverLittleThereIs() {
    HeapPermits small = new HeapPermits(1, 1);

    assertTrue(small.newShare().newPermit(ANY).tryAcquire(() -> {}));
    assertFalse(small.newShare().newPermit(ANY).tryAcquire(() -> {}));
  }

  @Test
  void takesBeforehandWhatOutcomesNeedOfLate() {
    HeapPermits.Permit large = taken();
    large.resize(2 * GUESS);
    large.release();

    taken();
    assertFalse(share.newPermit(ANY).tryAcquire(() -> {}));
  }

  @Test
  void aLargeOutcomeNowAndThenLeavesRoomForManySmallOnes() {
    HeapPermits many = new HeapPermits(64 << 20, 1);
    for (int i = 0; i < 300; i++) {
      HeapPermits.Permit permit = many.newShare().newPermit(ANY);
      assertTrue(permit.tryAcquire(() -> {}));
      permit.resize(i % 100 == 0 ? 16 << 20 : 16 << 10);
      permit.release();
    }

    for (int i = 0; i < 64; i++) {
      assertTrue(many.newShare().newPermit(ANY).tryAcquire(() -> {}), "permit " + i);
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
    assertTrue(share.newPermit(caller(isUrgent::get, false, false)).tryAcquire(() -> {}));
    assertFalse(share.newPermit(URGENT).tryAcquire(() -> {}));

    isUrgent.set(false);

    assertTrue(share.newPermit(URGENT).tryAcquire(() -> {}));
    assertFalse(share.newPermit(URGENT).tryAcquire(() -> {}));
  }

  @Test
  void whatFitsAgainLeavesTheReserveToOthersThoughItIsUrgentStill() throws Exception {
    taken();
    HeapPermits.Permit large = urgent(false);
    large.growTo(10 * GUESS);
    HeapPermits.Permit other = share.newPermit(URGENT);
    assertFalse(other.tryAcquire(woken::incrementAndGet));

    large.shrinkBy(10 * GUESS - 1);

    assertEquals(GUESS + 1, heap.taken());
    other.wake();
    assertTrue(other.tryAcquire(woken::incrementAndGet));
    assertTrue(heap.taken() > 2 * GUESS);
  }

  @Test
  void aConsumerThatPublishesNothingLeavesRoomToTheOthers() {
    HeapPermits both = new HeapPermits(4 * GUESS, 2);
    HeapPermits.Share stuck = both.newShare();
    HeapPermits.Share other = both.newShare();
    List<HeapPermits.Permit> held = acquire(stuck, 3);
    assertFalse(stuck.newPermit(ANY).tryAcquire(() -> woken.addAndGet(10)));

    for (int i = 0; i < 5; i++) {
      HeapPermits.Permit next = other.newPermit(ANY);
      assertTrue(next.tryAcquire(() -> {}));
      HeapPermits.Permit waits = other.newPermit(ANY);
      assertFalse(waits.tryAcquire(() -> woken.addAndGet(100)));
      next.release();
      assertEquals(100 * (i + 1), woken.get());
      waits.release();
    }
    held.get(0).release();
    assertEquals(510, woken.get());
  }

  private static List<HeapPermits.Permit> acquire(HeapPermits.Share share, int count) {
    List<HeapPermits.Permit> permits = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      permits.add(share.newPermit(ANY));
      assertTrue(permits.get(i).tryAcquire(() -> {}));
    }
    return permits;
  }

  @Test
  void theOnlyAnswerOfAConsumerMayTakeAllThatOthersLeave() {
    HeapPermits both = new HeapPermits(4 * GUESS, 2);
    both.newShare().newPermit(ANY).resize(GUESS / 2);
    HeapPermits.Share share = both.newShare();
    HeapPermits.Permit large = share.newPermit(ANY);

    assertFalse(large.tryGrowTo(4 * GUESS));
    assertTrue(large.tryGrowTo(3 * GUESS + GUESS / 2));
    assertFalse(share.newPermit(ANY).tryAcquire(() -> {}));
  }

  @Test
  void aConsumerThatPublishesNothingTakesTheReserveForOneOfItsCallsAlone() {
    HeapPermits both = new HeapPermits(4 * GUESS, 2);
    HeapPermits.Share stuck = both.newShare();
    acquire(stuck, 3);

    assertTrue(stuck.newPermit(URGENT).tryAcquire(() -> {}));
    assertFalse(stuck.newPermit(URGENT).tryAcquire(() -> {}));
  }

  @Test
  void offersRoomToOneAtATime() {
    HeapPermits.Permit first = taken();
    HeapPermits.Permit second = taken();
    HeapPermits.Permit third = share.newPermit(ANY);
    HeapPermits.Permit fourth = share.newPermit(ANY);
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
    assertFalse(share.newPermit(ANY).tryAcquire(fails));
    assertFalse(share.newPermit(ANY).tryAcquire(woken::incrementAndGet));

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
    HeapPermits.Permit small = share.newPermit(ANY);
    assertFalse(small.tryAcquire(() -> woken.addAndGet(10)));

    first.release();

    assertEquals(10, woken.get());
    third.release();
  }

  @Test
  void givesWhatOthersWaitForFromAReserveToOneAtATime() {
    taken();
    taken();

    assertTrue(share.newPermit(URGENT).tryAcquire(() -> {}));
    assertFalse(share.newPermit(URGENT).tryAcquire(() -> {}));
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
    HeapPermits.Permit ahead = share.newPermit(caller(() -> false, true, false));
    assertFalse(ahead.tryAcquire(() -> woken.addAndGet(10)));
    assertFalse(share.newPermit(ANY).tryAcquire(() -> woken.addAndGet(100)));

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
