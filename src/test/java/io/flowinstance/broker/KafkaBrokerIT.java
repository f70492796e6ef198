package io.flowinstance.broker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.harness.FreePort;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
@EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
class KafkaBrokerIT {
  @Test
  void keepsPortAndDataOverAKillAndSharesItsPortWithNoOther() throws Exception {
    Path directory;
    KafkaBroker closed;
    try (KafkaBroker broker = KafkaBroker.launch()) {
      closed = broker;
      directory = broker.log().getParent();
      String address = broker.bootstrapServers();
      broker.createTopics(3, "kept");
      try (var producer = new KafkaProducer<String, String>(transactional(broker))) {
        producer.initTransactions();
        producer.beginTransaction();
        producer.send(new ProducerRecord<>("kept", 0, "key", "value")).get();
        producer.commitTransaction();
      }

      broker.kill();
      broker.start();

      assertEquals(address, broker.bootstrapServers());
      assertEquals(List.of("value"), committedValues(broker));

      IllegalStateException failure =
          assertThrows(IllegalStateException.class, () -> KafkaBroker.launch(broker.port()));
      assertTrue(failure.getMessage().contains("did not answer"), failure.getMessage());
      assertEquals(
          "Another Kafka answers on port " + broker.port(), failure.getCause().getMessage());
    }
    closed.close();
    assertFalse(Files.exists(directory), "close() deletes the broker's own directory");
  }

  @Test
  void saysWhatItsLogSaysWhenItCannotStart(@TempDir Path directory) throws Exception {
    Files.createDirectories(directory.resolve("data"));
    Files.writeString(
        directory.resolve("data/meta.properties"), "version=1\nnode.id=2\ncluster.id=other\n");
    IllegalStateException failure =
        assertThrows(
            IllegalStateException.class, () -> KafkaBroker.launch(FreePort.pick(), directory));
    assertTrue(failure.getMessage().contains("Stored node id 2"), failure.getMessage());
  }

  private static List<String> committedValues(KafkaBroker broker) {
    try (var consumer =
        new KafkaConsumer<>(
            Map.of(
                "bootstrap.servers", broker.bootstrapServers(),
                "isolation.level", "read_committed",
                "auto.offset.reset", "earliest"),
            new StringDeserializer(),
            new StringDeserializer())) {
      consumer.assign(List.of(new TopicPartition("kept", 0)));
      for (List<ConsumerRecord<String, String>> records; ; ) {
        records = consumer.poll(Duration.ofSeconds(1)).records(new TopicPartition("kept", 0));
        if (!records.isEmpty()) {
          return records.stream().map(ConsumerRecord::value).toList();
        }
      }
    }
  }

  private static Map<String, Object> transactional(KafkaBroker broker) {
    return Map.of(
        "bootstrap.servers",
        broker.bootstrapServers(),
        "transactional.id",
        "test",
        "key.serializer",
        StringSerializer.class,
        "value.serializer",
        StringSerializer.class);
  }
}
