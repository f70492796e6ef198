package io.flowinstance.command;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

/**
 * Sends id records in transactions, each with the position behind their dead letters. A process
 * that is killed leaves both or neither.
 */
final class ReplayTransactions implements AutoCloseable {
  private static final int MOST_RECORDS = 100;
  private static final long MOST_BYTES = 8L << 20;

  /** A low rate makes small transactions, not long ones, which would time out. */
  private static final long LONGEST_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Producer<byte[], byte[]> producer;
  private final ConsumerGroupMetadata group;
  private final List<ProducerRecord<byte[], byte[]>> batch = new ArrayList<>();
  private long bytes;
  private long begun;
  private long committed;

  /**
   * @param producer transactional and ready
   * @param groupId the consumer group whose offsets are the position; it has no members
   */
  ReplayTransactions(Producer<byte[], byte[]> producer, String groupId) {
    this.producer = producer;
    group = new ConsumerGroupMetadata(groupId);
  }

  /**
   * Adds a record, and commits when there are enough.
   *
   * @param offsets the position behind all records so far; empty to leave it as it is
   */
  void add(
      ProducerRecord<byte[], byte[]> idRecord,
      Supplier<Map<TopicPartition, OffsetAndMetadata>> offsets) {
    if (batch.isEmpty()) {
      begun = System.nanoTime();
    }
    batch.add(idRecord);
    bytes += idRecord.value() == null ? 0 : idRecord.value().length;
    if (batch.size() >= MOST_RECORDS
        || bytes >= MOST_BYTES
        || System.nanoTime() - begun >= LONGEST_NANOS) {
      commit(offsets.get());
    }
  }

  /**
   * Commits what is left. It commits the position even if no record is left: Kafka deletes offsets
   * that nobody commits for a week.
   */
  void finish(Map<TopicPartition, OffsetAndMetadata> offsets) {
    if (!batch.isEmpty() || !offsets.isEmpty()) {
      commit(offsets);
    }
  }

  /** How many records are committed. */
  long committed() {
    return committed;
  }

  private void commit(Map<TopicPartition, OffsetAndMetadata> offsets) {
    try {
      producer.beginTransaction();
      batch.forEach(producer::send);
      // Whether another replay has fenced this one: to commit without asking waits for a timeout.
      producer.flush();
      if (!offsets.isEmpty()) {
        producer.sendOffsetsToTransaction(offsets, group);
      }
      producer.commitTransaction();
    } catch (KafkaException e) {
      abort();
      throw e;
    }
    committed += batch.size();
    batch.clear();
    bytes = 0;
  }

  private void abort() {
    try {
      producer.abortTransaction();
    } catch (KafkaException | IllegalStateException e) {
      // Then the brokers do it, after the transaction's timeout or at the next replay's start.
      producer.close(Duration.ZERO);
    }
  }

  @Override
  public void close() {
    producer.close(Duration.ofSeconds(5));
  }
}
