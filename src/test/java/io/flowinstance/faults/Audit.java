package io.flowinstance.faults;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Counts, as a {@code read_committed} reader from outside, what became of each id: how often it had
 * an outcome, whether all its task events are there once, and whether the order is kept.
 */
final class Audit implements AutoCloseable {
  private final Topics topics;
  private final KafkaConsumer<byte[], byte[]> consumer;
  private final Map<String, Integer> instances = new HashMap<>();
  private final Map<String, Integer> deadLetters = new HashMap<>();
  private final Map<String, Set<Integer>> tasks = new HashMap<>();
  private final Map<String, Long> lastOffsets = new HashMap<>();
  private final List<String> faults = new ArrayList<>();
  private final Map<String, Integer> reasons = new TreeMap<>();
  private long taskEvents;

  Audit(String bootstrapServers, Topics topics) {
    this.topics = topics;
    consumer =
        new KafkaConsumer<>(
            Map.of(
                "bootstrap.servers", bootstrapServers,
                "isolation.level", "read_committed",
                "auto.offset.reset", "earliest",
                "enable.auto.commit", "false",
                "max.poll.records", "5000",
                "reconnect.backoff.max.ms", "500"),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer());
    List<TopicPartition> partitions = new ArrayList<>();
    for (String topic : List.of(topics.instances(), topics.tasks(), topics.deadLetters())) {
      consumer
          .partitionsFor(topic)
          .forEach(info -> partitions.add(new TopicPartition(topic, info.partition())));
    }
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
  }

  /** Reads what is there; how many ids have had an outcome so far. */
  int read(Duration wait) {
    consumer.poll(wait).forEach(this::count);
    Set<String> ids = new HashSet<>(instances.keySet());
    ids.addAll(deadLetters.keySet());
    return ids.size();
  }

  /** Reads until each id has an outcome, or the time is over; then up to the end of the topics. */
  void readAll(int ids, Duration patience) {
    long end = System.nanoTime() + patience.toNanos();
    while (read(Duration.ofMillis(200)) < ids && System.nanoTime() < end) {
      // On it goes.
    }
    Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
    while (ends.entrySet().stream().anyMatch(e -> consumer.position(e.getKey()) < e.getValue())
        && System.nanoTime() < end) {
      read(Duration.ofMillis(200));
    }
  }

  private void count(ConsumerRecord<byte[], byte[]> message) {
    String key = new String(message.key(), UTF_8);
    if (message.topic().equals(topics.deadLetters())) {
      deadLetters.merge(new String(message.value(), UTF_8), 1, Integer::sum);
      reasons.merge(header(message, "dead-letter-reason"), 1, Integer::sum);
      return;
    }
    String[] place = header(message, "ce_id").split("/");
    int dash = place[0].lastIndexOf('-');
    long offset = Long.parseLong(place[0].substring(dash + 1));
    int index = place.length > 1 ? Integer.parseInt(place[1]) : -1;
    String stream =
        message.topic() + "-" + message.partition() + " from " + place[0].substring(0, dash);
    long position = offset * 100_000 + index;
    Long before = lastOffsets.put(stream, position);
    if (before != null && before >= position) {
      faults.add("out of order: %s: %d after %d".formatted(stream, position, before));
    }
    if (index < 0) {
      instances.merge(key, 1, Integer::sum);
    } else {
      taskEvents++;
      if (!tasks.computeIfAbsent(place[0], p -> new HashSet<>()).add(index)) {
        faults.add("task twice: " + header(message, "ce_id"));
      }
    }
  }

  private static String header(ConsumerRecord<byte[], byte[]> message, String name) {
    Header header = message.headers().lastHeader(name);
    return new String(header.value(), UTF_8);
  }

  /** Everything that breaks the promise, for ids with these numbers of tasks; empty when kept. */
  List<String> faults(Map<String, Integer> tasksById) {
    List<String> found = new ArrayList<>(faults);
    long expectedTasks = 0;
    for (Map.Entry<String, Integer> id : tasksById.entrySet()) {
      int outcomes =
          instances.getOrDefault(id.getKey(), 0) + deadLetters.getOrDefault(id.getKey(), 0);
      if (outcomes != 1) {
        found.add(id.getKey() + " has " + outcomes + " outcomes");
      }
      if (instances.containsKey(id.getKey())) {
        expectedTasks += id.getValue();
      }
    }
    if (expectedTasks != taskEvents) {
      found.add("%d task events instead of %d".formatted(taskEvents, expectedTasks));
    }
    return found;
  }

  /** The dead letters by reason. */
  Map<String, Integer> deadLettersByReason() {
    return reasons;
  }

  long taskEvents() {
    return taskEvents;
  }

  @Override
  public void close() {
    consumer.close(Duration.ofSeconds(5));
  }
}
