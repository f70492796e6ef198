package io.flowinstance.faults;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.harness.ApplicationProcess;
import io.flowinstance.harness.ExportedMetrics;
import io.flowinstance.simulator.EnosSimulator;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The packaged JAR with discover on: what is triggered in EnOS comes to the topic of ids. */
class DiscoverIT {
  private static final int PARTITIONS = 3;
  private static final String WATERMARK = "flow-instance-discover-watermark";
  private static final Pattern AGE =
      Pattern.compile("(?m)^flow_instance_discover_watermark_age_seconds (\\S+)$");
  private static final DateTimeFormatter SECOND = DateTimeFormatter.ofPattern("yyyyMMddHHmmss");
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private KafkaBroker broker;
  private EnosSimulator enos;
  private final List<ApplicationProcess> processes = new ArrayList<>();
  private final Set<String> triggered = new TreeSet<>();

  @BeforeEach
  void start() {
    broker = KafkaBroker.launch();
    broker.createTopics(
        PARTITIONS,
        "flow-instance-ids",
        "flow-instances",
        "task-statuses",
        "flow-instance-dead-letters");
    enos = EnosSimulator.start();
  }

  @AfterEach
  void stop() {
    processes.forEach(ApplicationProcess::close);
    enos.close();
    broker.close();
  }

  private ApplicationProcess launch() {
    Map<String, String> environment = new HashMap<>();
    environment.put("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrapServers());
    environment.put("KAFKA_SESSION_TIMEOUT_MS", "6000");
    environment.put("ENOS_BASE_URL", enos.baseUrl());
    environment.put("ENOS_AUTH", "none");
    environment.put("ENOS_USER_ID", "yourUserId");
    environment.put("ENOS_ORG_ID", "yourOrgId");
    environment.put("FETCH_RETRY_BUDGET_MS", "500");
    environment.put("DISCOVER_ENABLED", "true");
    environment.put("DISCOVER_INTERVAL_MS", "500");
    environment.put("DISCOVER_TYPES", "PERIODIC");
    ApplicationProcess process = ApplicationProcess.start(environment);
    processes.add(process);
    return process;
  }

  private static boolean searches(ApplicationProcess process) {
    Matcher age = AGE.matcher(process.metrics());
    return age.find() && Double.parseDouble(age.group(1)) > 0;
  }

  private static void awaitThat(String what, Callable<Boolean> condition) {
    await(what).atMost(PATIENCE).pollInterval(Duration.ofMillis(100)).until(condition);
  }

  /** Triggers instances of five workflows, which end at once. */
  private void trigger() {
    String now = SECOND.format(LocalDateTime.now(ZoneOffset.UTC));
    List<String> ids = new ArrayList<>();
    for (int tasks = 1; tasks <= 5; tasks++) {
      ids.add(100_000 + tasks + "-" + now);
    }
    enos.instances().know(ids);
    triggered.addAll(ids);
  }

  private void triggerFor(Duration time) {
    long end = System.nanoTime() + time.toNanos();
    await()
        .atMost(time.plus(PATIENCE))
        .pollInterval(Duration.ofMillis(300))
        .until(
            () -> {
              trigger();
              return System.nanoTime() - end > 0;
            });
  }

  /** How often each id is on the topic. */
  private Map<String, Integer> published() {
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of(
                "bootstrap.servers", broker.bootstrapServers(),
                "isolation.level", "read_committed",
                "auto.offset.reset", "earliest"),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      List<TopicPartition> partitions = new ArrayList<>();
      for (int number = 0; number < PARTITIONS; number++) {
        partitions.add(new TopicPartition("flow-instance-ids", number));
      }
      consumer.assign(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      Map<String, Integer> published = new LinkedHashMap<>();
      while (partitions.stream().anyMatch(each -> consumer.position(each) < ends.get(each))) {
        consumer
            .poll(Duration.ofMillis(200))
            .forEach(each -> published.merge(new String(each.value(), UTF_8), 1, Integer::sum));
      }
      return published;
    }
  }

  private void awaitAllPublished() {
    awaitThat("all are published", () -> published().keySet().containsAll(triggered));
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void anotherProcessGoesOnWhereAKilledOneStoppedAndMissesNothing() {
    broker.createTopics(1, WATERMARK);
    ApplicationProcess first = launch().awaitReady();
    awaitThat("the first searches", () -> searches(first));
    ApplicationProcess second = launch().awaitReady();
    triggerFor(Duration.ofSeconds(4));
    awaitAllPublished();
    assertEquals(Set.of(1), Set.copyOf(published().values()), "each once");
    Set<String> beforeTheKill = Set.copyOf(triggered);
    boolean firstSearches = searches(first);
    assertTrue(firstSearches ^ searches(second), "one of them searches");

    (firstSearches ? first : second).kill();
    triggerFor(Duration.ofSeconds(10));
    awaitThat("the other searches", () -> searches(firstSearches ? second : first));
    awaitAllPublished();

    Map<String, Integer> published = published();
    assertEquals(triggered, new TreeSet<>(published.keySet()));
    published.forEach((id, times) -> assertTrue(times <= (beforeTheKill.contains(id) ? 2 : 1), id));

    ApplicationProcess survivor = firstSearches ? second : first;
    SortedSet<String> missing = ExportedMetrics.ofPipeline();
    missing.removeIf(name -> !name.startsWith("flow_instance_discover_"));
    assertFalse(missing.isEmpty());
    missing.removeAll(ExportedMetrics.inScrape(survivor.metrics()));
    assertEquals(Set.of(), missing);
    assertEquals(0, survivor.stop(PATIENCE));
    trigger();
    ApplicationProcess third = launch().awaitReady();
    awaitThat("the third searches", () -> searches(third));
    awaitAllPublished();
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void whatIsMissingIsWaitedForAndNothingElseStops() {
    ApplicationProcess process = launch();
    process.awaitUnready(PATIENCE, "Topic " + WATERMARK + " does not exist");
    assertTrue(process.health("live").startsWith("200 "), process.health("live"));
    broker.createTopics(1, WATERMARK);
    process.awaitReady();
    trigger();
    awaitAllPublished();

    enos.faults().set(Fault.status(403), FaultScope.all());
    process.awaitUnready(PATIENCE, "The EnOS API cannot be searched for new instances.");
    trigger();
    enos.faults().clear();
    process.awaitReady();
    awaitAllPublished();
    assertEquals(Set.of(1), Set.copyOf(published().values()), "each once");

    broker.kill();
    trigger();
    broker.start();
    awaitAllPublished();
    process.awaitReady();
  }
}
