package io.flowinstance.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import org.junit.jupiter.api.Test;

class CallQueueTest {
  private final ManualTime time = new ManualTime();
  private final List<String> made = new ArrayList<>();
  private final List<CountDownLatch> inFlight = new ArrayList<>();
  private int threads;

  private CallQueue queue(int slots) {
    return queue(slots, Runnable::run);
  }

  private CallQueue queue(int slots, Executor processors) {
    return new CallQueue(slots, null, this::start, processors, time, time::nanos);
  }

  private synchronized void start(Runnable work) {
    threads++;
    Thread thread =
        new Thread(
            () -> {
              try {
                work.run();
              } finally {
                synchronized (this) {
                  threads--;
                  notifyAll();
                }
              }
            });
    thread.setDaemon(true);
    thread.setUncaughtExceptionHandler((broken, asAsked) -> {});
    thread.start();
  }

  /** How many calls are in flight, once no thread does anything else. */
  private synchronized int inFlight() throws InterruptedException {
    while (threads > inFlight.size()) {
      wait();
    }
    return inFlight.size();
  }

  /** Ends the calls that are in flight, one after the other; those that follow begin. */
  private void endCalls() throws InterruptedException {
    inFlight();
    for (CountDownLatch end : List.copyOf(inFlight)) {
      synchronized (this) {
        inFlight.remove(end);
      }
      end.countDown();
      inFlight();
    }
  }

  private synchronized List<String> made() {
    return List.copyOf(made);
  }

  private class Call implements CallQueue.Call {
    private final String name;
    volatile boolean cancelled;
    volatile boolean memory = true;
    volatile Runnable available;
    private final Runnable answer;

    Call(String name) {
      this(name, () -> {});
    }

    Call(String name, Runnable answer) {
      this.name = name;
      this.answer = answer;
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

    /** What a call does at its end, with its slot. */
    void end() {}

    @Override
    public Runnable run() {
      CountDownLatch end = new CountDownLatch(1);
      synchronized (CallQueueTest.this) {
        made.add(name);
        if (cancelled) {
          return null;
        }
        inFlight.add(end);
        CallQueueTest.this.notifyAll();
      }
      try {
        end.await();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      end();
      return answer;
    }
  }

  @Test
  void noMoreCallsAreInFlightThanThereAreSlots() throws InterruptedException {
    CallQueue queue = queue(2);
    for (String name : List.of("a", "b", "c")) {
      queue.addFirst(new Call(name));
      inFlight();
    }
    assertEquals(2, inFlight());

    endCalls();
    endCalls();
    assertEquals(List.of("a", "b", "c"), made());
  }

  @Test
  void aCallKeepsItsSlotUntilAProcessorTakesUpWhatItBrought() throws InterruptedException {
    Queue<Runnable> answers = new ConcurrentLinkedQueue<>();
    CallQueue queue = queue(2, answers::add);
    for (String name : List.of("a", "b", "c", "d")) {
      queue.addFirst(new Call(name));
      inFlight();
    }
    endCalls();
    assertEquals(0, inFlight());

    answers.remove().run();
    assertEquals(1, inFlight());
    answers.remove().run();
    assertEquals(2, inFlight());
    assertEquals(List.of("a", "b", "c", "d"), made());
  }

  @Test
  void aCallWithoutAnAnswerNeedsNoProcessor() throws InterruptedException {
    CallQueue queue =
        queue(
            1,
            answer -> {
              throw new IllegalStateException("Nothing is to be taken up.");
            });
    for (String name : List.of("a", "b")) {
      queue.addFirst(new Call(name, null));
      inFlight();
    }
    endCalls();

    assertEquals(1, inFlight());
    assertEquals(List.of("a", "b"), made());
  }

  @Test
  void aProcessorDoesWhatIsToBeDoneWithAnAnswerOnceThoughItBreaks() throws InterruptedException {
    List<String> taken = new ArrayList<>();
    Queue<Runnable> answers = new ConcurrentLinkedQueue<>();
    CallQueue queue = queue(1, answers::add);
    queue.addFirst(
        new Call(
            "a",
            () -> {
              taken.add("a");
              throw new IllegalStateException("Broken on purpose.");
            }));
    queue.addFirst(new Call("b"));
    endCalls();
    assertEquals(List.of(), taken);

    assertThrows(IllegalStateException.class, answers.remove()::run);
    assertEquals(1, inFlight());
    assertEquals(List.of("a"), taken);
    assertEquals(List.of("a", "b"), made());
  }

  @Test
  void whatACallSaysAtItsEndCountsBeforeTheNextBegins() throws InterruptedException {
    CallQueue queue = queue(1);
    queue.addFirst(
        new Call("limited", null) {
          @Override
          void end() {
            queue.addRetry(new Call("repeated"));
            queue.slowDown(Duration.ofSeconds(1));
          }
        });
    queue.addFirst(new Call("b"));
    endCalls();
    assertEquals(0, inFlight());

    time.pass(Duration.ofSeconds(1));
    assertEquals(1, inFlight());
    assertEquals(List.of("limited", "repeated"), made());
  }

  @Test
  void aCallThatBreaksLeavesItsSlotToTheNext() throws InterruptedException {
    CallQueue queue = queue(1);
    queue.addFirst(
        new Call("broken") {
          @Override
          public Runnable run() {
            super.run();
            throw new IllegalStateException("Broken on purpose.");
          }
        });
    queue.addFirst(new Call("b"));
    endCalls();

    assertEquals(1, inFlight());
    assertEquals(List.of("broken", "b"), made());
  }

  @Test
  void repeatedCallsGoFirstAndTakeHalfOfTheSlots() throws InterruptedException {
    CallQueue queue = queue(4);
    for (String name : List.of("1", "2", "3", "4")) {
      queue.addFirst(new Call(name));
      inFlight();
    }
    for (String name : List.of("r1", "r2", "r3")) {
      queue.addRetry(new Call(name));
    }
    queue.addFirst(new Call("5"));
    queue.addFirst(new Call("6"));
    endCalls();
    assertEquals(4, inFlight());
    endCalls();
    endCalls();

    assertEquals(List.of("1", "2", "3", "4", "r1", "r2", "5", "6", "r3"), made());
  }

  @Test
  void repeatedCallsAndFirstOnesTakeTurnsOnASingleSlot() throws InterruptedException {
    CallQueue queue = queue(1);
    queue.addFirst(new Call("1"));
    inFlight();
    for (String name : List.of("r1", "r2", "r3")) {
      queue.addRetry(new Call(name));
    }
    queue.addFirst(new Call("2"));
    queue.addFirst(new Call("3"));
    for (int call = 0; call < 5; call++) {
      endCalls();
    }

    assertEquals(List.of("1", "r1", "2", "r2", "3", "r3"), made());
  }

  @Test
  void aCallWithoutMemoryLetsOthersGoOnAndComesBackFirst() throws InterruptedException {
    CallQueue queue = queue(1);
    Call large = new Call("large");
    large.memory = false;
    queue.addFirst(large);
    queue.addFirst(new Call("b"));
    queue.addFirst(new Call("c"));
    large.memory = true;
    large.available.run();
    endCalls();
    endCalls();
    endCalls();

    assertEquals(List.of("b", "large", "c"), made());
  }

  @Test
  void aCancelledCallEndsAndTakesNoSlot() throws InterruptedException {
    CallQueue queue = queue(1);
    queue.addFirst(new Call("a"));
    Call cancelled = new Call("cancelled");
    queue.addFirst(cancelled);
    queue.addFirst(new Call("b"));
    cancelled.cancelled = true;

    endCalls();
    assertEquals(1, inFlight());
    assertEquals(Set.of("a", "cancelled", "b"), Set.copyOf(made()));
    assertEquals("a", made().get(0));
  }

  @Test
  void afterARateLimitNothingIsCalledForAWhileAndHalfAsMuchAfterwards()
      throws InterruptedException {
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
    assertEquals(0, inFlight());
    assertEquals(4, queue.limit());

    time.pass(Duration.ofSeconds(2));
    assertEquals(4, inFlight());
    queue.speedUp();
    endCalls();
    assertEquals(5, inFlight());
  }

  @Test
  void repeatedCallsLeaveHalfOfFewerSlotsToFirstOnes() throws InterruptedException {
    CallQueue queue = queue(8);
    for (int i = 0; i < 4; i++) {
      queue.addFirst(new Call("a"));
      inFlight();
    }
    queue.slowDown(Duration.ofSeconds(1));
    for (int i = 0; i < 4; i++) {
      queue.addRetry(new Call("retry"));
      queue.addFirst(new Call("first"));
    }
    endCalls();
    time.pass(Duration.ofSeconds(1));

    assertEquals(2, inFlight());
    assertEquals(Set.of("a", "retry", "first"), Set.copyOf(made()));
  }

  @Test
  void theRateLimiterSpacesCallsAndKeepsNoPlaceForACancelledOne() throws InterruptedException {
    CallQueue queue =
        new CallQueue(8, RateLimits.of(10), this::start, Runnable::run, time, System::nanoTime);
    Call cancelled = new Call("cancelled");
    queue.addFirst(new Call("a"));
    queue.addFirst(cancelled);
    queue.addFirst(new Call("b"));
    assertTrue(inFlight() <= 1, inFlight() + " at once");

    cancelled.cancelled = true;
    time.awaitRun();
    assertTrue(inFlight() <= 3);
  }
}
