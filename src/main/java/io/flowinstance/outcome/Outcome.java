package io.flowinstance.outcome;

import io.flowinstance.id.IdRecord;
import java.util.List;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

/**
 * What an id record came to: its events and dead letters, in the order in which they are published.
 *
 * @param idRecord where it came from
 * @param messages at least one: of events the instance's first, and a dead letter last
 * @param bytes the heap that the messages take, about; counted once, for it is asked for often
 * @param largest no less than Kafka's own bound of the largest one's size; counted while the
 *     messages are at hand, for to go through thousands again costs more than to make them
 */
public record Outcome(
    IdRecord idRecord, List<ProducerRecord<byte[], byte[]>> messages, long bytes, long largest) {

  /** A message without its value: key, headers, and the objects around them. */
  private static final int MESSAGE_BYTES = 512;

  private static final int RECORD_OVERHEAD = 128;
  private static final int HEADER_OVERHEAD = 16;

  /** Refuses an outcome that would let an id vanish. */
  public Outcome {
    if (messages.isEmpty()) {
      throw new IllegalArgumentException("Nothing came of " + idRecord.position());
    }
  }

  /** The outcome of a record. */
  public static Outcome of(IdRecord idRecord, List<ProducerRecord<byte[], byte[]>> messages) {
    long bytes = 0;
    long largest = 0;
    for (ProducerRecord<byte[], byte[]> message : messages) {
      bytes += bytes(message);
      largest =
          Math.max(
              largest,
              RECORD_OVERHEAD
                  + length(message.key())
                  + length(message.value())
                  + bytes(message.headers()));
    }
    return new Outcome(idRecord, messages, bytes, largest);
  }

  /** The heap that a message takes, about. */
  public static long bytes(ProducerRecord<byte[], byte[]> message) {
    return MESSAGE_BYTES + length(message.value());
  }

  static long bytes(Headers headers) {
    long bytes = 0;
    for (Header header : headers) {
      bytes += HEADER_OVERHEAD + 3L * header.key().length() + length(header.value());
    }
    return bytes;
  }

  static int length(byte[] bytes) {
    return bytes == null ? 0 : bytes.length;
  }
}
