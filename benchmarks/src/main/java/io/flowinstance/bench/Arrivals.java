package io.flowinstance.bench;

import io.flowinstance.broker.FromTheEnd;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Reads topics as {@code read_committed}, from their ends on, and notes what comes when. */
final class Arrivals implements AutoCloseable {
  private static final Duration POLL = Duration.ofMillis(100);
  private static final Duration WITHIN_BURST = Duration.ofMillis(25);

  /** What one poll brought, at this {@link System#nanoTime()}. */
  private record Poll(long at, int count) {}

  /** Told of each poll, on the reader's thread. */
  @FunctionalInterface
  interface Listener {
    void arrived(ConsumerRecords<byte[], byte[]> records, long at);
  }

  private final KafkaConsumer<byte[], byte[]> consumer;
  private final Listener listener;
  private final List<Poll> polls = new ArrayList<>();
  private final Thread thread = new Thread(this::read, "arrivals");
  private long count;

  /** Counts what comes on a topic. */
  Arrivals(String bootstrapServers, String topic) {
    this(bootstrapServers, List.of(topic), (records, at) -> {});
  }

  /** Passes on what comes on these topics, and counts it. */
  Arrivals(String bootstrapServers, List<String> topics, Listener listener) {
    this.listener = listener;
    consumer =
        new KafkaConsumer<>(
            Map.of(
                ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                bootstrapServers,
                ConsumerConfig.ISOLATION_LEVEL_CONFIG,
                "read_committed",
                ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG,
                false,
                ConsumerConfig.MAX_POLL_RECORDS_CONFIG,
                5000),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer());
    FromTheEnd.read(consumer, topics);
    thread.setDaemon(true);
    thread.start();
  }

  private void read() {
    try {
      while (true) {
        ConsumerRecords<byte[], byte[]> records = consumer.poll(POLL);
        long at = System.nanoTime();
        if (!records.isEmpty()) {
          listener.arrived(records, at);
          synchronized (this) {
            polls.add(new Poll(at, records.count()));
            count += records.count();
          }
        }
      }
    } catch (WakeupException closed) {
      consumer.close(Duration.ZERO);
    }
  }

  /** Records so far. */
  synchronized long count() {
    return count;
  }

  /**
   * How fast records came within a window. What is committed at once arrives as a burst, over a few
   * polls: the first burst counts as a point in time, so that it does not matter where bursts lie
   * in the window.
   *
   * @param records those after the first burst
   * @param seconds from the end of the first burst to the last record
   */
  record Rate(long records, double seconds) {
    double perSecond() {
      return records / seconds;
    }
  }

  /**
   * The rate within a window of {@link System#nanoTime()}. Empty as long as arrivals do not span
   * half of it.
   */
  synchronized Optional<Rate> rate(long from, long to) {
    List<Poll> inside =
        polls.stream().filter(poll -> from <= poll.at() && poll.at() <= to).toList();
    if (inside.isEmpty()) {
      return Optional.empty();
    }
    long latest = inside.get(0).at() + (to - from) / 10;
    int last = 0;
    while (last + 1 < inside.size()
        && inside.get(last + 1).at() - inside.get(last).at() < WITHIN_BURST.toNanos()
        && inside.get(last + 1).at() <= latest) {
      last++;
    }
    long begin = inside.get(last).at();
    long end = inside.get(inside.size() - 1).at();
    if (end - begin < (to - from) / 2) {
      return Optional.empty();
    }
    long records = inside.stream().skip(last + 1).mapToLong(Poll::count).sum();
    return Optional.of(new Rate(records, (end - begin) / 1e9));
  }

  @Override
  public void close() {
    consumer.wakeup();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
