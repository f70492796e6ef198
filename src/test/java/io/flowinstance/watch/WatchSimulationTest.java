package io.flowinstance.watch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How many calls the change feed makes, at the settings that are shipped. */
@Timeout(60)
class WatchSimulationTest {
  private static final int INSTANCES = 20;
  private static final int CAP = 200;

  private static WatchSimulation simulation(double changesPerSecond) {
    return new WatchSimulation(
        WatchSimulation.shipped(CAP, INSTANCES), INSTANCES, changesPerSecond);
  }

  @Test
  void callsPerInstanceFallAsItStaysTheSame() {
    List<Long> calls = new ArrayList<>();
    try (WatchSimulation simulation = simulation(0)) {
      for (int i = 0; i < 4; i++) {
        calls.add(simulation.minutes(5).calls);
      }
    }

    assertTrue(calls.get(0) <= 10 * INSTANCES, calls::toString);
    assertTrue(calls.get(1) < calls.get(0) / 2, calls::toString);
    assertTrue(calls.get(2) < calls.get(1), calls::toString);
    assertTrue(calls.get(3) <= 2 * INSTANCES, calls::toString);
  }

  @Test
  void aChangeCostsCallsOfItsInstanceAlone() {
    try (WatchSimulation still = simulation(0);
        WatchSimulation changing = simulation(1 / 60.0)) {
      still.minutes(20);
      changing.minutes(20);
      long calls = still.minutes(30).calls;
      WatchSimulation.Counts counts = changing.minutes(30);

      assertEquals(30, counts.changes);
      assertTrue(counts.calls > calls, () -> counts.calls + " and " + calls);
      assertTrue(counts.calls < calls + 12 * counts.changes, () -> counts.calls + " and " + calls);
    }
  }
}
