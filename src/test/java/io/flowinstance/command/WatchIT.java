package io.flowinstance.command;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.harness.ApplicationProcess;
import io.flowinstance.harness.ExportedMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** The packaged JAR with {@code watch}, as a process before a real broker. */
@Timeout(180)
class WatchIT {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private static KafkaBroker broker;

  @BeforeAll
  static void start() {
    broker = KafkaBroker.launch();
    broker.createTopics(2, "flow-instance-ids", "flow-instances");
  }

  @AfterAll
  static void stop() {
    broker.close();
  }

  private static Map<String, String> environment(Path folder, String... jvmOptions) {
    Map<String, String> environment = new HashMap<>();
    environment.put("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrapServers());
    environment.put(
        "JAVA_TOOL_OPTIONS",
        "-Djava.io.tmpdir=%s %s".formatted(folder, String.join(" ", jvmOptions)));
    return environment;
  }

  @Test
  void waitsForAMissingTopicStartsByItselfAndStopsWhenItIsAsked(@TempDir Path folder)
      throws IOException {
    try (ApplicationProcess watch = ApplicationProcess.start(environment(folder), "watch")) {
      watch.awaitUnready(PATIENCE, "Topic flow-instance-transitions does not exist: create it.");
      assertTrue(watch.health("started").startsWith("200 "));
      assertTrue(watch.health("live").startsWith("200 "));
      assertTrue(watch.metrics().contains("\nflow_instance_watch_running 0.0"), watch.metrics());

      broker.createTopics(2, "flow-instance-transitions");
      watch.awaitReady();

      assertTrue(watch.health("live").startsWith("200 "));
      await()
          .atMost(PATIENCE)
          .until(() -> watch.metrics().contains("\nflow_instance_watch_running 1.0"));
      SortedSet<String> missing = ExportedMetrics.ofWatch();
      missing.removeAll(ExportedMetrics.inScrape(watch.metrics()));
      assertEquals(Set.of(), missing);
      assertEquals(0, watch.stop(PATIENCE), watch::output);
      String log = watch.output();
      assertEquals(1, log.split("does not exist: create it. Trying again", -1).length - 1, log);
      assertTrue(log.contains("Resolved: Topic flow-instance-transitions"), log);
      assertTrue(log.lines().noneMatch(line -> line.matches(".* ERROR .*|\\s+at .*")), log);
    }
    try (Stream<Path> left = Files.list(folder)) {
      assertEquals(List.of(), left.toList(), "it keeps nothing on the disk");
    }
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void goesOnByItselfWhenTheBrokerIsBack(@TempDir Path folder) {
    broker.createTopics(2, "other-transitions");
    Map<String, String> environment = environment(folder);
    environment.put("TOPIC_TRANSITIONS", "other-transitions");
    environment.put("KAFKA_GROUP_ID", "other");
    try (ApplicationProcess watch = ApplicationProcess.start(environment, "watch").awaitReady()) {
      broker.kill();
      watch.awaitUnready(PATIENCE, "Kafka does not answer at");
      assertTrue(watch.health("live").startsWith("200 "));

      broker.start();
      watch.awaitReady();

      await()
          .atMost(PATIENCE)
          .until(() -> watch.metrics().contains("\nflow_instance_watch_running 1.0"));
      assertEquals(0, watch.stop(PATIENCE), watch::output);
    }
  }

  @Test
  void reportsTheFaultsOfTheSettingsThatItUses() {
    CommandRun run =
        CommandRun.of(
            Map.of("WATCH_INTERVAL_MS", "0", "WATCH_FROM", "soon", "KAFKA_GROUP_ID", ""), "watch");

    assertEquals(2, run.exitCode());
    assertTrue(run.err().contains("WATCH_INTERVAL_MS (watch.interval-ms) is \"0\""), run.err());
    assertTrue(run.err().contains("WATCH_FROM (watch.from) is \"soon\""), run.err());
    assertTrue(run.err().contains("KAFKA_GROUP_ID (kafka.group-id) is missing"), run.err());
    assertFalse(run.err().contains("ENOS_"), run.err());
  }

  @Test
  void thePipelineLoadsNoClassOfIt(@TempDir Path folder) throws IOException {
    Path classes = folder.resolve("classes.log");
    Map<String, String> environment =
        environment(folder, "-Xlog:class+load:file=%s".formatted(classes));
    environment.put("ENOS_AUTH", "none");
    environment.put("ENOS_BASE_URL", "http://localhost:1");
    environment.put("ENOS_USER_ID", "u");
    environment.put("ENOS_ORG_ID", "o");
    try (ApplicationProcess pipeline = ApplicationProcess.start(environment)) {
      await().atMost(PATIENCE).until(() -> pipeline.health("started").startsWith("200 "));
    }
    String loaded = Files.readString(classes);
    assertTrue(loaded.contains("io.flowinstance.kafka.PollLoop"));
    assertFalse(loaded.contains("org.apache.kafka.streams."));
    assertFalse(loaded.contains("io.flowinstance.watch."));
  }
}
