package io.flowinstance.harness;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.kafka.Brokers;
import io.flowinstance.kafka.DoneOffsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
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
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.awaitility.core.ConditionTimeoutException;

/**
 * Kafka's own mock clients behind the real endpoint: one consumer, one partition of ids, and what
 * was committed.
 */
public final class MemoryKafka implements KafkaClientFactory, Brokers {
  public static final TopicPartition IDS = new TopicPartition("flow-instance-ids", 0);
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final List<ConsumerRecord<byte[], byte[]>> ids = new ArrayList<>();
  private IdConsumer consumer;
  private List<ConsumerRecord<byte[], byte[]>> together;
  private final AtomicLong skipped = new AtomicLong();
  private volatile CountDownLatch commits = new CountDownLatch(0);
  private volatile boolean answers = true;
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
  public long nanoTime() {
    return System.nanoTime() + skipped.get();
  }

  /** Moves the time on; what has not happened since has not happened for so long. */
  public void skip(Duration time) {
    skipped.addAndGet(time.toNanos());
  }

  /** Whether the brokers answer. */
  public void answers(boolean now) {
    answers = now;
  }

  /** The group puts the consumer out. */
  public void putOutOfTheGroup() {
    consumer.schedulePollTask(() -> consumer.listener.onPartitionsLost(List.of(IDS)));
  }

  /** Lets every commit hang until {@link #goOn()}. */
  public void hang() {
    commits = new CountDownLatch(1);
  }

  /** Whether a commit is under way. */
  public boolean isCommitting() {
    return committing;
  }

  public void goOn() {
    commits.countDown();
  }

  /** Puts a record on the id topic; returns its offset. */
  public synchronized long send(byte[] key, byte[] value, Headers headers) {
    long offset = ids.size();
    ConsumerRecord<byte[], byte[]> idRecord =
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
  public synchronized void together(Runnable sends) {
    together = new ArrayList<>();
    sends.run();
    comeInOnePoll(consumer, List.copyOf(together));
    together = null;
  }

  private static void comeInOnePoll(
      IdConsumer consumer, List<ConsumerRecord<byte[], byte[]>> idRecords) {
    consumer.schedulePollTask(() -> idRecords.forEach(consumer::addRecord));
  }

  /** Waits until the offset after this one is committed. */
  public void awaitCommitted(long offset) {
    assertTrue(
        isCommittedWithin(offset, PATIENCE), () -> "offset " + offset + " stays uncommitted");
  }

  /** Whether the offset after this one is committed in time. */
  public boolean isCommittedWithin(long offset, Duration patience) {
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
  public long committedOffset() {
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
  public List<ProducerRecord<byte[], byte[]>> published() {
    return new ArrayList<>(producer.history());
  }

  @Override
  public Consumer<byte[], byte[]> getConsumer(Properties properties) {
    return new IdConsumer();
  }

  @Override
  public Producer<byte[], byte[]> getProducer(Properties properties) {
    return producer;
  }

  @Override
  public String getBrokers(KafkaConfiguration configuration) {
    return "in-memory:9092";
  }

  @Override
  public CompletionStage<Void> ping() {
    return answers
        ? CompletableFuture.completedStage(null)
        : CompletableFuture.failedStage(new TimeoutException());
  }

  @Override
  public CompletionStage<Set<TopicPartition>> partitions(String topic) {
    return CompletableFuture.completedStage(Set.of(IDS));
  }

  @Override
  public CompletionStage<Map<TopicPartition, Optional<OffsetAndMetadata>>> committed(
      String groupId, Set<TopicPartition> partitions) {
    List<Map<String, Map<TopicPartition, OffsetAndMetadata>>> commits =
        producer.consumerGroupOffsetsHistory();
    Optional<OffsetAndMetadata> last =
        commits.isEmpty()
            ? Optional.empty()
            : Optional.of(commits.get(commits.size() - 1).values().iterator().next().get(IDS));
    return CompletableFuture.completedStage(Map.of(IDS, last));
  }

  @Override
  public synchronized CompletionStage<Map<TopicPartition, DoneOffsets.Range>> bounds(
      Set<TopicPartition> partitions) {
    return CompletableFuture.completedStage(Map.of(IDS, new DoneOffsets.Range(0, ids.size())));
  }

  @Override
  public CompletionStage<String> faultOf(List<String> topics, String deadLetterTopic) {
    return CompletableFuture.completedStage("");
  }

  /** From the last committed offset on, as a real consumer resumes. */
  private synchronized void resumeAtCommitted(IdConsumer fresh) {
    fresh.updateBeginningOffsets(Map.of(IDS, 0L));
    List<ConsumerRecord<byte[], byte[]>> toCome = List.copyOf(ids);
    fresh.schedulePollTask(
        () -> {
          fresh.rebalance(List.of(IDS));
          toCome.forEach(fresh::addRecord);
        });
    consumer = fresh;
  }

  private final class IdConsumer extends MockConsumer<byte[], byte[]> {
    private ConsumerRebalanceListener listener;

    IdConsumer() {
      super(OffsetResetStrategy.EARLIEST);
    }

    @Override
    public synchronized void subscribe(
        Collection<String> topics, ConsumerRebalanceListener toTell) {
      listener = toTell;
      super.subscribe(topics, toTell);
      resumeAtCommitted(this);
    }

    @Override
    public ConsumerRecords<byte[], byte[]> poll(Duration timeout) {
      ConsumerRecords<byte[], byte[]> polled = super.poll(timeout);
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
