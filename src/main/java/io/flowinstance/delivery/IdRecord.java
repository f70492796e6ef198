package io.flowinstance.delivery;

import io.flowinstance.trace.OpenSpan;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;

/**
 * One record of the id topic, as it was polled.
 *
 * @param partition where it stands
 * @param offset its offset there
 * @param timestamp its timestamp, epoch milliseconds
 * @param key its raw key, or null
 * @param value its raw value, or null
 * @param headers its headers; they are carried into a dead letter and steer nothing
 * @param origin the consumer and the group generation that it was polled in
 * @param span its span, from its poll to its outcome
 */
public record IdRecord(
    TopicPartition partition,
    long offset,
    long timestamp,
    byte[] key,
    byte[] value,
    Headers headers,
    RecordOrigin origin,
    OpenSpan span) {

  /** A record without a span. */
  public IdRecord(
      TopicPartition partition,
      long offset,
      long timestamp,
      byte[] key,
      byte[] value,
      Headers headers,
      RecordOrigin origin) {
    this(partition, offset, timestamp, key, value, headers, origin, OpenSpan.NONE);
  }

  /** {@code <topic>-<partition>-<offset>}: the same id in the same place always has this name. */
  public String position() {
    return partition + "-" + offset;
  }
}
