package io.flowinstance.outcome;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.DateTimeException;
import java.time.Instant;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;

/**
 * A dead letter as it stands on its topic. Reading its headers never fails: what cannot be read
 * counts as not there.
 */
public record DeadLetter(ConsumerRecord<byte[], byte[]> stored) {

  /**
   * Where the id record of a dead letter stood.
   *
   * @param timestamp its time in epoch milliseconds; null if the dead letter does not say
   */
  public record Origin(TopicPartition partition, long offset, Long timestamp) {
    /** Whether that is the record, and not one of a topic that was made anew. */
    public boolean isOf(ConsumerRecord<?, ?> idRecord) {
      return idRecord.offset() == offset
          && (timestamp == null || timestamp == idRecord.timestamp());
    }
  }

  /** The name of a {@link DeadLetterReason}, or an empty text. */
  public String reason() {
    return text(DeadLetters.REASON);
  }

  /** The sentence that says why, or an empty text. */
  public String message() {
    return text(DeadLetters.MESSAGE);
  }

  /** When it was written, or null. */
  public Instant failedAt() {
    try {
      return Instant.parse(text(DeadLetters.FAILED_AT));
    } catch (DateTimeException e) {
      return null;
    }
  }

  /** The replays that it has behind it. */
  public int replays() {
    return DeadLetters.replays(stored.headers());
  }

  /** Whether Kafka did not take it as the record came, so that it lacks the key or more. */
  public boolean isIncomplete() {
    return stored.headers().lastHeader(DeadLetters.LEFT_OUT) != null;
  }

  /** Where its id record stood, or null. */
  public Origin origin() {
    String partition = text(DeadLetters.PARTITION);
    String offset = text(DeadLetters.OFFSET);
    String timestamp = text(DeadLetters.TIMESTAMP);
    return partition.matches("\\d{1,9}") && offset.matches("\\d{1,18}")
        ? new Origin(
            new TopicPartition(text(DeadLetters.TOPIC), Integer.parseInt(partition)),
            Long.parseLong(offset),
            timestamp.matches("-?\\d{1,18}") ? Long.valueOf(timestamp) : null)
        : null;
  }

  /** What it is about, for a person: the instance id, or else the record's key. */
  public String subject() {
    String instanceId = text(DeadLetters.INSTANCE_ID);
    return instanceId.isEmpty() && stored.key() != null
        ? new String(stored.key(), UTF_8)
        : instanceId;
  }

  /**
   * The id record once more, with one replay more in its header.
   *
   * @param topic where it goes
   * @param original the record at its {@link #origin}, or, unless this {@link #isIncomplete}, the
   *     {@link #stored} one
   */
  public ProducerRecord<byte[], byte[]> replay(
      String topic, ConsumerRecord<byte[], byte[]> original) {
    Headers headers = new RecordHeaders();
    for (Header header : original.headers()) {
      if (!header.key().startsWith(DeadLetters.PREFIX)) {
        headers.add(header);
      }
    }
    headers.add(DeadLetters.REPLAYS, Integer.toString(replays() + 1).getBytes(UTF_8));
    return new ProducerRecord<>(topic, null, original.key(), original.value(), headers);
  }

  private String text(String name) {
    Header header = stored.headers().lastHeader(name);
    return header == null || header.value() == null ? "" : new String(header.value(), UTF_8);
  }
}
