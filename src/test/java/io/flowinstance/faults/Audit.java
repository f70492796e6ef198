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
 * Counts, as a {@code read_committed} reader from outside, what became of each id record: how often
 * it had an outcome, whether all its task events are there once, and whether those of an instance
 * are in the order of its records in a partition.
 */
final class Audit implements AutoCloseable {
  private final Topics topics;
  private final KafkaConsumer<byte[], byte[]> consumer;
  private final Map<String, Integer> outcomes = new HashMap<>();
  private final Map<String, Integer> recordsOfId = new HashMap<>();
  private final Map<String, Set<Integer>> tasks = new HashMap<>();
  private final Map<String, Long> lastOffsets = new HashMap<>();
  private final List<String> faults = new ArrayList<>();
  private final Map<String, Integer> reasons = new TreeMap<>();
  private final Set<String> fetches = new HashSet<>();
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

  /** Reads what is there; how many id records have had an outcome so far. */
  int read(Duration wait) {
    consumer.poll(wait).forEach(this::count);
    return outcomes.size();
  }

  /** Reads until so many records have an outcome, or the time is over; then up to the end. */
  void readAll(int records, Duration patience) {
    long end = System.nanoTime() + patience.toNanos();
    while (read(Duration.ofMillis(200)) < records && System.nanoTime() < end) {
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
      String partition =
          header(message, "dead-letter-topic") + "-" + header(message, "dead-letter-partition");
      outcome(new String(message.value(), UTF_8), partition, header(message, "dead-letter-offset"));
      reasons.merge(header(message, "dead-letter-reason"), 1, Integer::sum);
      return;
    }
    String[] place = header(message, "ce_id").split("/");
    int dash = place[0].lastIndexOf('-');
    String partition = place[0].substring(0, dash);
    String offset = place[0].substring(dash + 1);
    if (place.length == 1) {
      fetches.add(key + " at " + message.timestamp());
      outcome(key, partition, offset);
      return;
    }
    taskEvents++;
    if (!tasks.computeIfAbsent(place[0], p -> new HashSet<>()).add(Integer.parseInt(place[1]))) {
      faults.add("task twice: " + header(message, "ce_id"));
    }
    inOrder("task " + key, partition, offset);
  }

  private void outcome(String id, String partition, String offset) {
    outcomes.merge(partition + "-" + offset, 1, Integer::sum);
    recordsOfId.merge(id, 1, Integer::sum);
    inOrder("instance " + id, partition, offset);
  }

  private void inOrder(String what, String partition, String offset) {
    Long before = lastOffsets.put(what + " of " + partition, Long.parseLong(offset));
    if (before != null && before >= Long.parseLong(offset)) {
      faults.add("out of order: %s of %s: %s after %d".formatted(what, partition, offset, before));
    }
  }

  private static String header(ConsumerRecord<byte[], byte[]> message, String name) {
    Header header = message.headers().lastHeader(name);
    return new String(header.value(), UTF_8);
  }

  /**
   * Everything that breaks the promise; empty when kept.
   *
   * @param tasksById the number of tasks of each id
   * @param recordsOfEach id
   */
  List<String> faults(Map<String, Integer> tasksById, int recordsOfEach) {
    List<String> found = new ArrayList<>(faults);
    outcomes.forEach(
        (place, count) -> {
          if (count != 1) {
            found.add(place + " has " + count + " outcomes");
          }
        });
    long expectedTasks = 0;
    for (Map.Entry<String, Integer> id : tasksById.entrySet()) {
      int count = recordsOfId.getOrDefault(id.getKey(), 0);
      if (count != recordsOfEach) {
        found.add("%d of %d records of %s have an outcome".formatted(count, recordsOfEach, id));
      }
      expectedTasks += (long) recordsOfEach * id.getValue();
    }
    if (expectedTasks != taskEvents) {
      found.add("%d task events instead of %d".formatted(taskEvents, expectedTasks));
    }
    return found;
  }

  /** The ids that have no outcome at all. */
  List<String> without(Set<String> ids) {
    return ids.stream().filter(id -> !recordsOfId.containsKey(id)).toList();
  }

  /** The dead letters by reason. */
  Map<String, Integer> deadLettersByReason() {
    return reasons;
  }

  /** Answers that were published; the records that share a call share one. */
  int fetches() {
    return fetches.size();
  }

  long taskEvents() {
    return taskEvents;
  }

  @Override
  public void close() {
    consumer.close(Duration.ofSeconds(5));
  }
}
