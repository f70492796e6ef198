package io.flowinstance.delivery;

import org.apache.camel.component.kafka.consumer.CommitManager;
import org.apache.camel.component.kafka.consumer.KafkaManualCommit;
import org.apache.camel.component.kafka.consumer.KafkaManualCommitFactory;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;

/**
 * The consumer of a record and the group generation in which it was polled: its offset may be
 * committed under that generation and no later one (KIP-447). Taken when Camel asks for the commit
 * handle of the record, which is on the poll thread, right after the poll.
 *
 * @param lane the consumer thread of this process, as Camel names it
 * @param consumer to be used on the poll thread only
 * @param generation the group metadata at the poll
 * @param polledAt when that was, in {@link System#nanoTime()}
 */
public record RecordOrigin(
    String lane, Consumer<?, ?> consumer, ConsumerGroupMetadata generation, long polledAt)
    implements KafkaManualCommit {

  /** Whether the group has moved on since the record was polled. Call it on the poll thread. */
  boolean isStale() {
    ConsumerGroupMetadata now = consumer.groupMetadata();
    return now.generationId() != generation.generationId()
        || !now.memberId().equals(generation.memberId());
  }

  /** Refused: offsets are committed in the transaction of their events, nowhere else. */
  @Override
  public void commit() {
    throw new UnsupportedOperationException("Offsets are committed in the events' transaction.");
  }

  /** Hands Camel an origin for each record; being no Default factory, it commits nothing. */
  public static final class Factory implements KafkaManualCommitFactory {
    @Override
    public KafkaManualCommit newInstance(
        CamelExchangePayload exchange, KafkaRecordPayload kafkaRecord, CommitManager commits) {
      return new RecordOrigin(
          exchange.threadId,
          exchange.consumer,
          exchange.consumer.groupMetadata(),
          System.nanoTime());
    }
  }
}
