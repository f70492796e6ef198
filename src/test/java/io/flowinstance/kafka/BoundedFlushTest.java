package io.flowinstance.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class BoundedFlushTest {
  private static final Duration LONG = Duration.ofSeconds(10);

  private final BoundedFlush flush = new BoundedFlush("flush");

  @AfterEach
  void close() {
    flush.close();
  }

  private static MockProducer<byte[], byte[]> producer(Runnable atFlush) {
    return new MockProducer<>(true, new ByteArraySerializer(), new ByteArraySerializer()) {
      @Override
      public synchronized void flush() {
        atFlush.run();
      }
    };
  }

  @Test
  void aFlushThatNeverEndsIsGivenUpAndTheNextOneIsMade() throws Exception {
    CountDownLatch interrupted = new CountDownLatch(1);
    AtomicInteger flushed = new AtomicInteger();
    Runnable hang =
        () -> {
          try {
            new CountDownLatch(1).await();
          } catch (InterruptedException e) {
            interrupted.countDown();
            throw new InterruptException(e);
          }
        };

    assertThrows(TimeoutException.class, () -> flush.flush(producer(hang), Duration.ofMillis(20)));
    flush.flush(producer(flushed::incrementAndGet), LONG);

    assertEquals(1, flushed.get());
    assertEquals(0, interrupted.getCount());
  }

  @Test
  void whatEndsAFlushReachesWhoeverAskedForIt() {
    IllegalStateException failure = new IllegalStateException("of the client");
    OutOfMemoryError error = new OutOfMemoryError("On purpose.");

    assertSame(
        failure,
        assertThrows(
            IllegalStateException.class,
            () ->
                flush.flush(
                    producer(
                        () -> {
                          throw failure;
                        }),
                    LONG)));
    assertSame(
        error,
        assertThrows(
            OutOfMemoryError.class,
            () ->
                flush.flush(
                    producer(
                        () -> {
                          throw error;
                        }),
                    LONG)));
  }

  @Test
  void whoeverIsInterruptedWaitsNoLonger() {
    Thread.currentThread().interrupt();

    assertThrows(InterruptException.class, () -> flush.flush(producer(() -> {}), LONG));

    assertTrue(Thread.interrupted());
  }
}
