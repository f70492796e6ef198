package io.flowinstance.engines;

import static io.flowinstance.engines.PublishedTopics.DEAD_LETTERS;
import static io.flowinstance.engines.PublishedTopics.INSTANCES;
import static io.flowinstance.engines.PublishedTopics.TASKS;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Date;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kafka Connect reads what the pipeline published, by the files of {@code docs/consumers}. What a
 * sink is given is compared with the records that a plain consumer reads.
 */
@ExtendWith(WithPublishedTopics.class)
@Timeout(value = 1, unit = TimeUnit.MINUTES)
class ConnectTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String FLATTENED = "flowInstance_";
  private static final String OFFSET = "kafkaOffset";

  private static PublishedTopics topics;
  private static ConnectWorker worker;

  @BeforeAll
  static void start(PublishedTopics published, @TempDir Path folder) {
    topics = published;
    worker = new ConnectWorker(topics.bootstrapServers(), folder);
  }

  @AfterAll
  static void stop() {
    worker.close();
  }

  /**
   * What the connector of a file gives its sink, by partition and offset, when it has given as many
   * records as are committed.
   */
  private static Map<String, SinkRecord> given(String file, String topic) {
    String connector = worker.start(file);
    List<SinkRecord> given = CollectingSink.recordsOf(connector);
    int committed = topics.read(topic).size();
    await()
        .atMost(Duration.ofSeconds(30))
        .until(
            () ->
                given.size() >= committed
                    || worker.task(connector).path("state").asText().equals("FAILED"));
    assertEquals("RUNNING", worker.task(connector).path("state").asText(), () -> trace(connector));
    assertEquals(committed, given.size());
    assertTrue(topics.readUncommitted(topic).size() > committed);
    return given.stream()
        .collect(
            Collectors.toMap(r -> place(r.kafkaPartition(), r.kafkaOffset()), record -> record));
  }

  private static String trace(String connector) {
    return worker.task(connector).path("trace").asText();
  }

  private static String place(int partition, long offset) {
    return partition + "-" + offset;
  }

  @Test
  void taskStatusesBecomeFlatTypedRows() throws Exception {
    Map<String, SinkRecord> given = given("task-statuses-sink.properties", TASKS);
    MessageSchema schema = new MessageSchema("task-status.v1.schema.json");
    for (ConsumerRecord<byte[], byte[]> message : topics.read(TASKS)) {
      JsonNode event = JSON.readTree(message.value());
      SinkRecord record = given.get(place(message.partition(), message.offset()));
      assertEquals(new String(message.key(), UTF_8), record.key());
      Struct row = (Struct) record.value();
      for (Field field : row.schema().fields()) {
        if (field.name().equals(OFFSET)) {
          assertEquals(message.offset(), row.get(field));
          continue;
        }
        String path = field.name().replace(FLATTENED, "flowInstance/");
        assertTrue(schema.names(path), () -> "The schema has no " + path);
        assertHolds(event.at("/" + path), field.schema(), row.get(field), path);
      }
    }
    assertEquals(28, given.values().iterator().next().valueSchema().fields().size());
  }

  private static void assertHolds(JsonNode said, Schema schema, Object held, String path) {
    if (said.isMissingNode()) {
      assertTrue(schema.isOptional(), path);
      assertEquals(null, held, path);
      return;
    }
    if (Timestamp.LOGICAL_NAME.equals(schema.name())) {
      assertEquals(Instant.parse(said.textValue()), ((Date) held).toInstant(), path);
      return;
    }
    if (org.apache.kafka.connect.data.Date.LOGICAL_NAME.equals(schema.name())) {
      LocalDate day = LocalDate.ofInstant(((Date) held).toInstant(), ZoneOffset.UTC);
      assertEquals(LocalDate.parse(said.textValue()), day, path);
      return;
    }
    switch (schema.type()) {
      case STRING -> assertEquals(said.textValue(), held, path);
      case BOOLEAN -> assertEquals(said.booleanValue(), held, path);
      case INT32 -> assertEquals(said.intValue(), held, path);
      case INT64 -> assertEquals(said.longValue(), held, path);
      case FLOAT64 -> assertEquals(said.doubleValue(), held, path);
      default -> throw new IllegalStateException(path + " is a " + schema.type());
    }
  }

  @Test
  void flowInstancesBecomeDocuments() throws Exception {
    Map<String, SinkRecord> given = given("flow-instances-sink.properties", INSTANCES);
    for (ConsumerRecord<byte[], byte[]> message : topics.read(INSTANCES)) {
      SinkRecord record = given.get(place(message.partition(), message.offset()));
      assertEquals(new String(message.key(), UTF_8), record.key());
      // By their texts: Connect holds each whole number as 64 bits.
      assertEquals(
          JSON.readTree(message.value()), JSON.readTree(JSON.writeValueAsString(record.value())));
    }
  }

  @Test
  void deadLettersKeepTheirBytesAndHeaders() {
    Map<String, SinkRecord> given = given("dead-letters-sink.properties", DEAD_LETTERS);
    for (ConsumerRecord<byte[], byte[]> message : topics.read(DEAD_LETTERS)) {
      SinkRecord record = given.get(place(message.partition(), message.offset()));
      assertArrayEquals(message.key(), (byte[]) record.key());
      assertArrayEquals(message.value(), (byte[]) record.value());
      List<String> expected = new ArrayList<>();
      for (Header header : message.headers()) {
        expected.add(header.key() + "=" + HexFormat.of().formatHex(header.value()));
      }
      List<String> actual = new ArrayList<>();
      record
          .headers()
          .forEach(
              header ->
                  actual.add(
                      header.key() + "=" + HexFormat.of().formatHex((byte[]) header.value())));
      assertEquals(expected, actual);
      for (String name : List.of("dead-letter-reason=", "dead-letter-offset=")) {
        assertTrue(actual.stream().anyMatch(header -> header.startsWith(name)));
      }
    }
  }
}
