package io.flowinstance.kamelet;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.harness.FreePort;
import io.flowinstance.harness.Manifests;
import io.flowinstance.json.Json;
import io.flowinstance.json.MalformedJsonException;
import io.flowinstance.simulator.EnosSimulator;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import io.flowinstance.simulator.HttpListener;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.camel.component.kamelet.KameletComponent;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The route that uses the Kamelet, as it stands in its manifest, against a real broker. */
@Timeout(120)
class FetchActionIT {
  private static final String GOOD = "2438-201907261239";
  private static final String REJECTED = "404-20260101000000";
  private static final String DEAD_LETTERS = "flow-instances-to-http-dead-letters";

  private final KafkaBroker broker = KafkaBroker.launch();
  private final EnosSimulator enos = EnosSimulator.start();
  private final List<String> received = new CopyOnWriteArrayList<>();
  private volatile boolean receiverIsDown;
  private final HttpListener receiver =
      new HttpListener(
          FreePort.pick(),
          (request, connection) -> {
            if (receiverIsDown) {
              connection.send(503, Map.of(), new byte[0]);
            } else {
              received.add(subject(request.body()));
              connection.send(200, Map.of(), new byte[0]);
            }
          });
  private final DefaultCamelContext context = new DefaultCamelContext();

  private static String subject(byte[] batch) {
    try {
      return Json.read(batch).at("/0/subject").textValue();
    } catch (MalformedJsonException e) {
      return e.getMessage();
    }
  }

  @BeforeEach
  void start() throws Exception {
    broker.createTopics(1, "flow-instance-ids");
    KameletComponent kamelets = new KameletComponent();
    kamelets.setLocation("file:k8s/camel-k/kamelet");
    context.addComponent("kamelet", kamelets);
    ObjectNode manifest = Manifests.one("camel-k/kamelet/integration.yaml", "Integration");
    String flows =
        manifest
            .at("/spec/flows")
            .toString()
            .replaceAll("\"(securityProtocol|sasl\\w+|sslTruststore\\w+)\":\"[^\"]*\",?", "")
            .replace(",}", "}")
            .replace("kafka-kafka-bootstrap.kafka:9093", broker.bootstrapServers())
            .replace("https://apigw.example", enos.baseUrl())
            .replace("https://receiver.example", "http://localhost:" + receiver.port())
            .replaceAll("\\{\\{secret:[^}]*APP_KEY}}", "simulator-key")
            .replaceAll("\\{\\{secret:[^}]*}}", "simulator-secret")
            .replace("\"redeliveryDelay\":1000", "\"redeliveryDelay\":10")
            .replace("\"maximumRedeliveryDelay\":10000", "\"maximumRedeliveryDelay\":20");
    PluginHelper.getRoutesLoader(context)
        .loadRoutes(ResourceHelper.fromBytes("flows.yaml", flows.getBytes(UTF_8)));
    context.start();
  }

  @AfterEach
  void stop() {
    context.stop();
    receiver.close();
    enos.close();
    broker.close();
  }

  private void send(String... ids) {
    try (var producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", broker.bootstrapServers()),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      for (String id : ids) {
        producer.send(new ProducerRecord<>("flow-instance-ids", id.getBytes(UTF_8)));
      }
    }
  }

  private void awaitCommitted(long offset) {
    TopicPartition partition = new TopicPartition("flow-instance-ids", 0);
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()))) {
      await()
          .atMost(Duration.ofSeconds(60))
          .until(
              () -> {
                var committed =
                    admin
                        .listConsumerGroupOffsets("flow-instances-to-http")
                        .partitionsToOffsetAndMetadata()
                        .get()
                        .get(partition);
                return committed != null && committed.offset() == offset;
              });
    }
  }

  /** What stands on the topic of the dead letters. */
  private List<ConsumerRecord<byte[], byte[]>> deadLetters() {
    try (var consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", broker.bootstrapServers()),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      TopicPartition partition = new TopicPartition(DEAD_LETTERS, 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      long end = consumer.endOffsets(List.of(partition)).get(partition);
      List<ConsumerRecord<byte[], byte[]>> read = new ArrayList<>();
      while (consumer.position(partition) < end) {
        read.addAll(consumer.poll(Duration.ofMillis(100)).records(partition));
      }
      return read;
    }
  }

  @Test
  void anIdIsCommittedOnceItsEventsAreReceivedOrItIsADeadLetter() {
    broker.createTopics(1, DEAD_LETTERS);
    enos.faults().set(Fault.status(503), FaultScope.next(2));
    send(GOOD, REJECTED, GOOD);
    awaitCommitted(3);

    List<ConsumerRecord<byte[], byte[]>> dead = deadLetters();
    assertEquals(List.of(GOOD, GOOD), received, dead::toString);
    assertEquals(1, dead.size());
    assertEquals(REJECTED, new String(dead.get(0).value(), UTF_8));
    String why = new String(dead.get(0).headers().lastHeader("dead-letter-message").value(), UTF_8);
    assertTrue(why.startsWith("The API rejects this id"), why);
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void anIdThatNeitherTheReceiverNorTheDeadLettersTakeIsReadAgain() {
    receiverIsDown = true;
    send(GOOD, REJECTED);
    await().atMost(Duration.ofSeconds(60)).until(() -> enos.traffic().callsOf(GOOD) >= 2);
    receiverIsDown = false;
    broker.createTopics(1, DEAD_LETTERS);
    awaitCommitted(2);

    assertTrue(received.contains(GOOD) || deadLetters().size() == 2);
    assertTrue(
        deadLetters().stream().anyMatch(each -> REJECTED.equals(new String(each.value(), UTF_8))));
  }
}
