package io.flowinstance.app;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.event.Schemas;
import io.flowinstance.harness.ApplicationProcess;
import io.flowinstance.harness.ExportedMetrics;
import io.flowinstance.harness.Prometheus;
import io.flowinstance.outcome.DeadLetterReason;
import io.flowinstance.simulator.EnosSimulator;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import io.flowinstance.simulator.Latency;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.SortedSet;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The packaged JAR as a process, on a real broker and a signed API, by environment alone. */
class PipelineIT {
  private static final String[] TOPICS = {
    "flow-instance-ids", "flow-instances", "task-statuses", "flow-instance-dead-letters"
  };

  private static KafkaBroker broker;
  private static EnosSimulator enos;
  private static ApplicationProcess application;
  private static KafkaProducer<byte[], byte[]> producer;
  private static KafkaConsumer<byte[], byte[]> consumer;
  private static final List<ConsumerRecord<byte[], byte[]>> PUBLISHED = new ArrayList<>();

  @BeforeAll
  static void start() {
    broker = KafkaBroker.launch();
    broker.createTopics(3, TOPICS);
    enos = EnosSimulator.start();
    enos.requireSignature(true);
    application = ApplicationProcess.start(environment()).awaitReady();
    producer =
        new KafkaProducer<>(
            Map.of(
                "bootstrap.servers",
                broker.bootstrapServers(),
                "compression.type",
                "lz4",
                "max.request.size",
                "4000000"),
            new ByteArraySerializer(),
            new ByteArraySerializer());
    consumer =
        new KafkaConsumer<>(
            Map.of(
                "bootstrap.servers", broker.bootstrapServers(),
                "group.id", "reader",
                "isolation.level", "read_committed",
                "auto.offset.reset", "earliest"),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer());
    consumer.subscribe(List.of(TOPICS[1], TOPICS[2], TOPICS[3]));
  }

  private static Map<String, String> environment() {
    Map<String, String> environment = new HashMap<>();
    environment.put("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrapServers());
    environment.put("ENOS_BASE_URL", enos.baseUrl());
    environment.put("ENOS_APP_KEY", enos.tokens().appKey());
    environment.put("ENOS_APP_SECRET", enos.tokens().appSecret());
    environment.put("ENOS_USER_ID", "yourUserId");
    environment.put("ENOS_ORG_ID", "yourOrgId");
    return environment;
  }

  @AfterAll
  static void stop() {
    consumer.close(Duration.ZERO);
    producer.close(Duration.ZERO);
    application.close();
    enos.close();
    broker.close();
  }

  private static void send(String key, byte[] value, Map<String, String> headers) {
    ProducerRecord<byte[], byte[]> idRecord =
        new ProducerRecord<>(TOPICS[0], key == null ? null : key.getBytes(UTF_8), value);
    headers.forEach((name, text) -> idRecord.headers().add(name, text.getBytes(UTF_8)));
    producer.send(idRecord);
    producer.flush();
  }

  private static List<ConsumerRecord<byte[], byte[]>> awaitOf(String topic, String key, int count) {
    await()
        .atMost(Duration.ofSeconds(30))
        .pollInterval(Duration.ofMillis(10))
        .until(
            () -> {
              consumer.poll(Duration.ofMillis(100)).forEach(PUBLISHED::add);
              return of(topic, key).size() >= count;
            });
    return of(topic, key);
  }

  private static List<ConsumerRecord<byte[], byte[]>> of(String topic, String key) {
    return PUBLISHED.stream()
        .filter(m -> m.topic().equals(topic))
        .filter(m -> key == null || m.key() != null && new String(m.key(), UTF_8).equals(key))
        .toList();
  }

  private static String header(Headers headers, String name) {
    return new String(headers.lastHeader(name).value(), UTF_8);
  }

  @Test
  void publishesTheInstanceAndOneEventPerTaskAsCloudEvents() throws Exception {
    send("any key", "2438-201907261239".getBytes(UTF_8), Map.of());

    ConsumerRecord<byte[], byte[]> instance =
        awaitOf("flow-instances", "2438-201907261239", 1).get(0);
    ConsumerRecord<byte[], byte[]> task = awaitOf("task-statuses", "104452-201907261239", 1).get(0);
    Schemas.valid(Schemas.FLOW_INSTANCE, instance.value());
    Schemas.valid(Schemas.TASK_STATUS, task.value());
    Headers headers = instance.headers();
    String place = header(headers, "ce_id");
    assertTrue(place.matches("flow-instance-ids-[0-2]-\\d+"), place);
    assertEquals(place + "/0", header(task.headers(), "ce_id"));
    assertEquals("1.0", header(headers, "ce_specversion"));
    assertEquals("/enos/yourOrgId", header(headers, "ce_source"));
    assertEquals("io.flowinstance.flow-instance.v1", header(headers, "ce_type"));
    assertEquals("io.flowinstance.task-status.v1", header(task.headers(), "ce_type"));
    assertEquals("2438-201907261239", header(headers, "ce_subject"));
    assertEquals("application/json", header(headers, "content-type"));
  }

  @Test
  void headersOfARecordSteerNothing() {
    send(
        null,
        "1003-20260101120000".getBytes(UTF_8),
        Map.of(
            "CamelHttpUri", "http://localhost:1/",
            "CamelHttpQuery", "action=delete",
            "CamelHttpMethod", "DELETE",
            "CamelKafkaOverrideTopic", "flow-instance-ids",
            "kafka.OVERRIDE_TOPIC", "flow-instance-ids"));

    ConsumerRecord<byte[], byte[]> instance =
        awaitOf("flow-instances", "1003-20260101120000", 1).get(0);
    assertEquals(null, instance.headers().lastHeader("CamelHttpUri"));
    assertEquals(1, enos.traffic().callsOf("1003-20260101120000"));
  }

  @Test
  void everyKindOfBadRecordIsADeadLetterThatIsTheRecordAsItCame() {
    byte[] binary = new byte[1000];
    new Random(1).nextBytes(binary);
    List<byte[]> values = new ArrayList<>();
    values.add(null);
    values.add(new byte[0]);
    values.add("x".repeat(1 << 20).getBytes(UTF_8));
    values.add(binary);
    values.add("{\"id\":1}".getBytes(UTF_8));
    values.add("404-20260101000000".getBytes(UTF_8));
    values.add("x&orgId=evil".getBytes(UTF_8));
    for (int i = 0; i < values.size(); i++) {
      send("bad-" + i, values.get(i), Map.of("trace", "t" + i));
    }

    for (int i = 0; i < values.size(); i++) {
      ConsumerRecord<byte[], byte[]> deadLetter =
          awaitOf("flow-instance-dead-letters", "bad-" + i, 1).get(0);
      assertArrayEquals(values.get(i), deadLetter.value());
      assertEquals("t" + i, header(deadLetter.headers(), "trace"));
      assertEquals(
          i < 5 ? "MALFORMED_ID" : "REJECTED_BY_API",
          header(deadLetter.headers(), "dead-letter-reason"));
      assertEquals("flow-instance-ids", header(deadLetter.headers(), "dead-letter-topic"));
    }
    assertEquals(
        "yourOrgId", enos.traffic().lastCall().orElseThrow().parameter("orgId").orElseThrow());
  }

  @Test
  void publishesTenThousandTasksOfOneGraph() {
    send(null, "110000-20260101000000".getBytes(UTF_8), Map.of());

    awaitOf("flow-instances", "110000-20260101000000", 1);
    await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () -> {
              consumer.poll(Duration.ofMillis(100)).forEach(PUBLISHED::add);
              return of("task-statuses", null).stream()
                      .filter(m -> new String(m.key(), UTF_8).endsWith("-20260101000000"))
                      .count()
                  == 10_000;
            });
  }

  @Test
  void endsWithZeroWhenAskedToStopAndLeavesTheGroupAtOnce() {
    Map<String, String> environment = environment();
    environment.put("KAFKA_GROUP_ID", "a-group-of-its-own");
    try (ApplicationProcess second = ApplicationProcess.start(environment).awaitReady()) {
      assertEquals(0, second.stop(Duration.ofSeconds(20)), second::output);
      assertFalse(second.output().contains("hook triggered"), "one hook alone stops it");
    }
  }

  @Test
  void beginsNoCallInAnyConsumerOnceAskedToStop() {
    String[] topics = {"stop-ids", "stop-instances", "stop-statuses", "stop-dead-letters"};
    broker.createTopics(2, topics);
    int each = 1_000;
    Set<String> slow = Set.of("1-20260102000000", "2-20260102000000");
    for (int partition = 0; partition < 2; partition++) {
      producer.send(idRecord(topics[0], partition, partition + 1 + "-20260102000000"));
      for (int i = 0; i < each; i++) {
        String id = "%d-20260103%06d".formatted(partition + 1, i);
        producer.send(idRecord(topics[0], partition, id));
      }
    }
    producer.flush();
    try (EnosSimulator api = EnosSimulator.start()) {
      api.faults().latency(Latency.fixed(Duration.ofMillis(50)));
      api.faults()
          .set(Fault.late(Duration.ofSeconds(8)), FaultScope.ids(slow.toArray(String[]::new)));
      Map<String, String> environment = environment();
      environment.put("ENOS_BASE_URL", api.baseUrl());
      environment.put("ENOS_AUTH", "none");
      environment.put("KAFKA_GROUP_ID", "stops");
      environment.put("FETCH_CONCURRENCY", "8");
      environment.put("TOPIC_INSTANCE_IDS", topics[0]);
      environment.put("TOPIC_FLOW_INSTANCES", topics[1]);
      environment.put("TOPIC_TASK_STATUSES", topics[2]);
      environment.put("TOPIC_DEAD_LETTERS", topics[3]);
      try (ApplicationProcess second = ApplicationProcess.start(environment)) {
        await()
            .atMost(Duration.ofSeconds(30))
            .until(
                () ->
                    api.traffic().calls() > 40
                        && slow.stream().allMatch(id -> api.traffic().callsOf(id) > 0));
        int before = api.traffic().calls();

        assertEquals(0, second.stop(Duration.ofSeconds(25)), second::output);

        int since = api.traffic().calls() - before;
        assertTrue(since < each / 3, since + " calls after the signal");
        assertTrue(api.traffic().calls() < 2 * each, "calls were left to make");
      }
    }
  }

  private static ProducerRecord<byte[], byte[]> idRecord(String topic, int partition, String id) {
    return new ProducerRecord<>(topic, partition, null, id.getBytes(UTF_8));
  }

  @Test
  void startsNothingWithSettingsThatCannotWork() {
    Map<String, String> environment = environment();
    environment.remove("ENOS_APP_SECRET");
    environment.put("ENOS_API_VERSION", "v9");
    environment.put("KAFKA_CONSUMERS", "0");
    try (ApplicationProcess wrong = ApplicationProcess.start(environment)) {
      assertEquals(2, wrong.awaitEnd(Duration.ofSeconds(20)));
      String output = wrong.output();
      assertTrue(output.contains("ENOS_APP_SECRET (enos.app-secret) is missing"), output);
      assertTrue(output.contains("ENOS_API_VERSION"), output);
      assertTrue(output.contains("KAFKA_CONSUMERS (kafka.consumers) is"), output);
    }
  }

  @Test
  void exportsWhatWasServedForPrometheus() {
    send(null, "1001-20260101120000".getBytes(UTF_8), Map.of());
    awaitOf("flow-instances", "1001-20260101120000", 1);

    for (String pattern :
        List.of(
            "flow_instance_api_up 1.0",
            "flow_instance_api_refused 0.0",
            "flow_instance_api_concurrency 64.0",
            "flow_instance_api_retries_total ",
            "flow_instance_api_calls_in_flight 0.0",
            "flow_instance_ids_total [1-9]",
            "flow_instance_outcomes_total\\{outcome=\"events\",reason=\"none\"} [1-9]",
            "flow_instance_messages_total\\{message=\"task_status\"} [1-9]",
            "flow_instance_api_call_duration_seconds_bucket\\{answer=\"ok\",le=\"0.1\"} [0-9]",
            "flow_instance_transactions_total\\{result=\"committed\"} [1-9]",
            "flow_instance_batch_size_count [1-9]",
            "flow_instance_batch_duration_seconds_bucket",
            "flow_instance_id_age_seconds_bucket",
            "flow_instance_consumer_lag_records ",
            "flow_instance_last_commit_timestamp_seconds [1-9]",
            "jvm_memory_used_bytes")) {
      await()
          .atMost(Duration.ofSeconds(5))
          .until(() -> Pattern.compile(pattern).matcher(application.metrics()).find());
    }
  }

  @Test
  void exportsTheSeriesThatAreListed() {
    await()
        .atMost(Duration.ofSeconds(5))
        .untilAsserted(
            () -> {
              SortedSet<String> missing = ExportedMetrics.ofPipeline();
              missing.removeIf(name -> name.startsWith("flow_instance_discover_"));
              missing.removeAll(ExportedMetrics.inScrape(application.metrics()));
              assertEquals(Set.of(), missing);
            });
    String scrape = application.metrics();
    SortedSet<String> unlisted = ExportedMetrics.inScrape(scrape);
    unlisted.removeIf(name -> !name.startsWith("flow_instance_"));
    unlisted.removeAll(ExportedMetrics.ofPipeline());
    assertEquals(Set.of(), unlisted);
    assertFalse(scrape.contains("discover"), "it is off");
    for (DeadLetterReason reason : DeadLetterReason.values()) {
      assertTrue(
          scrape.contains("{outcome=\"dead_letter\",reason=\"%s\"}".formatted(reason)), scrape);
    }
  }

  @Test
  void givesPrometheusDataForEveryAlertAndPanel(@TempDir Path folder) throws Exception {
    Path program = Prometheus.program("prometheus").orElse(null);
    assumeTrue(program != null, "prometheus is not at hand");
    try (Prometheus prometheus =
        Prometheus.start(
            program, application.managementPort(), MonitoringTest.alertRules(folder), folder)) {
      send(null, "1002-20260101120000".getBytes(UTF_8), Map.of());
      send(null, "404-20260102000000".getBytes(UTF_8), Map.of());

      Set<String> without = new LinkedHashSet<>(MonitoringTest.expressionsWithData());
      without.removeIf(expression -> expression.contains("flow_instance_discover_"));
      await()
          .atMost(Duration.ofSeconds(20))
          .untilAsserted(
              () -> {
                without.removeIf(expression -> prometheus.series(expression) > 0);
                assertEquals(Set.of(), without);
              });
      for (JsonNode rule : prometheus.rules()) {
        assertEquals("ok", rule.get("health").textValue(), rule::toString);
      }
    }
  }

  @Test
  void saysThatItIsStarted() {
    assertEquals("200 {\"status\":\"UP\"}", application.health("started"));
  }

  @Test
  void showsNoSecret() {
    for (String shown :
        List.of(application.output(), application.health("ready"), application.metrics())) {
      assertFalse(shown.contains(enos.tokens().appSecret()));
    }
  }
}
