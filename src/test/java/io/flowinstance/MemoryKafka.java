package io.flowinstance;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
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
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
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
  private List<ConsumerRecord<Object, Object>> together;
  private final AtomicLong skipped = new AtomicLong();
  private final AtomicLong bytes = new AtomicLong();
  private volatile CountDownLatch commits = new CountDownLatch(0);
  private volatile boolean answers = true;
  private volatile boolean member = true;
  private volatile boolean committing;
  private final MockProducer<byte[], byte[]> producer =
      new MockProducer<>(true, new ByteArraySerializer(), new ByteArraySerializer()) {
        @Override
        public void commitTransaction() {
          try {
            committing = true;
            commits.await();
            committing = false;
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          super.commitTransaction();
        }
      };

  /** The time of this Kafka's clients, as {@link System#nanoTime()}. */
  long nanoTime() {
    return System.nanoTime() + skipped.get();
  }

  /** Moves the time on; what has not happened since has not happened for so long. */
  void skip(Duration time) {
    skipped.addAndGet(time.toNanos());
  }

  /** Whether the consumer's metrics tell of a broker that answers. */
  void answers(boolean now) {
    answers = now;
  }

  /** Whether the consumer's metrics tell of a group that has it as a member. */
  void member(boolean now) {
    member = now;
  }

  /** Lets every commit hang until {@link #goOn()}. */
  void hang() {
    commits = new CountDownLatch(1);
  }

  /** Whether a commit is under way. */
  boolean isCommitting() {
    return committing;
  }

  void goOn() {
    commits.countDown();
  }

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
    if (together != null) {
      together.add(idRecord);
    } else if (consumer != null) {
      comeInOnePoll(consumer, List.of(idRecord));
    }
    return offset;
  }

  /** What is sent meanwhile, one poll brings. */
  synchronized void together(Runnable sends) {
    together = new ArrayList<>();
    sends.run();
    comeInOnePoll(consumer, List.copyOf(together));
    together = null;
  }

  private static void comeInOnePoll(
      IdConsumer consumer, List<ConsumerRecord<Object, Object>> idRecords) {
    consumer.schedulePollTask(() -> idRecords.forEach(consumer::addRecord));
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
    private volatile long polledAt = nanoTime();

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
    public Map<MetricName, ? extends Metric> metrics() {
      Map<MetricName, Metric> metrics = new HashMap<>();
      put(metrics, "consumer-metrics", "connection-count", answers ? 1 : 0);
      put(
          metrics,
          "consumer-metrics",
          "incoming-byte-total",
          answers ? bytes.incrementAndGet() : bytes.get());
      if (!closed()) {
        put(metrics, "consumer-metrics", "last-poll-seconds-ago", (nanoTime() - polledAt) / 1e9);
      }
      put(metrics, "consumer-coordinator-metrics", "last-rebalance-seconds-ago", member ? 0 : -1);
      return metrics;
    }

    private void put(Map<MetricName, Metric> into, String group, String name, double value) {
      MetricName metric = new MetricName(name, group, "", Map.of());
      into.put(
          metric,
          new Metric() {
            @Override
            public MetricName metricName() {
              return metric;
            }

            @Override
            public Object metricValue() {
              return value;
            }
          });
    }

    @Override
    public ConsumerRecords<Object, Object> poll(Duration timeout) {
      polledAt = nanoTime();
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
