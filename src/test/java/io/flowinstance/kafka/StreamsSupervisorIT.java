package io.flowinstance.kafka;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.broker.KafkaBroker;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

@Timeout(240)
class StreamsSupervisorIT {
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  private final CountDownLatch goesOn = new CountDownLatch(1);
  @TempDir private Path directory;

  /** Reads, and waits at each record as for a broker that does not take what is written. */
  private Topology topology(int partitions) {
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream("read", Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
        .foreach(
            (key, value) -> {
              try {
                goesOn.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    return builder.build();
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void aPauseBetweenTwoPollsShowsAfterAMinute() {
    try (KafkaBroker broker = KafkaBroker.launch()) {
      broker.createTopics(1, "read", "written");
      KafkaClients clients =
          new KafkaClients(() -> Map.of("bootstrap.servers", broker.bootstrapServers()));
      Properties settings = new Properties();
      settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "feed");
      settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, broker.bootstrapServers());
      settings.put(StreamsConfig.STATE_DIR_CONFIG, directory.toString());
      List<String> topics = List.of("read", "written");
      try (AdminBrokers brokers = new AdminBrokers(clients::admin)) {
        KafkaHealth health =
            new KafkaHealth(brokers, broker.bootstrapServers(), topics, System::nanoTime);
        try (StreamsSupervisor supervisor =
            new StreamsSupervisor(
                this::topology,
                settings,
                clients,
                brokers,
                topics,
                List.of(),
                health,
                Duration.ofSeconds(10))) {
          supervisor.start();
          await().atMost(PATIENCE).until(supervisor::isRunning);
          assertEquals("", supervisor.notRunning());

          try (Producer<byte[], byte[]> producer = clients.producer(Map.of())) {
            producer.send(new ProducerRecord<>("read", new byte[1]));
          }
          await()
              .atMost(PATIENCE)
              .until(
                  () -> {
                    health.look();
                    return !supervisor.isRunning();
                  });
          String said = supervisor.notRunning();
          assertTrue(said.startsWith("Kafka does not take what the change feed writes."), said);
          assertTrue(said.contains("all partitions of written, and of the topics whose"), said);
          assertEquals("", supervisor.stuck());

          goesOn.countDown();
          await().atMost(PATIENCE).until(supervisor::isRunning);
          assertEquals("", supervisor.notRunning());
        } finally {
          goesOn.countDown();
        }
      }
    }
  }
}
