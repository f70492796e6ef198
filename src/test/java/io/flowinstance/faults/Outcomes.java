package io.flowinstance.faults;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.broker.FromTheEnd;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** What a {@code read_committed} reader sees come out of a pipeline, and when. */
final class Outcomes implements AutoCloseable {
  /**
   * One outcome of an id.
   *
   * @param deadLetterReason null for events
   * @param readAt by {@link System#nanoTime()}
   */
  record Outcome(String deadLetterReason, long readAt) {
    boolean isDeadLetter() {
      return deadLetterReason != null;
    }
  }

  private final Topics topics;
  private final KafkaConsumer<String, String> consumer;
  private final Map<String, List<Outcome>> outcomes = new ConcurrentHashMap<>();
  private final Thread reader;
  private volatile boolean closed;

  /** Reads from now on. */
  Outcomes(String bootstrapServers, Topics topics) {
    this.topics = topics;
    consumer =
        new KafkaConsumer<>(
            Map.of(
                "bootstrap.servers", bootstrapServers,
                "isolation.level", "read_committed",
                "enable.auto.commit", "false"),
            new StringDeserializer(),
            new StringDeserializer());
    FromTheEnd.read(consumer, List.of(topics.instances(), topics.deadLetters()));
    reader = new Thread(this::read, "outcomes");
    reader.setDaemon(true);
    reader.start();
  }

  private void read() {
    while (!closed) {
      consumer.poll(Duration.ofMillis(100)).forEach(this::add);
    }
    consumer.close();
  }

  private void add(ConsumerRecord<String, String> message) {
    long now = System.nanoTime();
    if (message.topic().equals(topics.deadLetters())) {
      String reason = new String(message.headers().lastHeader("dead-letter-reason").value(), UTF_8);
      add(message.value(), new Outcome(reason, now));
    } else {
      add(message.key(), new Outcome(null, now));
    }
  }

  private void add(String key, Outcome outcome) {
    outcomes.computeIfAbsent(key, k -> new CopyOnWriteArrayList<>()).add(outcome);
  }

  /**
   * The outcomes so far, first to last.
   *
   * @param key the instance id for events, the value of the id record for dead letters
   */
  List<Outcome> of(String key) {
    return outcomes.getOrDefault(key, List.of());
  }

  /** The keys that came out more than once. */
  List<String> repeated() {
    return outcomes.entrySet().stream()
        .filter(entry -> entry.getValue().size() > 1)
        .map(Map.Entry::getKey)
        .toList();
  }

  @Override
  public void close() {
    closed = true;
    try {
      reader.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
