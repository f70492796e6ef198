package io.flowinstance.delivery;

import java.util.List;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * What an id record came to: its events and dead letters, in the order in which they are published.
 *
 * @param idRecord where it came from
 * @param messages at least one
 */
public record Outcome(IdRecord idRecord, List<ProducerRecord<byte[], byte[]>> messages) {
  /** Refuses an outcome that would let an id vanish. */
  public Outcome {
    if (messages.isEmpty()) {
      throw new IllegalArgumentException("Nothing came of " + idRecord.position());
    }
  }
}
