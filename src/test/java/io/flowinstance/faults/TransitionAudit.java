package io.flowinstance.faults;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.json.Json;
import io.flowinstance.json.MalformedJsonException;
import io.flowinstance.simulator.StatusChange;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Holds the transitions, as a {@code read_committed} reader from outside sees them, against the
 * observations that they were made of, and against what the instances really went through.
 */
final class TransitionAudit implements AutoCloseable {
  /** How long an answer may be on its way from the API to its observation. */
  private static final Duration ON_ITS_WAY = Duration.ofSeconds(2);

  /** A time in which an instance or a task of it had a status; "" as task is the instance. */
  record Period(String task, String status, Instant from, Instant to, Instant changedBefore) {
    boolean isLast() {
      return to.equals(Instant.MAX);
    }
  }

  private final String topic;
  private final KafkaConsumer<String, String> consumer;
  private final Map<String, Observed> observed = new HashMap<>();
  private final Map<String, List<JsonNode>> byInstance = new HashMap<>();
  private final Set<String> eventIds = new HashSet<>();
  private final List<String> faults = new ArrayList<>();

  /** The statuses of an instance and its tasks, one after the other, by the observations. */
  private static final class Observed {
    private final Map<String, List<String>> statuses = new HashMap<>();
    private String fetchedAt = "";

    void add(JsonNode instance) {
      String at = instance.at("/enrichment/fetchedAt").asText();
      if (at.compareTo(fetchedAt) >= 0) {
        fetchedAt = at;
        add("", instance.path("statusDesc").asText());
        instance
            .at("/graph/tasks")
            .forEach(task -> add(task.path("taskInstId").asText(), task.path("status").asText()));
      }
    }

    private void add(String task, String status) {
      append(statuses, task, status);
    }
  }

  TransitionAudit(String bootstrapServers, Topics topics, String topic) {
    this.topic = topic;
    consumer =
        new KafkaConsumer<>(
            Map.of(
                "bootstrap.servers", bootstrapServers,
                "isolation.level", "read_committed",
                "enable.auto.commit", "false",
                "max.poll.records", "5000"),
            new StringDeserializer(),
            new StringDeserializer());
    List<TopicPartition> partitions =
        Stream.of(topics.instances(), topic)
            .flatMap(name -> consumer.partitionsFor(name).stream())
            .map(info -> new TopicPartition(info.topic(), info.partition()))
            .toList();
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
  }

  /** Reads what is there. */
  void read(Duration wait) {
    consumer.poll(wait).forEach(this::take);
  }

  /** Reads up to what is the end now. */
  void readToTheEnd() {
    Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
    while (ends.entrySet().stream().anyMatch(e -> consumer.position(e.getKey()) < e.getValue())) {
      read(Duration.ofMillis(200));
    }
  }

  private static void append(Map<String, List<String>> statuses, String task, String status) {
    List<String> ofTask = statuses.computeIfAbsent(task, key -> new ArrayList<>());
    if (ofTask.isEmpty() || !ofTask.get(ofTask.size() - 1).equals(status)) {
      ofTask.add(status);
    }
  }

  private void take(ConsumerRecord<String, String> message) {
    try {
      if (!message.topic().equals(topic)) {
        observed
            .computeIfAbsent(message.key(), id -> new Observed())
            .add(Json.read(message.value()));
        return;
      }
      byInstance
          .computeIfAbsent(message.key(), id -> new ArrayList<>())
          .add(Json.read(message.value()));
    } catch (MalformedJsonException e) {
      // On the topic of the instances, a test may have put it there.
      if (message.topic().equals(topic)) {
        faults.add("no JSON: " + message.value());
      }
      return;
    }
    String id = new String(message.headers().lastHeader("ce_id").value(), UTF_8);
    if (!eventIds.add(id)) {
      faults.add("twice: " + id);
    }
  }

  int transitions() {
    return eventIds.size();
  }

  boolean hasSeen(String instanceId) {
    return byInstance.containsKey(instanceId);
  }

  /** The last status of the instance, and which run it is of, such as {@code SUCCESS 2}. */
  String latest(String instanceId) {
    String latest = "";
    for (JsonNode transition : byInstance.getOrDefault(instanceId, List.of())) {
      if (task(transition).isEmpty()) {
        latest = transition.path("status").asText() + " " + transition.path("attempt").asInt();
      }
    }
    return latest;
  }

  /** What was wrong with messages; empty when nothing. */
  List<String> faults() {
    return List.copyOf(faults);
  }

  /**
   * What is wrong with the transitions of an instance, given its observations; empty when nothing.
   */
  List<String> faults(String instanceId) {
    List<String> found = new ArrayList<>();
    Map<String, JsonNode> before = new HashMap<>();
    Map<String, List<String>> statuses = new HashMap<>();
    long sequence = 0;
    for (JsonNode transition : byInstance.getOrDefault(instanceId, List.of())) {
      String task = task(transition);
      if (transition.path("sequence").asLong() != ++sequence) {
        found.add("not number " + sequence + ": " + transition);
      }
      append(statuses, task, transition.path("status").asText());
      String previous = previousStatus(before.put(task, transition));
      if (!Objects.equals(previous, transition.path("previousStatus").asText(null))
          || transition.path("first").asBoolean() != (previous == null)) {
        found.add("does not follow " + previous + ": " + transition);
      }
    }
    Map<String, List<String>> expected = observed.get(instanceId).statuses;
    if (!expected.equals(statuses)) {
      found.add("observed of " + instanceId + ": " + expected + "\ntransitions: " + statuses);
    }
    return found;
  }

  /**
   * What is wrong with the transitions of an instance, given all its changes too; empty when
   * nothing.
   *
   * @param mustBeSeen whether a status that no transition tells of is one too few
   */
  List<String> faults(String instanceId, List<StatusChange> changes, Predicate<Period> mustBeSeen) {
    List<String> found = faults(instanceId);
    Map<String, List<Period>> periods = periods(changes);
    Map<String, Integer> reached = new HashMap<>();
    Set<Period> seen = new HashSet<>();
    for (JsonNode transition : byInstance.getOrDefault(instanceId, List.of())) {
      String task = task(transition);
      List<Period> ofTask = periods.getOrDefault(task, List.of());
      int period = reached.getOrDefault(task, -1) + 1;
      while (period < ofTask.size() && !isOf(transition, ofTask.get(period))) {
        period++;
      }
      if (period == ofTask.size()) {
        found.add("never was, or out of order: " + transition);
      } else {
        reached.put(task, period);
        seen.add(ofTask.get(period));
      }
    }
    for (List<Period> ofTask : periods.values()) {
      String known = null;
      for (Period period : ofTask) {
        // Who misses what lies between two equal statuses sees no change in the end.
        if (!seen.contains(period) && !period.status().equals(known) && mustBeSeen.test(period)) {
          found.add("missing: " + instanceId + " " + period);
        }
        known = seen.contains(period) ? period.status() : known;
      }
    }
    return found;
  }

  static Map<String, List<Period>> periods(List<StatusChange> changes) {
    Map<String, List<Period>> periods = new LinkedHashMap<>();
    Instant changedBefore = Instant.MIN;
    Instant last = Instant.MIN;
    for (StatusChange change : changes) {
      if (change.at().isAfter(last)) {
        changedBefore = last;
        last = change.at();
      }
      List<Period> ofTask = periods.computeIfAbsent(change.taskInstId(), id -> new ArrayList<>());
      if (!ofTask.isEmpty()) {
        Period ended = ofTask.remove(ofTask.size() - 1);
        ofTask.add(
            new Period(
                ended.task(), ended.status(), ended.from(), change.at(), ended.changedBefore()));
      }
      ofTask.add(
          new Period(
              change.taskInstId(), change.status(), change.at(), Instant.MAX, changedBefore));
    }
    return periods;
  }

  private static boolean isOf(JsonNode transition, Period period) {
    Instant observed = Instant.parse(transition.path("observedAt").asText());
    return transition.path("status").asText().equals(period.status())
        && period.from().minus(Duration.ofMillis(1)).isBefore(observed)
        && period.to().isAfter(observed.minus(ON_ITS_WAY));
  }

  private static String task(JsonNode transition) {
    return transition.path("taskInstId").asText("");
  }

  private static String previousStatus(JsonNode transition) {
    return transition == null ? null : transition.path("status").asText();
  }

  @Override
  public void close() {
    consumer.close();
  }
}
