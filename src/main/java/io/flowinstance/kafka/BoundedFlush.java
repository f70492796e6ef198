package io.flowinstance.kafka;

import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;

/**
 * Waits until everything that was sent is answered. Kafka's own flush waits for ever if an Error
 * has ended the client's thread.
 */
final class BoundedFlush {
  private final ExecutorService thread;

  /**
   * @param threadName of the thread that it uses; that ends with this object
   */
  BoundedFlush(String threadName) {
    thread =
        Executors.newSingleThreadExecutor(
            flush -> {
              Thread made = new Thread(flush, threadName);
              made.setDaemon(true);
              return made;
            });
  }

  /**
   * Flushes a producer.
   *
   * @param longest more than the producer itself takes to give up
   * @throws TimeoutException if that has passed
   */
  void flush(Producer<?, ?> producer, Duration longest) {
    Future<?> flush = thread.submit(producer::flush);
    try {
      flush.get(longest.toMillis(), TimeUnit.MILLISECONDS);
    } catch (java.util.concurrent.TimeoutException e) {
      throw new TimeoutException("A flush did not end within " + longest, e);
    } catch (InterruptedException e) {
      throw new InterruptException(e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Error error) {
        throw error;
      }
      throw (RuntimeException) e.getCause();
    } finally {
      flush.cancel(true);
    }
  }

  /** Ends its thread. */
  void close() {
    thread.shutdownNow();
  }
}
