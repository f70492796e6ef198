package io.flowinstance.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class RetryingExecutorTest {
  private final ManualTime time = new ManualTime();
  private final Semaphore ran = new Semaphore(0);

  private static ExecutorService pool(int size, AtomicBoolean isFull) {
    return new ThreadPoolExecutor(
        size,
        size,
        1,
        TimeUnit.MINUTES,
        new LinkedBlockingQueue<>(),
        task -> {
          if (isFull.get()) {
            throw new OutOfMemoryError("unable to create native thread");
          }
          return new Thread(task);
        });
  }

  @Test
  void aThreadThatIsIdleTakesTheTaskForWhichNoneCanBeMade() throws InterruptedException {
    AtomicBoolean isFull = new AtomicBoolean();
    ExecutorService pool = pool(2, isFull);
    RetryingExecutor executor = new RetryingExecutor(pool, time);
    executor.execute(ran::release);
    ran.acquire();

    isFull.set(true);
    executor.execute(ran::release);

    assertTrue(ran.tryAcquire(1, TimeUnit.MINUTES));
    time.pass(Duration.ofMinutes(1));
    pool.shutdown();
    assertTrue(pool.awaitTermination(1, TimeUnit.MINUTES));
    assertEquals(0, ran.availablePermits());
  }

  @Test
  void aTaskForWhichThereIsNoThreadWaitsForOneAndRunsOnce() throws InterruptedException {
    AtomicBoolean isFull = new AtomicBoolean(true);
    ExecutorService pool = pool(1, isFull);
    RetryingExecutor executor = new RetryingExecutor(pool, time);

    executor.execute(ran::release);
    time.pass(Duration.ofMinutes(1));
    assertEquals(0, ran.availablePermits());

    isFull.set(false);
    time.pass(Duration.ofSeconds(1));
    ran.acquire();
    time.pass(Duration.ofMinutes(1));
    pool.shutdown();
    assertTrue(pool.awaitTermination(1, TimeUnit.MINUTES));
    assertEquals(0, ran.availablePermits());
  }
}
