package io.flowinstance.id;

import io.flowinstance.trace.RecordSpan;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;

/**
 * One record of the id topic, as it was polled.
 *
 * @param partition where it stands
 * @param offset its offset there
 * @param timestamp its timestamp, epoch milliseconds; 0 or less when it has none
 * @param key its raw key, or null
 * @param value its raw value, or null
 * @param headers its headers; they are carried into a dead letter and do not affect processing
 * @param bytes the heap that it takes, about
 * @param polledAt when it was polled, in {@link System#nanoTime()}
 * @param span its span, from its poll to its outcome
 */
public record IdRecord(
    TopicPartition partition,
    long offset,
    long timestamp,
    byte[] key,
    byte[] value,
    Headers headers,
    long bytes,
    long polledAt,
    RecordSpan span) {

  private static final int OVERHEAD_BYTES = 512;

  /** A record that no consumer has polled, without a span. */
  public IdRecord(
      TopicPartition partition,
      long offset,
      long timestamp,
      byte[] key,
      byte[] value,
      Headers headers) {
    this(partition, offset, timestamp, key, value, headers, OVERHEAD_BYTES, 0, RecordSpan.NONE);
  }

  /** A record as Kafka's client gives it. */
  public static IdRecord of(ConsumerRecord<byte[], byte[]> polled, long polledAt, RecordSpan span) {
    long bytes = OVERHEAD_BYTES;
    bytes += Math.max(0, polled.serializedKeySize()) + Math.max(0, polled.serializedValueSize());
    for (var header : polled.headers()) {
      bytes += header.key().length() + (header.value() == null ? 0 : header.value().length);
    }
    return new IdRecord(
        new TopicPartition(polled.topic(), polled.partition()),
        polled.offset(),
        polled.timestamp(),
        polled.key(),
        polled.value(),
        polled.headers(),
        bytes,
        polledAt,
        span);
  }

  /** {@code <topic>-<partition>-<offset>}: the same id in the same place always has this name. */
  public String position() {
    return partition + "-" + offset;
  }
}
