package io.flowinstance.outcome;

import io.flowinstance.id.IdRecord;
import java.util.List;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * What an id record came to: its events and dead letters, in the order in which they are published.
 *
 * @param idRecord where it came from
 * @param messages at least one: of events the instance's first, and a dead letter last. Those of
 *     tasks are made anew whenever they are asked for: to change one, give {@link #of} a copy
 * @param deadLetter the last of the messages if it is a dead letter, else null
 * @param size what the messages take
 */
public record Outcome(
    IdRecord idRecord,
    List<ProducerRecord<byte[], byte[]>> messages,
    ProducerRecord<byte[], byte[]> deadLetter,
    MessageSize size) {

  /** Refuses an outcome that would let an id vanish. */
  public Outcome {
    if (messages.isEmpty()) {
      throw new IllegalArgumentException("Nothing came of " + idRecord.position());
    }
  }

  /** Whether there is more than a dead letter. */
  public boolean hasEvents() {
    return messages.size() > (deadLetter == null ? 0 : 1);
  }

  /** The outcome of a record. */
  public static Outcome of(IdRecord idRecord, List<ProducerRecord<byte[], byte[]>> messages) {
    ProducerRecord<byte[], byte[]> last =
        messages.isEmpty() ? null : messages.get(messages.size() - 1);
    return new Outcome(
        idRecord,
        messages,
        last != null && DeadLetters.isOne(last) ? last : null,
        messages.stream().map(MessageSize::of).reduce(new MessageSize(0, 0, 0), MessageSize::and));
  }
}
