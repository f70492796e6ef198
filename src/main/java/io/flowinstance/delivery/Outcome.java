package io.flowinstance.delivery;

import java.util.List;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * What an id record came to: its events and dead letters, in the order in which they are published.
 *
 * @param idRecord where it came from
 * @param messages at least one; none when the id is given back to be polled again
 * @param givenBack why it is given back, or null
 * @param bytes the heap that the messages take, about; counted once, for it is asked for often
 */
public record Outcome(
    IdRecord idRecord,
    List<ProducerRecord<byte[], byte[]>> messages,
    String givenBack,
    long bytes) {

  /** A message without its value: key, headers, and the objects around them. */
  private static final int MESSAGE_BYTES = 512;

  /** Refuses an outcome that would let an id vanish. */
  public Outcome {
    if (messages.isEmpty() == (givenBack == null)) {
      throw new IllegalArgumentException("Nothing came of " + idRecord.position());
    }
  }

  /** An id that was served. */
  public static Outcome of(IdRecord idRecord, List<ProducerRecord<byte[], byte[]>> messages) {
    return new Outcome(idRecord, messages, null, bytes(messages));
  }

  /** An id that could not be served now. */
  public static Outcome givenBack(IdRecord idRecord, String why) {
    return new Outcome(idRecord, List.of(), why, 0);
  }

  private static long bytes(List<ProducerRecord<byte[], byte[]>> messages) {
    long bytes = 0;
    for (ProducerRecord<byte[], byte[]> message : messages) {
      bytes += MESSAGE_BYTES + (message.value() == null ? 0 : message.value().length);
    }
    return bytes;
  }
}
