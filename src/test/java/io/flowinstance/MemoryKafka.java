package io.flowinstance;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.camel.component.kafka.KafkaClientFactory;
import org.apache.camel.component.kafka.KafkaConfiguration;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.awaitility.core.ConditionTimeoutException;

/**
 * Kafka's own mock clients behind the real camel-kafka consumer and the real publisher: one lane,
 * one partition of ids, and what was committed.
 */
final class MemoryKafka implements KafkaClientFactory {
  static final TopicPartition IDS = new TopicPartition("flow-instance-ids", 0);
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final List<ConsumerRecord<Object, Object>> ids = new ArrayList<>();
  private final AtomicInteger consumersMade = new AtomicInteger();
  private IdConsumer consumer;
  private final MockProducer<byte[], byte[]> producer =
      new MockProducer<>(true, new ByteArraySerializer(), new ByteArraySerializer());

  Producer<byte[], byte[]> producer(int lane) {
    return producer;
  }

  /** Puts a record on the id topic; returns its offset. */
  synchronized long send(byte[] key, byte[] value, Headers headers) {
    long offset = ids.size();
    ConsumerRecord<Object, Object> idRecord =
        new ConsumerRecord<>(
            IDS.topic(),
            IDS.partition(),
            offset,
            1_700_000_000_000L + offset,
            TimestampType.CREATE_TIME,
            key == null ? -1 : key.length,
            value == null ? -1 : value.length,
            key,
            value,
            headers,
            Optional.empty());
    ids.add(idRecord);
    if (consumer != null) {
      IdConsumer now = consumer;
      now.schedulePollTask(() -> now.addRecord(idRecord));
    }
    return offset;
  }

  /** Waits until the offset after this one is committed. */
  void awaitCommitted(long offset) {
    assertTrue(
        isCommittedWithin(offset, PATIENCE), () -> "offset " + offset + " stays uncommitted");
  }

  /** Whether the offset after this one is committed in time. */
  boolean isCommittedWithin(long offset, Duration patience) {
    try {
      await()
          .atMost(patience)
          .pollInterval(Duration.ofMillis(2))
          .until(() -> committedOffset() > offset);
      return true;
    } catch (ConditionTimeoutException e) {
      return false;
    }
  }

  /** The offset up to which ids are done, 0 before the first commit. */
  long committedOffset() {
    List<Map<String, Map<TopicPartition, OffsetAndMetadata>>> commits =
        producer.consumerGroupOffsetsHistory();
    return commits.isEmpty()
        ? 0
        : commits.get(commits.size() - 1).values().stream()
            .mapToLong(offsets -> offsets.get(IDS).offset())
            .max()
            .orElse(0);
  }

  /** Everything that was committed, in order. */
  List<ProducerRecord<byte[], byte[]>> published() {
    return new ArrayList<>(producer.history());
  }

  /** How many consumers the lane has had; each but the first resumes at the committed offset. */
  int consumersMade() {
    return consumersMade.get();
  }

  @Override
  public Consumer<Object, Object> getConsumer(Properties properties) {
    consumersMade.incrementAndGet();
    return new IdConsumer();
  }

  @Override
  public Producer<Object, Object> getProducer(Properties properties) {
    throw new UnsupportedOperationException();
  }

  @Override
  public String getBrokers(KafkaConfiguration configuration) {
    return "in-memory:9092";
  }

  /** From the last committed offset on, as a real consumer resumes. */
  private synchronized void resumeAtCommitted(IdConsumer fresh) {
    long from = committedOffset();
    fresh.updateBeginningOffsets(Map.of(IDS, from));
    List<ConsumerRecord<Object, Object>> toCome =
        List.copyOf(ids.subList(Math.toIntExact(from), ids.size()));
    fresh.schedulePollTask(
        () -> {
          fresh.rebalance(List.of(IDS));
          toCome.forEach(fresh::addRecord);
        });
    consumer = fresh;
  }

  private final class IdConsumer extends MockConsumer<Object, Object> {
    IdConsumer() {
      super(OffsetResetStrategy.EARLIEST);
    }

    @Override
    public synchronized void subscribe(
        Collection<String> topics, ConsumerRebalanceListener listener) {
      super.subscribe(topics, listener);
      resumeAtCommitted(this);
    }

    @Override
    public ConsumerRecords<Object, Object> poll(Duration timeout) {
      ConsumerRecords<Object, Object> polled = super.poll(timeout);
      if (polled.isEmpty()) {
        // The mock returns at once; a real poll waits.
        try {
          TimeUnit.MILLISECONDS.sleep(1);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
      return polled;
    }
  }
}
