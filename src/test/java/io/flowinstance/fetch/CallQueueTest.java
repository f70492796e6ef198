package io.flowinstance.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class CallQueueTest {
  private final ManualTime time = new ManualTime();
  private final List<String> made = new ArrayList<>();
  private final List<Runnable> inFlight = new ArrayList<>();

  private CallQueue queue(int slots) {
    return new CallQueue(slots, null, inFlight::add, time, time::nanos);
  }

  /** Ends the calls that are in flight; those that follow begin. */
  private void endCalls() {
    List<Runnable> ending = List.copyOf(inFlight);
    inFlight.clear();
    ending.forEach(Runnable::run);
  }

  private class Call implements CallQueue.Call {
    private final String name;
    boolean cancelled;
    boolean memory = true;
    Runnable available;

    Call(String name) {
      this.name = name;
    }

    @Override
    public boolean isCancelled() {
      return cancelled;
    }

    @Override
    public boolean tryAcquire(Runnable whenAvailable) {
      available = whenAvailable;
      return memory;
    }

    @Override
    public Runnable run() {
      made.add(name);
      return () -> {};
    }
  }

  @Test
  void noMoreCallsAreInFlightThanThereAreSlots() {
    CallQueue queue = queue(2);
    for (String name : List.of("a", "b", "c")) {
      queue.addFirst(new Call(name));
    }
    assertEquals(2, inFlight.size());

    endCalls();
    endCalls();
    assertEquals(List.of("a", "b", "c"), made);
  }

  @Test
  void repeatedCallsGoFirstAndTakeHalfOfTheSlots() {
    CallQueue queue = queue(4);
    for (String name : List.of("1", "2", "3", "4")) {
      queue.addFirst(new Call(name));
    }
    for (String name : List.of("r1", "r2", "r3")) {
      queue.addRetry(new Call(name));
    }
    queue.addFirst(new Call("5"));
    queue.addFirst(new Call("6"));
    endCalls();
    assertEquals(4, inFlight.size());
    endCalls();
    endCalls();

    assertEquals(List.of("1", "2", "3", "4", "r1", "r2", "5", "6", "r3"), made);
  }

  @Test
  void aCallWithoutMemoryLetsOthersGoOnAndComesBackFirst() {
    CallQueue queue = queue(1);
    Call large = new Call("large");
    large.memory = false;
    queue.addFirst(large);
    queue.addFirst(new Call("b"));
    queue.addFirst(new Call("c"));
    large.memory = true;
    large.available.run();
    inFlight.remove(inFlight.size() - 1).run();
    endCalls();
    endCalls();
    endCalls();

    assertEquals(List.of("b", "large", "c"), made);
  }

  @Test
  void aCancelledCallEndsAndTakesNoSlot() {
    CallQueue queue = queue(1);
    queue.addFirst(new Call("a"));
    Call cancelled = new Call("cancelled");
    queue.addFirst(cancelled);
    queue.addFirst(new Call("b"));
    cancelled.cancelled = true;

    endCalls();
    assertEquals(2, inFlight.size());
    endCalls();
    assertEquals(List.of("a", "cancelled", "b"), made);
  }

  @Test
  void afterARateLimitNothingIsCalledForAWhileAndHalfAsMuchAfterwards() {
    CallQueue queue = queue(8);
    for (int i = 0; i < 8; i++) {
      queue.addFirst(new Call("a"));
    }
    queue.slowDown(Duration.ofSeconds(2));
    queue.slowDown(Duration.ofSeconds(1));
    endCalls();
    for (int i = 0; i < 20; i++) {
      queue.addFirst(new Call("b"));
    }
    assertEquals(0, inFlight.size());
    assertEquals(4, queue.limit());

    time.pass(Duration.ofSeconds(2));
    assertEquals(4, inFlight.size());
    queue.speedUp();
    endCalls();
    assertEquals(5, inFlight.size());
  }

  @Test
  void theRateLimiterSpacesCallsAndKeepsNoPlaceForACancelledOne() {
    CallQueue queue = new CallQueue(8, RateLimits.of(10), inFlight::add, time, System::nanoTime);
    Call cancelled = new Call("cancelled");
    queue.addFirst(new Call("a"));
    queue.addFirst(cancelled);
    queue.addFirst(new Call("b"));
    assertTrue(inFlight.size() <= 1, inFlight.size() + " at once");

    cancelled.cancelled = true;
    time.awaitRun();
    assertTrue(inFlight.size() <= 3);
  }
}
