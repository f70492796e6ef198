package io.flowinstance.outcome;

import io.flowinstance.id.IdRecord;
import java.util.List;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * What an id record came to: its events and dead letters, in the order in which they are published.
 *
 * @param idRecord where it came from
 * @param messages at least one
 * @param bytes the heap that the messages take, about; counted once, for it is asked for often
 */
public record Outcome(
    IdRecord idRecord, List<ProducerRecord<byte[], byte[]>> messages, long bytes) {

  /** A message without its value: key, headers, and the objects around them. */
  private static final int MESSAGE_BYTES = 512;

  /** Refuses an outcome that would let an id vanish. */
  public Outcome {
    if (messages.isEmpty()) {
      throw new IllegalArgumentException("Nothing came of " + idRecord.position());
    }
  }

  /** The outcome of a record. */
  public static Outcome of(IdRecord idRecord, List<ProducerRecord<byte[], byte[]>> messages) {
    return new Outcome(idRecord, messages, messages.stream().mapToLong(Outcome::bytes).sum());
  }

  /** The heap that a message takes, about. */
  public static long bytes(ProducerRecord<byte[], byte[]> message) {
    return MESSAGE_BYTES + (message.value() == null ? 0 : message.value().length);
  }
}
