package io.flowinstance.kafka;

import io.flowinstance.id.IdRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;

/** What a consumer gives the route for a record, without a consumer. */
public final class PolledRecord {
  private PolledRecord() {}

  /** The call for a record that was polled alone. */
  public static SharedCall of(IdRecord idRecord) {
    RecordsInFlight partition =
        new RecordsInFlight(idRecord.partition(), new HeapPermits(1 << 30, 1).newShare());
    partition.start(
        new OffsetAndMetadata(idRecord.offset()), new DoneOffsets.Range(0, Long.MAX_VALUE));
    return partition.add(idRecord, null);
  }
}
