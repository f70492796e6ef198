package io.flowinstance.delivery;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.metrics.PipelineMetrics;
import io.flowinstance.trace.Traces;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;

class PublisherTest {
  private static final int LIMIT = 10_000;
  private static final ConsumerGroupMetadata GENERATION = new ConsumerGroupMetadata("group");

  private final MeterRegistry meters = new SimpleMeterRegistry();
  private final PipelineMetrics metrics =
      new PipelineMetrics(meters, Set.of("EVENT_TOO_LARGE", "MALFORMED_ID"), Set.of());
  private final List<MockProducer<byte[], byte[]>> producers = new ArrayList<>();
  private final Publisher publisher = publisher(LIMIT);
  private KafkaException failCommit;
  private int brokerLimit = Integer.MAX_VALUE;

  private Publisher publisher(int limit) {
    return new Publisher(
        this::producer,
        new EventMessages("events", "task-events"),
        new DeadLetters("dead-letters", Clock.systemUTC()),
        2,
        limit,
        metrics,
        Traces.off(),
        Clock.systemUTC());
  }

  private void publish(Outcome... outcomes) {
    publisher.publish(0, List.of(outcomes), GENERATION);
  }

  private MockProducer<byte[], byte[]> producer(int lane) {
    MockProducer<byte[], byte[]> producer =
        new MockProducer<>(true, new ByteArraySerializer(), new ByteArraySerializer()) {
          private KafkaException broken;

          @Override
          public synchronized java.util.concurrent.Future<RecordMetadata> send(
              ProducerRecord<byte[], byte[]> message, Callback callback) {
            if (message.value() != null && message.value().length > brokerLimit) {
              broken = new KafkaException("aborted");
              callback.onCompletion(null, new RecordTooLargeException("over the topic's limit"));
            }
            return super.send(message, callback);
          }

          @Override
          public void commitTransaction() {
            KafkaException failure = broken != null ? broken : failCommit;
            broken = null;
            failCommit = null;
            if (failure != null) {
              throw failure;
            }
            super.commitTransaction();
          }
        };
    producers.add(producer);
    return producer;
  }

  private Outcome outcome(int partition, long offset, String... values) {
    IdRecord idRecord =
        new IdRecord(
            new TopicPartition("ids", partition),
            offset,
            1L,
            "k".getBytes(UTF_8),
            "id".getBytes(UTF_8),
            new RecordHeaders().add("h", "v".getBytes(UTF_8)),
            new RecordOrigin(null, null, 0));
    List<ProducerRecord<byte[], byte[]>> messages = new ArrayList<>();
    for (String value : values) {
      messages.add(new ProducerRecord<>("events", value.getBytes(UTF_8)));
    }
    return Outcome.of(idRecord, messages);
  }

  private static List<String> values(MockProducer<byte[], byte[]> producer) {
    return producer.history().stream().map(m -> new String(m.value(), UTF_8)).toList();
  }

  private static String header(ProducerRecord<byte[], byte[]> message, String name) {
    return new String(message.headers().lastHeader("dead-letter-" + name).value(), UTF_8);
  }

  @Test
  void commitsAllOutcomesAndTheirOffsetsTogether() {
    publish(outcome(0, 7, "a", "b"), outcome(1, 3, "c"), outcome(0, 8, "d"));

    MockProducer<byte[], byte[]> producer = producers.get(0);
    assertEquals(List.of("a", "b", "c", "d"), values(producer));
    assertEquals(1, producer.commitCount());
    assertEquals(
        List.of(
            Map.of(
                "group",
                Map.of(
                    new TopicPartition("ids", 0), new OffsetAndMetadata(9),
                    new TopicPartition("ids", 1), new OffsetAndMetadata(4)))),
        producer.consumerGroupOffsetsHistory());
  }

  @Test
  void countsAMessageByItsTopicWhereverItStands() {
    IdRecord idRecord = outcome(0, 7, "a").idRecord();
    ProducerRecord<byte[], byte[]> instance = new ProducerRecord<>("events", new byte[0]);
    ProducerRecord<byte[], byte[]> task = new ProducerRecord<>("task-events", new byte[0]);

    publish(Outcome.of(idRecord, List.of(task, instance, task, task)));

    assertEquals(1, messages("flow_instance"));
    assertEquals(3, messages("task_status"));
    assertEquals(0, messages("dead_letter"));
    assertEquals(
        1, meters.get("flow.instance.outcomes").tag("outcome", "events").counter().count());
  }

  private double messages(String kind) {
    return meters.get("flow.instance.messages").tag("message", kind).counter().count();
  }

  @Test
  void abortsWhatItCannotCommitAndGoesOnWithTheSameProducer() {
    failCommit = new KafkaException("not now");

    assertThrows(KafkaException.class, () -> publish(outcome(0, 7, "a")));
    publish(outcome(0, 7, "a"));

    assertEquals(1, producers.size());
    assertEquals(List.of("a"), values(producers.get(0)));
  }

  @Test
  void goesOnWithANewProducerAfterAFence() {
    publish(outcome(0, 6, "a"));
    producers.get(0).fenceProducer();

    assertThrows(ProducerFencedException.class, () -> publish(outcome(0, 7, "b")));
    publish(outcome(0, 7, "b"));

    assertTrue(producers.get(0).closed());
    assertEquals(List.of("b"), values(producers.get(1)));
  }

  @Test
  void givesEachLaneAProducerOfItsOwn() {
    publisher.publish(0, List.of(outcome(0, 1, "a")), GENERATION);
    publisher.publish(1, List.of(outcome(1, 1, "b")), GENERATION);

    assertEquals(2, producers.size());
  }

  @Test
  void deadLettersAnEventLargerThanTheProducerSends() {
    publish(outcome(0, 1, "a"), outcome(0, 2, "x".repeat(LIMIT)), outcome(0, 3, "c"));

    List<ProducerRecord<byte[], byte[]>> published = producers.get(0).history();
    assertEquals("dead-letters", published.get(1).topic());
    assertEquals("EVENT_TOO_LARGE", header(published.get(1), "reason"));
    assertArrayEquals("id".getBytes(UTF_8), published.get(1).value());
    assertEquals(3, published.size());
  }

  @Test
  void deadLettersAnEventThatOnlyTheBrokerFindsTooLarge() {
    brokerLimit = 100;
    publish(outcome(0, 1, "a"), outcome(0, 2, "b", "x".repeat(101)));

    List<ProducerRecord<byte[], byte[]>> published = producers.get(0).history();
    assertEquals(2, published.size());
    assertEquals("events", published.get(0).topic());
    assertEquals("EVENT_TOO_LARGE", header(published.get(1), "reason"));
    assertEquals("2", header(published.get(1), "offset"));
  }

  @Test
  void leavesTheValueOutOfADeadLetterThatIsItselfTooLarge() {
    Outcome huge = outcome(0, 1, "a");
    IdRecord idRecord =
        new IdRecord(
            new TopicPartition("ids", 0),
            1,
            1L,
            null,
            new byte[LIMIT],
            new RecordHeaders(),
            huge.idRecord().origin());
    ProducerRecord<byte[], byte[]> deadLetter =
        new DeadLetters("dead-letters", Clock.systemUTC())
            .of(idRecord, DeadLetterReason.MALFORMED_ID, "No id.", DeadLetters.Call.NONE);

    publish(Outcome.of(idRecord, List.of(deadLetter)));

    ProducerRecord<byte[], byte[]> published = producers.get(0).history().get(0);
    assertNull(published.value());
    assertEquals("ids", header(published, "topic"));
    assertEquals("0", header(published, "partition"));
    assertEquals("1", header(published, "offset"));
  }
}
