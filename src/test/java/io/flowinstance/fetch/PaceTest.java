package io.flowinstance.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PaceTest {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 7, 50, 200, 1000, 99_999})
  void noSecondHoldsMorePlacesThanTheLimitNorATenthLess(int perSecond) {
    assertHolds(Pace.ofEntries(perSecond), perSecond);
    assertHolds(Pace.ofDepartures(perSecond), perSecond);
  }

  @Test
  void whatPilesUpOnTheWayGetsLessAgain() {
    long now = System.nanoTime() + SECOND;
    Pace entries = Pace.ofEntries(50);
    Pace departures = Pace.ofDepartures(50);
    long entry = entries.reserve(now);
    long departure = departures.reserve(entry + SECOND / 10);
    for (int i = 0; i < 10; i++) {
      long waits = departure - entry;
      entry = entries.reserve(now);
      departure = departures.reserve(entry);
      assertTrue(departure - entry < waits);
    }
  }

  private static void assertHolds(Pace pace, int perSecond) {
    long now = System.nanoTime();
    long first = pace.reserve(now);
    long place = first;
    for (int i = 0; i < perSecond; i++) {
      place = pace.reserve(now);
    }

    assertTrue(place - first > SECOND, () -> "one more than the limit in a second");
    assertTrue(place - first < SECOND / 0.9, () -> "a tenth below the limit");
  }

  @Test
  void aPlaceIsFreeAtOnceAfterAPause() {
    Pace pace = Pace.ofEntries(10);
    long now = System.nanoTime();
    pace.reserve(now);

    assertEquals(now + 5 * SECOND, pace.reserve(now + 5 * SECOND));
  }

  @Test
  void aPauseSavesNoPlacesUp() {
    Pace pace = Pace.ofEntries(10);
    long now = System.nanoTime() + 60 * SECOND;

    long first = pace.reserve(now);
    assertEquals(now, first);
    assertEquals(now + 106_000_000, pace.reserve(now));
    assertEquals(now + 212_000_000, pace.reserve(now));
  }

  @Test
  void noTwoThreadsGetOnePlace() throws Exception {
    Pace pace = Pace.ofEntries(1000);
    long now = System.nanoTime();
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Callable<Long>> reservations = new ArrayList<>();
      for (int i = 0; i < 400; i++) {
        reservations.add(() -> pace.reserve(now));
      }
      List<Long> places = new ArrayList<>();
      for (var reservation : threads.invokeAll(reservations)) {
        places.add(reservation.get());
      }
      places.sort(null);
      for (int i = 1; i < places.size(); i++) {
        assertEquals(1_060_000, places.get(i) - places.get(i - 1));
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void withoutALimitNobodyWaits() throws InterruptedException {
    Pace pace = Pace.ofEntries(0);
    long before = System.nanoTime();
    for (int i = 0; i < 100_000; i++) {
      pace.await();
    }

    assertTrue(System.nanoTime() - before < SECOND);
  }
}
