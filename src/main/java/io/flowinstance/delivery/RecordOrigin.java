package io.flowinstance.delivery;

import org.apache.camel.component.kafka.consumer.CommitManager;
import org.apache.camel.component.kafka.consumer.KafkaManualCommit;
import org.apache.camel.component.kafka.consumer.KafkaManualCommitFactory;

/**
 * The lane that polled a record, and when. Taken when Camel asks for the commit handle of the
 * record, which is on the poll thread, right after the poll.
 *
 * @param lane whose poll thread it was
 * @param inHand what was in hand then: its generation is the only one under which the record's
 *     offset may be committed (KIP-447)
 * @param polledAt when that was, in {@link System#nanoTime()}
 */
public record RecordOrigin(Lane lane, InHand inHand, long polledAt) implements KafkaManualCommit {

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
      Lane lane = Lanes.of(exchange.consumer);
      return new RecordOrigin(lane, lane.inHand(), System.nanoTime());
    }
  }
}
