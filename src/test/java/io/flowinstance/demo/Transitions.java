package io.flowinstance.demo;

import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.simulator.StatusChange;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;

/**
 * The transitions from now on, as they come, and what is missing among them. Only committed
 * messages are read. Not for use by several threads.
 */
final class Transitions implements AutoCloseable {
  static final String TOPIC = "flow-instance-transitions";

  private final KafkaConsumer<String, String> consumer;
  private final Map<String, List<JsonNode>> byInstance = new HashMap<>();

  /** Reads the topic, which must be there. */
  Transitions(String bootstrapServers) {
    consumer = Conversation.reader(bootstrapServers, List.of(TOPIC));
  }

  /** Those that have come since; waits a moment for the first. */
  List<JsonNode> next() {
    List<JsonNode> next = new ArrayList<>();
    consumer
        .poll(Duration.ofMillis(50))
        .forEach(
            message -> {
              JsonNode transition = Conversation.json(message.value());
              byInstance.computeIfAbsent(message.key(), id -> new ArrayList<>()).add(transition);
              next.add(transition);
            });
    return next;
  }

  /**
   * The statuses that should have been seen of an instance and were not: the last ones, and those
   * that lasted for this long after it was found. And its last run.
   *
   * @param journal what it went through
   * @param runs how often it ran
   */
  List<String> missing(String id, List<StatusChange> journal, int runs, Duration seenIfLasting) {
    List<JsonNode> seen = byInstance.getOrDefault(id, List.of());
    if (seen.isEmpty()) {
      return List.of(id);
    }
    Instant found = Instant.parse(seen.get(0).path("observedAt").asText());
    Map<String, List<StatusChange>> bySubject = new LinkedHashMap<>();
    journal.forEach(
        change ->
            bySubject.computeIfAbsent(change.taskInstId(), key -> new ArrayList<>()).add(change));
    List<String> missing = new ArrayList<>();
    bySubject.forEach(
        (subject, changes) -> {
          Iterator<JsonNode> ofSubject =
              seen.stream()
                  .filter(transition -> transition.path("taskInstId").asText("").equals(subject))
                  .iterator();
          String known = "";
          for (int i = 0; i < changes.size(); i++) {
            String status = changes.get(i).status();
            Instant from = changes.get(i).at().isAfter(found) ? changes.get(i).at() : found;
            boolean last = i == changes.size() - 1;
            // Who misses what lies between two equal statuses sees no change in the end.
            if (!status.equals(known)
                && (last || from.plus(seenIfLasting).isBefore(changes.get(i + 1).at()))) {
              known = status;
              if (!hasNext(ofSubject, status)) {
                missing.add((subject.isEmpty() ? id : subject) + " " + status);
              }
            }
          }
        });
    if (seen.stream().noneMatch(transition -> isRun(transition, runs))) {
      missing.add(id + " attempt " + runs);
    }
    return missing;
  }

  private static boolean hasNext(Iterator<JsonNode> transitions, String status) {
    while (transitions.hasNext()) {
      if (transitions.next().path("status").asText().equals(status)) {
        return true;
      }
    }
    return false;
  }

  private static boolean isRun(JsonNode transition, int number) {
    return transition.path("kind").asText().equals("INSTANCE")
        && transition.path("attempt").asInt() == number;
  }

  @Override
  public void close() {
    consumer.close();
  }
}
