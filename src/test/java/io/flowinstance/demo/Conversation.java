package io.flowinstance.demo;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.flowinstance.broker.FromTheEnd;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * The demo's side of the four topics: sends ids, and gathers what comes of each.
 *
 * <p>Which message answers which id is told by the place of the id's record, {@code
 * <topic>-<partition>-<offset>}: an event's {@code ce_id} begins with it, a dead letter has its
 * three parts in headers. Only committed messages are read. Not for use by several threads.
 */
final class Conversation implements AutoCloseable {
  static final String IDS = "flow-instance-ids";
  static final String INSTANCES = "flow-instances";
  static final String TASKS = "task-statuses";
  static final String DEAD_LETTERS = "flow-instance-dead-letters";

  private static final ObjectMapper JSON = new ObjectMapper();

  /** An id that was sent, and the messages that have come of it. */
  private static final class Asked {
    private final String id;
    private JsonNode instance;
    private final SortedMap<Integer, JsonNode> tasks = new TreeMap<>();
    private final List<Outcome.DeadLetter> deadLetters = new ArrayList<>();

    Asked(String id) {
      this.id = id;
    }

    Outcome outcome() {
      return new Outcome(
          id, Optional.ofNullable(instance), List.copyOf(tasks.values()), List.copyOf(deadLetters));
    }
  }

  private final KafkaProducer<String, String> producer;
  private final KafkaConsumer<String, String> consumer;
  private final Map<String, Asked> askedByPlace = new TreeMap<>();

  /** Reads the topics, which must be there, from now on. */
  Conversation(String bootstrapServers) {
    producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", bootstrapServers),
            new StringSerializer(),
            new StringSerializer());
    consumer = reader(bootstrapServers, List.of(INSTANCES, TASKS, DEAD_LETTERS));
  }

  /** Reads what is committed to these topics from now on. */
  static KafkaConsumer<String, String> reader(String bootstrapServers, List<String> topics) {
    KafkaConsumer<String, String> reader =
        new KafkaConsumer<>(
            Map.of(
                "bootstrap.servers", bootstrapServers,
                "isolation.level", "read_committed",
                "auto.offset.reset", "earliest",
                "enable.auto.commit", "false"),
            new StringDeserializer(),
            new StringDeserializer());
    FromTheEnd.read(reader, topics);
    return reader;
  }

  /** Sends a value to the topic of ids; returns the place it got. */
  String ask(String value) throws InterruptedException {
    try {
      RecordMetadata metadata = producer.send(new ProducerRecord<>(IDS, value)).get();
      String place = metadata.topic() + "-" + metadata.partition() + "-" + metadata.offset();
      askedByPlace.put(place, new Asked(value));
      return place;
    } catch (ExecutionException e) {
      throw new IllegalStateException("Kafka did not take the id " + value, e.getCause());
    }
  }

  /** What has come so far of the id at this place; waits a moment for more to come. */
  Outcome look(String place) {
    consumer.poll(Duration.ofMillis(50)).forEach(this::take);
    return askedByPlace.get(place).outcome();
  }

  @Override
  public void close() {
    producer.close();
    consumer.close();
  }

  private void take(ConsumerRecord<String, String> message) {
    boolean deadLetter = message.topic().equals(DEAD_LETTERS);
    String ceId = header(message, "ce_id");
    int slash = ceId.indexOf('/');
    String place =
        deadLetter
            ? header(message, "dead-letter-topic")
                + "-"
                + header(message, "dead-letter-partition")
                + "-"
                + header(message, "dead-letter-offset")
            : slash < 0 ? ceId : ceId.substring(0, slash);
    Asked asked = askedByPlace.get(place);
    if (asked == null) {
      // Somebody else sends ids to this broker too.
      return;
    }
    if (deadLetter) {
      asked.deadLetters.add(
          new Outcome.DeadLetter(
              header(message, "dead-letter-reason"), header(message, "dead-letter-message")));
    } else if (message.topic().equals(TASKS)) {
      JsonNode task = json(message.value());
      asked.tasks.put(task.path("index").asInt(), task);
    } else {
      asked.instance = json(message.value());
    }
  }

  private static String header(ConsumerRecord<?, ?> message, String name) {
    Header header = message.headers().lastHeader(name);
    return header == null ? "" : new String(header.value(), UTF_8);
  }

  static JsonNode json(String value) {
    try {
      return JSON.readTree(value);
    } catch (IOException e) {
      throw new UncheckedIOException("A message is not JSON: " + value, e);
    }
  }
}
