package io.flowinstance.engines;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.harness.ApplicationProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * A broker whose topics hold what the packaged pipeline published: the messages of every case,
 * instances of the simulator at each of their steps, and one of 1,000 tasks. Behind these stand an
 * old row that comes late, a row of an observation whose other row is missing, and an aborted
 * transaction.
 */
final class PublishedTopics implements AutoCloseable {
  static final String IDS = "flow-instance-ids";
  static final String INSTANCES = "flow-instances";
  static final String TASKS = "task-statuses";
  static final String DEAD_LETTERS = "flow-instance-dead-letters";

  /** An instance whose tasks went from WAITING to SUCCEEDED, and whose oldest rows come again. */
  static final String STEPPING = "1003-20260101033000";

  /** A diamond of which one branch fails. */
  static final String FAILING = "1005-20260101121500";

  /** An instance of 1,000 tasks. */
  static final String LARGE = "101000-20260101000000";

  /** The observation of which one task row of two is there. */
  static final String INCOMPLETE = "flow-instance-ids-0-999999";

  /** The key of the rows that were written in the aborted transaction. */
  static final String ABORTED = "aborted";

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int PARTITIONS = 3;
  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final int STEPS = 8;

  private final KafkaBroker broker;
  private final CaseApi api;
  private final ApplicationProcess pipeline;
  private final KafkaProducer<byte[], byte[]> producer;
  private final KafkaConsumer<byte[], byte[]> outcomes;
  private final Set<String> answered = new HashSet<>();
  private final List<String> cases = new ArrayList<>();

  private PublishedTopics() {
    broker = KafkaBroker.launch();
    broker.createTopics(PARTITIONS, IDS, INSTANCES, TASKS, DEAD_LETTERS);
    api = new CaseApi();
    pipeline =
        ApplicationProcess.start(
            Map.of(
                "KAFKA_BOOTSTRAP_SERVERS", broker.bootstrapServers(),
                "ENOS_BASE_URL", api.baseUrl(),
                "ENOS_AUTH", "none",
                "ENOS_USER_ID", "yourUserId",
                "ENOS_ORG_ID", "yourOrgId",
                "FETCH_RETRY_BUDGET_MS", "200"));
    producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", broker.bootstrapServers()),
            new ByteArraySerializer(),
            new ByteArraySerializer());
    outcomes = consumer("read_committed");
    outcomes.assign(partitions(INSTANCES, DEAD_LETTERS));
  }

  /** Starts everything, and returns when all of it is published. */
  static PublishedTopics publish() {
    PublishedTopics topics = new PublishedTopics();
    try {
      topics.pipeline.awaitReady();
      topics.publishCases(Path.of(System.getProperty("cases.dir", "../src/test/resources/cases")));
      topics.publishSimulatedInstances();
      topics.publishOldRowsOnceMore();
      topics.publishIncompleteObservation();
      topics.abortTransaction();
      return topics;
    } catch (IOException e) {
      topics.close();
      throw new UncheckedIOException(e);
    } catch (RuntimeException e) {
      topics.close();
      throw e;
    }
  }

  String bootstrapServers() {
    return broker.bootstrapServers();
  }

  /** The names of the cases whose id records were answered. */
  List<String> cases() {
    return cases;
  }

  /** The committed records of a topic, in the order of their offsets within a partition. */
  List<ConsumerRecord<byte[], byte[]>> read(String topic) {
    return read(topic, "read_committed");
  }

  /** All records of a topic, those of the aborted transaction included. */
  List<ConsumerRecord<byte[], byte[]>> readUncommitted(String topic) {
    return read(topic, "read_uncommitted");
  }

  private List<ConsumerRecord<byte[], byte[]>> read(String topic, String isolationLevel) {
    try (KafkaConsumer<byte[], byte[]> consumer = consumer(isolationLevel)) {
      List<TopicPartition> partitions = partitions(topic);
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
      while (ends.entrySet().stream().anyMatch(e -> consumer.position(e.getKey()) < e.getValue())) {
        consumer.poll(Duration.ofMillis(100)).forEach(records::add);
      }
      return records;
    }
  }

  /** The committed records of a topic, as JSON. */
  List<JsonNode> readJson(String topic) {
    return read(topic).stream().map(record -> json(record.value())).toList();
  }

  private KafkaConsumer<byte[], byte[]> consumer(String isolationLevel) {
    return new KafkaConsumer<>(
        Map.of(
            "bootstrap.servers",
            broker.bootstrapServers(),
            "isolation.level",
            isolationLevel,
            "auto.offset.reset",
            "earliest",
            "enable.auto.commit",
            "false"),
        new ByteArrayDeserializer(),
        new ByteArrayDeserializer());
  }

  private static List<TopicPartition> partitions(String... topics) {
    List<TopicPartition> partitions = new ArrayList<>();
    for (String topic : topics) {
      for (int partition = 0; partition < PARTITIONS; partition++) {
        partitions.add(new TopicPartition(topic, partition));
      }
    }
    return partitions;
  }

  private void publishCases(Path root) throws IOException {
    List<Path> folders;
    try (Stream<Path> found = Files.list(root)) {
      folders = found.filter(f -> Files.exists(f.resolve("record.json"))).sorted().toList();
    }
    for (Path folder : folders) {
      api.serve(folder);
      JsonNode idRecord = JSON.readTree(folder.resolve("record.json").toFile());
      Headers headers = new RecordHeaders();
      for (Map.Entry<String, JsonNode> header : idRecord.path("headers").properties()) {
        headers.add(header.getKey(), bytes(header.getValue()));
      }
      byte[] value =
          idRecord.hasNonNull("valueBase64")
              ? Base64.getMimeDecoder().decode(idRecord.get("valueBase64").asText())
              : bytes(idRecord.path("value"));
      awaitOutcome(
          folder.getFileName().toString(),
          new ProducerRecord<>(IDS, null, bytes(idRecord.path("key")), value, headers));
      cases.add(folder.getFileName().toString());
    }
  }

  private void publishSimulatedInstances() {
    api.serveSimulator();
    for (int step = 0; step < STEPS; step++) {
      for (String id :
          List.of(
              "1001-20260101020000",
              "1002-20260101130500",
              STEPPING,
              "1004-20260101060000",
              FAILING)) {
        publish(id);
      }
    }
    publish(LARGE);
  }

  private void publish(String id) {
    awaitOutcome(id, new ProducerRecord<>(IDS, id.getBytes(UTF_8), id.getBytes(UTF_8)));
  }

  /** As a row does that was published on another way, such as by a mirror. */
  private void publishOldRowsOnceMore() {
    for (String topic : List.of(INSTANCES, TASKS)) {
      Set<String> seen = new HashSet<>();
      for (ConsumerRecord<byte[], byte[]> row : read(topic)) {
        String key = new String(row.key(), UTF_8);
        if (key.endsWith(STEPPING.substring(STEPPING.indexOf('-'))) && seen.add(key)) {
          send(copy(row, row.key(), row.value()));
        }
      }
    }
  }

  private void publishIncompleteObservation() {
    String fetchedAt = json(read(INSTANCES).get(0).value()).at("/enrichment/fetchedAt").textValue();
    for (String topic : List.of(INSTANCES, TASKS)) {
      ConsumerRecord<byte[], byte[]> row = read(topic).get(0);
      ObjectNode event = (ObjectNode) json(row.value());
      event.put("instanceId", INCOMPLETE).put("observationId", INCOMPLETE);
      if (topic.equals(INSTANCES)) {
        event.remove("observationId");
        ObjectNode enrichment = (ObjectNode) event.get("enrichment");
        enrichment.put("observationId", INCOMPLETE).put("fetchedAt", fetchedAt).put("taskCount", 2);
      } else {
        event.put("taskInstId", INCOMPLETE).put("fetchedAt", fetchedAt).put("taskCount", 2);
      }
      send(copy(row, INCOMPLETE.getBytes(UTF_8), event.toString().getBytes(UTF_8)));
    }
  }

  private void abortTransaction() {
    try (KafkaProducer<byte[], byte[]> transactional =
        new KafkaProducer<>(
            Map.of(
                "bootstrap.servers",
                broker.bootstrapServers(),
                "transactional.id",
                "to-be-aborted"),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      transactional.initTransactions();
      transactional.beginTransaction();
      for (String topic : List.of(INSTANCES, TASKS, DEAD_LETTERS)) {
        ConsumerRecord<byte[], byte[]> row = read(topic).get(0);
        for (int partition = 0; partition < PARTITIONS; partition++) {
          byte[] noJson = "{ no JSON".getBytes(UTF_8);
          transactional.send(
              new ProducerRecord<>(
                  topic, partition, ABORTED.getBytes(UTF_8), noJson, row.headers()));
          if (!topic.equals(DEAD_LETTERS)) {
            transactional.send(
                new ProducerRecord<>(topic, partition, row.key(), inTheFuture(row), row.headers()));
          }
        }
      }
      transactional.flush();
      transactional.abortTransaction();
    }
  }

  private static byte[] inTheFuture(ConsumerRecord<byte[], byte[]> row) {
    ObjectNode event = (ObjectNode) json(row.value());
    ObjectNode versioned =
        row.topic().equals(INSTANCES) ? (ObjectNode) event.get("enrichment") : event;
    versioned.put("fetchedAt", Instant.parse("2100-01-01T00:00:00.000Z").toString());
    versioned.put("observationId", ABORTED);
    return event.toString().getBytes(UTF_8);
  }

  private static ProducerRecord<byte[], byte[]> copy(
      ConsumerRecord<byte[], byte[]> row, byte[] key, byte[] value) {
    return new ProducerRecord<>(row.topic(), null, row.timestamp(), key, value, row.headers());
  }

  private RecordMetadata send(ProducerRecord<byte[], byte[]> record) {
    try {
      return producer.send(record).get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    }
  }

  /** Sends an id record, and returns when its instance or its dead letter is published. */
  private void awaitOutcome(String name, ProducerRecord<byte[], byte[]> idRecord) {
    RecordMetadata place = send(idRecord);
    String observationId = IDS + "-" + place.partition() + "-" + place.offset();
    long deadline = System.nanoTime() + TIMEOUT.toNanos();
    while (!answered.contains(observationId)) {
      for (ConsumerRecord<byte[], byte[]> outcome : outcomes.poll(Duration.ofMillis(100))) {
        answered.add(observationIdOf(outcome));
      }
      if (System.nanoTime() - deadline > 0) {
        throw new IllegalStateException(name + " has no outcome. " + pipeline.output());
      }
    }
  }

  private static String observationIdOf(ConsumerRecord<byte[], byte[]> outcome) {
    return outcome.topic().equals(INSTANCES)
        ? header(outcome, "ce_id")
        : IDS
            + "-"
            + header(outcome, "dead-letter-partition")
            + "-"
            + header(outcome, "dead-letter-offset");
  }

  /** The last header of this name as a text, or null. */
  static String header(ConsumerRecord<byte[], byte[]> record, String name) {
    Header header = record.headers().lastHeader(name);
    return header == null ? null : new String(header.value(), UTF_8);
  }

  private static byte[] bytes(JsonNode text) {
    return text.isMissingNode() || text.isNull() ? null : text.asText().getBytes(UTF_8);
  }

  private static JsonNode json(byte[] value) {
    try {
      return JSON.readTree(value);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    outcomes.close();
    producer.close();
    pipeline.close();
    api.close();
    broker.close();
  }
}
