package io.flowinstance.faults;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.harness.ApplicationProcess;
import io.flowinstance.simulator.EnosSimulator;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import io.flowinstance.simulator.SizedAnswer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * More large answers at once than the heap could hold: the process goes on, and each id comes to
 * its outcome, the small ones among them too. A part of it by default, everything with {@code
 * -Pchaos}.
 */
class LargeAnswersIT {
  private static final boolean FULL = Boolean.getBoolean("chaos");
  private static final int ANSWERS = FULL ? 64 : 2;

  /** What the image gives the heap of 512 MiB, the least that it needs. */
  private static final int HEAP_MB = 512 * 60 / 100;

  private static final int MORE_HEAP_MB = 512;
  private static final int SMALL = 200;
  private static final int TASKS_OF_A_SMALL_ONE = 1;
  private static final int LIMIT = (MORE_HEAP_MB << 20) / 32;
  private static final Duration PATIENCE = Duration.ofSeconds(120);

  private static KafkaBroker broker;
  private static EnosSimulator enos;

  @BeforeAll
  static void start() {
    broker = KafkaBroker.launch(KafkaBroker.QUICK_START, Map.of());
    enos = EnosSimulator.start();
  }

  @AfterAll
  static void stop() {
    enos.close();
    broker.close();
  }

  /** The ids of different instances of the same workflow. */
  private static List<String> like(String id, int first, int count) {
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      ids.add("%s-%010d".formatted(id.substring(0, id.indexOf('-')), first + i));
    }
    return ids;
  }

  private static void serve(String scenario, List<String> large, long taskEvents, String reason) {
    serve(HEAP_MB, scenario, large, taskEvents, reason);
  }

  private static void serve(
      int heap, String scenario, List<String> large, long taskEvents, String reason) {
    Topics topics = Topics.create(broker, scenario);
    List<String> small = like("7-0", 1, SMALL);
    List<String> ids = new ArrayList<>(large);
    for (int i = 0; i < SMALL; i++) {
      ids.add(i * (large.size() + i) / SMALL, small.get(i));
    }
    try (KafkaProducer<String, String> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", broker.bootstrapServers()),
            new StringSerializer(),
            new StringSerializer())) {
      ids.forEach(id -> producer.send(new ProducerRecord<>(topics.ids(), id, id)));
    }
    Map<String, String> environment = topics.environment(broker.bootstrapServers(), enos);
    if (heap == HEAP_MB) {
      // As the JVM chooses by itself in a container of that size.
      environment.put("JAVA_TOOL_OPTIONS", "-XX:+UseSerialGC");
    }
    try (ApplicationProcess process = ApplicationProcess.start(heap, environment);
        Audit audit = new Audit(broker.bootstrapServers(), topics)) {
      process.awaitReady();

      audit.readAll(ids.size(), PATIENCE);

      assertEquals(List.of(), audit.without(Set.copyOf(ids)), process.output());
      assertTrue(process.health("live").startsWith("200 "), process.output());
      assertEquals(reason, audit.deadLettersByReason().toString());
      assertEquals(taskEvents, audit.taskEvents() - (long) SMALL * TASKS_OF_A_SMALL_ONE);
      long calls = large.stream().mapToLong(id -> enos.traffic().callsOf(id)).sum();
      // One that finds no heap, one that asks for enough by its length, one by its values.
      assertTrue(calls <= 3L * large.size(), calls + " calls for " + large.size() + " ids");
    }
  }

  @Test
  void graphsOfTenThousandTasksComeToTheirEvents() {
    serve("tasks", like(SizedAnswer.id(10_000), 1, ANSWERS), 10_000L * ANSWERS, "{}");
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void answersAtTheLimitComeToTheirOutcome() {
    List<String> large = like("8-0", 1, ANSWERS);
    String start = "{\"status\":0,\"data\":{\"instanceId\":\"8-0\",\"note\":\"";
    String end = "\",\"graph\":\"{}\"}}";
    String body = start + "x".repeat(LIMIT - start.length() - end.length()) + end;
    assertEquals(LIMIT, body.getBytes(UTF_8).length);
    enos.faults()
        .set(
            Fault.status(200, "application/json", body),
            FaultScope.ids(large.toArray(String[]::new)));

    serve(MORE_HEAP_MB, "limit", large, 0, "{EVENT_TOO_LARGE=" + ANSWERS + "}");
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void tasksThatAreNoneComeToTheirDeadLetter() {
    List<String> large = like("9-0", 1, ANSWERS);
    String body =
        "{\"status\":0,\"data\":{\"instanceId\":\"9-0\",\"graph\":\"{\\\"tasks\\\":[0"
            + ",0".repeat(900_000)
            + "]}\"}}";
    enos.faults()
        .set(
            Fault.status(200, "application/json", body),
            FaultScope.ids(large.toArray(String[]::new)));

    serve("zeros", large, 0, "{EVENT_TOO_LARGE=" + ANSWERS + "}");
  }

  @Test
  void anInstanceThatEveryTaskWouldRepeatComesToItsDeadLetter() {
    List<String> large = like("10-0", 1, ANSWERS);
    String tasks =
        IntStream.range(0, 10_000)
            .mapToObj("{\\\"taskInstId\\\":\\\"%d-0\\\"}"::formatted)
            .collect(Collectors.joining(","));
    String body =
        "{\"status\":0,\"data\":{\"instanceId\":\"10-0\",\"owner\":\"%s\",\"graph\":\"{\\\"tasks\\\":[%s]}\"}}"
            .formatted("o".repeat(100_000), tasks);
    enos.faults()
        .set(
            Fault.status(200, "application/json", body),
            FaultScope.ids(large.toArray(String[]::new)));

    serve("owners", large, 0, "{EVENT_TOO_LARGE=" + ANSWERS + "}");
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void namesOfOneHashComeToTheirOutcome() {
    List<String> large = like("11-0", 1, ANSWERS);
    String names =
        IntStream.range(0, 1 << 15)
            .mapToObj(
                i ->
                    Integer.toBinaryString(1 << 15 | i)
                        .substring(1)
                        .replace("0", "Aa")
                        .replace("1", "BB"))
            .map("\"%s\":0"::formatted)
            .collect(Collectors.joining(","));
    enos.faults()
        .set(
            Fault.status(
                200,
                "application/json",
                "{\"status\":0,\"data\":{\"flowId\":11,%s}}".formatted(names)),
            FaultScope.ids(large.toArray(String[]::new)));

    serve("hashes", large, 0, "{}");
  }
}
