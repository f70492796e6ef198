package io.flowinstance.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.bench.Results.Trickle;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.producer.Producer;

/**
 * One variant at the default settings under an even trickle of ids: how long each takes from its
 * record to the last of its messages, as a {@code read_committed} reader sees them.
 *
 * @param perSecond ids per second
 * @param round of several equal runs
 * @param warmUpIds that are waiting when it starts, so that its JVM has seen some work; without
 *     any, the trickle begins with the process
 * @param leadIn of the trickle, before the window
 * @param window what is measured
 */
record TrickleRun(
    Variant variant,
    ApiLatency latency,
    int perSecond,
    int round,
    int warmUpIds,
    Duration leadIn,
    Duration window)
    implements Step {
  static final int TASKS = 10;
  private static final Duration WARM_UP = Duration.ofMinutes(2);
  private static final int WARM_UP_IDS_PER_SECOND = 1000;
  private static final Duration LAST_OUTCOMES = Duration.ofSeconds(10);
  private static final Duration LOOK = Duration.ofMillis(10);
  private static final Duration START_AND_STOP = Duration.ofSeconds(4);

  @Override
  public String title() {
    return "trickle: %d ids/s, API %s, %s".formatted(perSecond, latency.title(), variant.title())
        + (isCold() ? ", %d s after the start, round %d".formatted(leadIn.toSeconds(), round) : "");
  }

  private boolean isCold() {
    return warmUpIds == 0;
  }

  @Override
  public Duration length() {
    return Duration.ofSeconds(warmUpIds / WARM_UP_IDS_PER_SECOND)
        .plus(leadIn)
        .plus(window)
        .plus(START_AND_STOP);
  }

  @Override
  public String perform(TestBed bed, Path logs, Results results) throws InterruptedException {
    Trickle trickle = in(bed, logs);
    results.trickles().add(trickle);
    return trickle.failure() == null
        ? "p50 %4.0f ms, p95 %4.0f ms, p99 %4.0f ms beyond the API's own"
            .formatted(trickle.p50(), trickle.p95(), trickle.p99())
        : "failed: " + trickle.failure();
  }

  private Trickle in(TestBed bed, Path logs) throws InterruptedException {
    bed.latency(latency);
    String topic = bed.emptyIds();
    int most = warmUpIds + (int) (perSecond * leadIn.plus(window).plus(LAST_OUTCOMES).toSeconds());
    Outcomes outcomes = new Outcomes(most);
    Path log =
        logs.resolve(
            "trickle-%d-%s-%s-%s%d.log"
                .formatted(perSecond, latency, variant.name(), isCold() ? "cold-" : "", round));
    Sender sender = new Sender(bed, topic, outcomes);
    for (int n = 0; n < warmUpIds; n++) {
      sender.sendOne();
    }
    try (Arrivals arrivals =
            new Arrivals(
                bed.bootstrapServers(),
                List.of(TestBed.FLOW_INSTANCES, TestBed.TASK_STATUSES),
                outcomes::arrived);
        VariantProcess process = VariantProcess.start(variant, bed.environment(topic), log)) {
      long patience = System.nanoTime() + WARM_UP.toNanos();
      while (arrivals.count() < warmUpIds * (1 + TASKS)) {
        if (!process.runsFor(LOOK) || System.nanoTime() > patience) {
          return Trickle.failed(variant, latency, perSecond, isCold(), process.complaint());
        }
      }
      sender.start();
      if (!process.runsFor(leadIn)) {
        return Trickle.failed(variant, latency, perSecond, isCold(), process.complaint());
      }
      int from = sender.sent();
      process.runsFor(window);
      int to = sender.sent();
      // Those that follow keep the trickle even while the last ones are under way.
      long end = System.nanoTime() + LAST_OUTCOMES.toNanos();
      while (outcomes.complete(from, to) < to - from && System.nanoTime() < end) {
        if (!process.runsFor(LOOK)) {
          break;
        }
      }
      int missing = to - from - outcomes.complete(from, to);
      if (missing > 0) {
        String lost =
            "%d of %d ids had no outcome within %d s"
                .formatted(missing, to - from, LAST_OUTCOMES.toSeconds());
        return Trickle.failed(variant, latency, perSecond, isCold(), lost);
      }
      double[] times = outcomes.millis(from, to);
      return new Trickle(
          variant,
          latency,
          perSecond,
          isCold(),
          times.length,
          percentile(times, 50) - latency.meanMs(),
          percentile(times, 95) - latency.meanMs(),
          percentile(times, 99) - latency.meanMs(),
          null);
    } finally {
      sender.close();
      bed.clearOutput();
    }
  }

  /** Of sorted values, by the nearest rank. */
  private static double percentile(double[] sorted, int percent) {
    return sorted[(int) Math.ceil(percent / 100.0 * sorted.length) - 1];
  }

  /** When each id was sent, and when the last of its messages came; by the number of the id. */
  private static final class Outcomes {
    private final AtomicLongArray sentAt;
    private final AtomicLongArray completeAt;
    private final AtomicIntegerArray messages;

    Outcomes(int most) {
      sentAt = new AtomicLongArray(most);
      completeAt = new AtomicLongArray(most);
      messages = new AtomicIntegerArray(most);
    }

    void arrived(ConsumerRecords<byte[], byte[]> records, long at) {
      for (ConsumerRecord<byte[], byte[]> message : records) {
        String key = new String(message.key(), UTF_8);
        int n = Integer.parseInt(key, key.indexOf('-') + 1, key.length(), 10);
        if (messages.incrementAndGet(n) == 1 + TASKS) {
          completeAt.set(n, at);
        }
      }
    }

    int complete(int from, int to) {
      int complete = 0;
      for (int n = from; n < to; n++) {
        complete += completeAt.get(n) == 0 ? 0 : 1;
      }
      return complete;
    }

    /** From sending to completion, sorted. */
    double[] millis(int from, int to) {
      double[] times = new double[to - from];
      for (int n = from; n < to; n++) {
        times[n - from] = (completeAt.get(n) - sentAt.get(n)) / 1e6;
      }
      Arrays.sort(times);
      return times;
    }
  }

  /** Sends ids, one at a time and evenly, until it is closed. */
  private final class Sender implements AutoCloseable {
    private final Producer<byte[], byte[]> producer;
    private final String topic;
    private final Outcomes outcomes;
    private final Thread thread = new Thread(this::send, "trickle");
    private volatile boolean closed;
    private volatile int sent;

    Sender(TestBed bed, String topic, Outcomes outcomes) {
      producer = bed.producer(0);
      // The first one would wait for the topic's metadata, which must not count.
      producer.partitionsFor(topic);
      this.topic = topic;
      this.outcomes = outcomes;
      thread.setDaemon(true);
    }

    void start() {
      thread.start();
    }

    /** How many were sent so far: numbers 0 to this, exclusive. */
    int sent() {
      return sent;
    }

    void sendOne() {
      outcomes.sentAt.set(sent, System.nanoTime());
      producer.send(TestBed.idRecord(topic, sent % TestBed.PARTITIONS, TASKS, sent));
      sent++;
    }

    private void send() {
      int first = sent;
      long begin = System.nanoTime();
      while (!closed && sent < outcomes.sentAt.length()) {
        long due = begin + (sent - first) * 1_000_000_000L / perSecond;
        for (long left; (left = due - System.nanoTime()) > 0; ) {
          LockSupport.parkNanos(left);
        }
        sendOne();
      }
    }

    @Override
    public void close() {
      closed = true;
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      producer.close();
    }
  }
}
