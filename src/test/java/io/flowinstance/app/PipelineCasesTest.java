package io.flowinstance.app;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonSchema;
import io.flowinstance.event.Schemas;
import io.flowinstance.fetch.OutageDetector;
import io.flowinstance.harness.FreePort;
import io.flowinstance.harness.MemoryKafka;
import io.flowinstance.harness.TestPipeline;
import io.flowinstance.simulator.ApiRequest;
import io.flowinstance.simulator.HttpListener;
import io.flowinstance.simulator.HttpListener.Connection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.apache.camel.main.Main;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.skyscreamer.jsonassert.JSONAssert;
import org.skyscreamer.jsonassert.JSONCompareMode;

/**
 * Cases as data: each folder under {@code src/test/resources/cases/}, or under {@code
 * -Dcases.dir=<folder>}, is one id record, what the API answers, and what must come out. See the
 * README of that folder.
 */
class PipelineCasesTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final Reply REJECTION =
      new Reply(200, Map.of(), "{\"status\":62102}".getBytes(UTF_8));
  private static final Reply TIME =
      new Reply(200, Map.of(), "{\"status\":0,\"data\":1700000000000}".getBytes(UTF_8));

  /** Longer than any case that is not held takes. */
  private static final Duration HELD = Duration.ofSeconds(2);

  private static final AtomicInteger CALLS = new AtomicInteger();
  private static final AtomicReference<List<ApiRequest.Parameter>> ASKED = new AtomicReference<>();
  private static volatile Reply reply;

  private static HttpListener api;
  private static MemoryKafka kafka;
  private static Main application;

  private record Reply(int status, Map<String, String> headers, byte[] body) {}

  @BeforeAll
  static void start() throws IOException {
    api = new HttpListener(FreePort.pick(), PipelineCasesTest::answer);
    kafka = new MemoryKafka();
    application =
        TestPipeline.start(
            kafka, "http://localhost:" + api.port(), Map.of("enos.allowed-identities", "*"));
    // Cases may ask for one instance alone, and what fails alone shows only beside another.
    reply = new Reply(200, Map.of(), "{\"status\":0,\"data\":{\"flowId\":1}}".getBytes(UTF_8));
    kafka.awaitCommitted(kafka.send(null, "1-1".getBytes(UTF_8), new RecordHeaders()));
  }

  @AfterAll
  static void stop() {
    application.stop();
    api.close();
  }

  @TestFactory
  Stream<DynamicTest> everyCaseComesOutAsItsFolderSays() throws IOException {
    String elsewhere = System.getProperty("cases.dir");
    Path root = Path.of(elsewhere == null ? "src/test/resources/cases" : elsewhere);
    List<Path> cases;
    try (Stream<Path> folders = Files.list(root)) {
      cases =
          folders.filter(folder -> Files.exists(folder.resolve("record.json"))).sorted().toList();
    }
    assertTrue(!cases.isEmpty(), "There is no case in " + root.toAbsolutePath());
    return cases.stream()
        .map(folder -> dynamicTest(folder.getFileName().toString(), () -> check(folder)));
  }

  private static void check(Path folder) throws Exception {
    Reply expectedReply = reply(folder);
    reply = expectedReply;
    CALLS.set(0);
    ASKED.set(null);
    int before = kafka.published().size();

    long offset = send(JSON.readTree(folder.resolve("record.json").toFile()));
    boolean held = !kafka.isCommittedWithin(offset, HELD) && !apiIsUp();
    if (!held) {
      kafka.awaitCommitted(offset);
    }

    List<ProducerRecord<byte[], byte[]>> published =
        List.copyOf(kafka.published().subList(before, kafka.published().size()));
    if (expectedReply == null) {
      assertEquals(0, CALLS.get(), "calls of the API");
    }
    if (held) {
      reply = REJECTION;
      kafka.awaitCommitted(offset);
    }
    published.forEach(message -> Schemas.assertHeaders(message.headers()));
    compareEvents(
        folder.resolve("flow-instance.json"),
        values(published, "flow-instances", Schemas.FLOW_INSTANCE),
        true);
    compareEvents(
        folder.resolve("task-statuses.json"),
        values(published, "task-statuses", Schemas.TASK_STATUS),
        false);
    compareDeadLetters(
        folder.resolve("dead-letters.json"), of(published, "flow-instance-dead-letters"));
  }

  private static Reply reply(Path folder) throws IOException {
    Path body = folder.resolve("response.body");
    if (!Files.exists(body)) {
      return null;
    }
    Path status = folder.resolve("response.status");
    Path headers = folder.resolve("response.headers.json");
    Map<String, String> headerMap = new LinkedHashMap<>();
    if (Files.exists(headers)) {
      JSON.readTree(headers.toFile())
          .properties()
          .forEach(header -> headerMap.put(header.getKey(), header.getValue().asText()));
    }
    return new Reply(
        Files.exists(status) ? Integer.parseInt(Files.readString(status).strip()) : 200,
        headerMap,
        Files.readAllBytes(body));
  }

  private static long send(JsonNode idRecord) throws IOException {
    RecordHeaders headers = new RecordHeaders();
    idRecord
        .path("headers")
        .properties()
        .forEach(
            header -> headers.add(header.getKey(), header.getValue().asText().getBytes(UTF_8)));
    byte[] value =
        idRecord.hasNonNull("valueBase64")
            ? Base64.getMimeDecoder().decode(idRecord.get("valueBase64").asText())
            : bytes(idRecord.path("value"));
    return kafka.send(bytes(idRecord.path("key")), value, headers);
  }

  private static byte[] bytes(JsonNode text) {
    return text.isMissingNode() || text.isNull() ? null : text.asText().getBytes(UTF_8);
  }

  private static void compareEvents(Path expectation, ArrayNode actual, boolean single)
      throws Exception {
    ArrayNode expected = JSON.createArrayNode();
    if (Files.exists(expectation)) {
      JsonNode content = JSON.readTree(expectation.toFile());
      if (single) {
        expected.add(content);
      } else {
        expected.addAll((ArrayNode) content);
      }
    }
    forgetObservation(expected);
    forgetObservation(actual);
    JSONAssert.assertEquals(
        expectation.getFileName().toString(),
        expected.toString(),
        actual.toString(),
        JSONCompareMode.STRICT);
  }

  /** They differ from run to run; {@link ObservationTest} holds them. */
  private static void forgetObservation(JsonNode events) {
    for (String name : List.of("observationId", "askedAt", "fetchedAt")) {
      for (JsonNode parent : events.findParents(name)) {
        ((ObjectNode) parent).remove(name);
      }
    }
  }

  private static void compareDeadLetters(
      Path expectation, List<ProducerRecord<byte[], byte[]>> deadLetters) throws IOException {
    JsonNode expected =
        Files.exists(expectation) ? JSON.readTree(expectation.toFile()) : JSON.createArrayNode();
    assertEquals(
        expected.size(),
        deadLetters.size(),
        () ->
            "dead letters, which say: "
                + deadLetters.stream().map(d -> header(d, "message")).toList());
    for (int i = 0; i < expected.size(); i++) {
      ProducerRecord<byte[], byte[]> deadLetter = deadLetters.get(i);
      for (Map.Entry<String, JsonNode> field : expected.get(i).properties()) {
        assertEquals(
            field.getValue().isNull() ? null : field.getValue().asText(),
            header(deadLetter, field.getKey()),
            "dead-letter-" + field.getKey());
      }
    }
    assertTrue(deadLetters.size() <= 1, "a record has one dead letter at most");
    for (ProducerRecord<byte[], byte[]> deadLetter : deadLetters) {
      assertNull(deadLetter.partition(), "the partition follows from the key");
    }
  }

  private static String header(ProducerRecord<byte[], byte[]> message, String name) {
    Header header = message.headers().lastHeader("dead-letter-" + name);
    return header == null ? null : new String(header.value(), UTF_8);
  }

  private static List<ProducerRecord<byte[], byte[]>> of(
      List<ProducerRecord<byte[], byte[]>> published, String topic) {
    return published.stream().filter(message -> message.topic().equals(topic)).toList();
  }

  private static ArrayNode values(
      List<ProducerRecord<byte[], byte[]>> published, String topic, List<JsonSchema> schemas)
      throws IOException {
    ArrayNode values = JSON.createArrayNode();
    for (ProducerRecord<byte[], byte[]> message : of(published, topic)) {
      values.add(Schemas.valid(schemas, message.value()));
    }
    return values;
  }

  private static boolean apiIsUp() {
    return application
        .getCamelContext()
        .getRegistry()
        .lookupByNameAndType("outage-detector", OutageDetector.class)
        .isUp();
  }

  /** The case's reply to the case's id; the clock runs, and ids of earlier cases are known. */
  private static void answer(ApiRequest request, Connection connection) throws IOException {
    if (request.path().endsWith("/time")) {
      send(connection, TIME);
      return;
    }
    ASKED.compareAndSet(null, request.parameters());
    if (!request.parameters().equals(ASKED.get())) {
      send(connection, REJECTION);
      return;
    }
    CALLS.incrementAndGet();
    Reply now = reply;
    send(connection, now == null ? REJECTION : now);
  }

  private static void send(Connection connection, Reply answer) throws IOException {
    connection.send(answer.status(), answer.headers(), answer.body());
  }
}
