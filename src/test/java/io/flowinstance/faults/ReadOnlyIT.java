package io.flowinstance.faults;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.harness.ApplicationProcess;
import io.flowinstance.simulator.EnosSimulator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The packaged JAR where there is no temporary folder, and what it leaves where there is one. */
class ReadOnlyIT {
  private static KafkaBroker broker;
  private static EnosSimulator enos;

  @TempDir private Path folder;

  @BeforeAll
  static void start() {
    broker = KafkaBroker.launch();
    enos = EnosSimulator.start();
  }

  @AfterAll
  static void stop() {
    enos.close();
    broker.close();
  }

  private Path none() throws IOException {
    // Not even root can make a folder below a file.
    return Files.writeString(folder.resolve("file"), "").resolve("none");
  }

  /** Sends an id in this compression, and starts a pipeline that answers in it. */
  private static ApplicationProcess launch(Topics topics, String compression, Path temporary) {
    Map<String, String> environment = topics.environment(broker.bootstrapServers(), enos);
    environment.put("KAFKA_COMPRESSION_TYPE", compression);
    environment.put("JAVA_TOOL_OPTIONS", "-Djava.io.tmpdir=" + temporary);
    try (KafkaProducer<String, String> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", broker.bootstrapServers(), "compression.type", compression),
            new StringSerializer(),
            new StringSerializer())) {
      producer.send(new ProducerRecord<>(topics.ids(), "7-0000000001"));
    }
    return ApplicationProcess.start(environment);
  }

  /** Serves ids that came in this compression, and answers in it, with this temporary folder. */
  private static void serve(String compression, String scenario, Path temporary) {
    Topics topics = Topics.create(broker, scenario);
    try (ApplicationProcess process = launch(topics, compression, temporary);
        Audit audit = new Audit(broker.bootstrapServers(), topics)) {
      audit.readAll(1, Duration.ofSeconds(30));
      assertEquals(1, audit.read(Duration.ZERO));
      process.awaitReady();
      assertEquals(0, process.stop(Duration.ofSeconds(30)), process::output);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = "lz4")
  void worksWithoutATemporaryFolder(String compression) throws IOException {
    serve(compression, "without-" + compression, none());
  }

  @ParameterizedTest
  @ValueSource(strings = "zstd")
  void saysThatACompressionNeedsATemporaryFolder(String compression) throws IOException {
    Topics topics = Topics.create(broker, "needs-" + compression);
    try (ApplicationProcess process = launch(topics, compression, none())) {
      await()
          .atMost(Duration.ofSeconds(30))
          .until(() -> process.health("ready").contains("cannot be unpacked"));
      assertTrue(process.health("live").startsWith("200 "));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = "zstd")
  void leavesNothingInItsTemporaryFolder(String compression) throws IOException {
    serve(compression, "within-" + compression, folder);

    try (Stream<Path> left = Files.list(folder)) {
      assertEquals(List.of(), left.toList());
    }
  }

  @ParameterizedTest
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  @ValueSource(strings = {"check", "replay-dead-letters"})
  void noCommandNeedsATemporaryFolder(String command) throws IOException {
    Topics topics = Topics.create(broker, "command-" + command);
    Map<String, String> environment = topics.environment(broker.bootstrapServers(), enos);
    environment.put("JAVA_TOOL_OPTIONS", "-Djava.io.tmpdir=" + none());
    try (ApplicationProcess process = ApplicationProcess.start(environment, command)) {
      int code = process.awaitEnd(Duration.ofSeconds(60));

      assertEquals(0, code, process::output);
      assertTrue(process.output().length() > 0);
    }
  }
}
