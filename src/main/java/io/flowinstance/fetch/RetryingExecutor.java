package io.flowinstance.fetch;

import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives tasks to the threads of a pool. A pool makes threads as they are needed, and the system may
 * have none left: then the task waits, because whoever gave it holds a slot that only it gives
 * back.
 *
 * @param threads throws an {@link OutOfMemoryError} and forgets the task if it can make no thread
 */
record RetryingExecutor(Executor threads, ScheduledExecutorService timer, AtomicBoolean failing)
    implements Executor {
  private static final Logger LOG = LoggerFactory.getLogger(RetryingExecutor.class);

  private static final long PAUSE_MS = 1_000;

  RetryingExecutor(Executor threads, ScheduledExecutorService timer) {
    this(threads, timer, new AtomicBoolean());
  }

  @Override
  public void execute(Runnable task) {
    try {
      threads.execute(task);
      if (failing.get()) {
        failing.set(false);
      }
    } catch (OutOfMemoryError e) {
      if (!failing.getAndSet(true)) {
        LOG.warn("Calls wait for threads, of which none can be made: {}", e.getMessage());
      }
      if (!takesUp(task)) {
        timer.schedule(() -> execute(task), PAUSE_MS, TimeUnit.MILLISECONDS);
      }
    }
  }

  /** Whether a thread that exists does it: a pool below its size asks for a new one first. */
  private boolean takesUp(Runnable task) {
    return threads instanceof ThreadPoolExecutor pool
        && pool.getPoolSize() > 0
        && pool.getQueue().offer(task);
  }
}
