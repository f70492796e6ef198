package io.flowinstance.watch;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.event.Times;
import io.flowinstance.json.Json;
import io.flowinstance.metrics.WatchMetrics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class WatchTopologyIT {
  @TempDir private Path directory;

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void anotherProcessGoesOnFromTheChangelogAndPublishesEachChangeOnce() throws Exception {
    try (KafkaBroker broker = KafkaBroker.launch()) {
      broker.createTopics(1, "flow-instances", "flow-instance-ids", "flow-instance-transitions");
      try (KafkaStreams streams = streams(broker, "first")) {
        start(streams);
        observe(broker, "i", "RUNNING", Instant.now());
        await().atMost(Duration.ofSeconds(60)).until(() -> transitions(broker).size() == 2);
        // The id is sent back about ten seconds later: by then the observation is committed.
        await()
            .atMost(Duration.ofSeconds(60))
            .untilAsserted(
                () ->
                    assertEquals(
                        List.of("{\"flowInstId\":\"i\",\"userId\":\"u\",\"orgId\":\"o\"}"),
                        values(broker, "flow-instance-ids")));
      }
      try (KafkaStreams streams = streams(broker, "second")) {
        start(streams);
        observe(broker, "i", "SUCCESS", Instant.now());
        await().atMost(Duration.ofSeconds(60)).until(() -> transitions(broker).size() > 2);
      }
      assertEquals(
          List.of("1 - → RUNNING", "2 - → RUNNING", "3 RUNNING → SUCCESS"), transitions(broker));
    }
  }

  private KafkaStreams streams(KafkaBroker broker, String process) {
    Properties properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "watch");
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, broker.bootstrapServers());
    properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    properties.put(StreamsConfig.STATE_DIR_CONFIG, directory.resolve(process).toString());
    // A member of a group of Kafka Streams does not leave it when it is closed.
    properties.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, 6_000);
    properties.put(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, 1_000);
    properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    WatchMetrics metrics = new WatchMetrics(new SimpleMeterRegistry(), WatchBed.STATES);
    return new KafkaStreams(
        WatchTopology.of(
            WatchBed.settings("now", 100, 100), (id, sentAt) -> false, metrics, Clock.systemUTC()),
        properties);
  }

  private static void start(KafkaStreams streams) {
    streams.start();
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> streams.state() == KafkaStreams.State.RUNNING);
  }

  private static void observe(KafkaBroker broker, String id, String status, Instant fetchedAt) {
    String message =
        """
        {"instanceId":"%s","status":2,"graph":{"tasks":[{"taskInstId":"a","status":"%s"}],
        "unreadableTasks":[]},"enrichment":{"settled":false,"userId":"u","orgId":"o",
        "observationId":"flow-instance-ids-0-0","fetchedAt":"%s"}}"""
            .formatted(id, status, Times.text(fetchedAt));
    try (KafkaProducer<String, String> producer =
        new KafkaProducer<>(
            Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, broker.bootstrapServers()),
            new StringSerializer(),
            new StringSerializer())) {
      producer.send(new ProducerRecord<>("flow-instances", id, message));
    }
  }

  private static List<String> transitions(KafkaBroker broker) throws Exception {
    List<String> transitions = new ArrayList<>();
    for (String value : values(broker, "flow-instance-transitions")) {
      var json = Json.read(value);
      transitions.add(
          "%s %s → %s"
              .formatted(
                  json.get("sequence"),
                  json.path("previousStatus").asText("-"),
                  json.get("status").textValue()));
    }
    return transitions;
  }

  /** What a {@code read_committed} reader sees. */
  private static List<String> values(KafkaBroker broker, String topic) {
    try (KafkaConsumer<String, String> consumer =
        new KafkaConsumer<>(
            Map.of(
                ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                broker.bootstrapServers(),
                ConsumerConfig.ISOLATION_LEVEL_CONFIG,
                "read_committed"),
            new StringDeserializer(),
            new StringDeserializer())) {
      TopicPartition partition = new TopicPartition(topic, 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      long end = consumer.endOffsets(List.of(partition)).get(partition);
      List<String> values = new ArrayList<>();
      while (consumer.position(partition) < end) {
        for (ConsumerRecord<String, String> each : consumer.poll(Duration.ofMillis(200))) {
          values.add(each.value());
        }
      }
      return values;
    }
  }
}
