package io.flowinstance.delivery;

import io.flowinstance.metrics.PipelineMetrics;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.component.kafka.KafkaConstants;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;

/**
 * Turns what camel-kafka polled into id records, and keeps watch that none of them gets lost
 * between the poll and the publisher, whatever is changed in the routes: a batch that came out with
 * fewer outcomes than ids, or not at all, is polled again.
 */
public final class PolledBatch {
  private static final long FIRST_PAUSE_MS = 250;
  private static final long LONGEST_PAUSE_MS = 10_000;

  private final PipelineMetrics metrics;
  private final Map<String, List<IdRecord>> inHand = new ConcurrentHashMap<>();
  private final Map<String, Integer> unfinished = new ConcurrentHashMap<>();

  public PolledBatch(PipelineMetrics metrics) {
    this.metrics = metrics;
  }

  /**
   * The records of a batch that still belong to this consumer. The assignors of this pipeline are
   * eager: a rebalance takes all partitions back and starts at their committed offsets, so records
   * from before it come again, here or elsewhere, and are left out.
   *
   * @param exchanges one per record, in the order of the poll; to be called on the poll thread
   * @throws IllegalStateException the batch before this one was never published
   */
  public List<IdRecord> records(List<Exchange> exchanges) {
    return take(exchanges.stream().map(exchange -> idRecord(exchange.getMessage())).toList());
  }

  List<IdRecord> take(List<IdRecord> polled) {
    List<IdRecord> records =
        polled.stream().filter(idRecord -> !idRecord.origin().isStale()).toList();
    metrics.polled(records.size());
    if (!records.isEmpty()) {
      RecordOrigin origin = records.get(0).origin();
      List<IdRecord> before = inHand.put(origin.lane(), records);
      if (before != null) {
        afterUnfinished(before, origin);
      }
    }
    return records;
  }

  /** The batch before this one is not published: it comes again, at a pace that grows slower. */
  private void afterUnfinished(List<IdRecord> before, RecordOrigin origin) {
    // A consumer that was made anew has begun at the committed offsets: nothing was passed over.
    if (before.get(0).origin().consumer() == origin.consumer()) {
      throw new IllegalStateException(
          "The %d ids from %s on left the route pipeline without being published."
              .formatted(before.size(), before.get(0).position()));
    }
    int times = unfinished.merge(origin.lane(), 1, Integer::sum);
    try {
      TimeUnit.MILLISECONDS.sleep(
          Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS << Math.min(times - 1, 10)));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Called by the publisher with the outcomes of what {@link #records} gave, in any order.
   *
   * @return the outcomes in the order of the poll
   * @throws IllegalStateException they are not those of the ids in hand, each once
   */
  List<Outcome> settle(List<Outcome> outcomes) {
    List<IdRecord> records = inHand.get(outcomes.get(0).idRecord().origin().lane());
    Map<IdRecord, Outcome> byRecord = new IdentityHashMap<>();
    outcomes.forEach(outcome -> byRecord.put(outcome.idRecord(), outcome));
    List<Outcome> inOrder =
        records == null
            ? List.of()
            : records.stream().map(byRecord::get).filter(Objects::nonNull).toList();
    if (records == null || inOrder.size() != records.size() || outcomes.size() != records.size()) {
      throw new IllegalStateException(
          "A batch of %d ids came to %d outcomes, of which %d are its own."
              .formatted(records == null ? 0 : records.size(), outcomes.size(), inOrder.size()));
    }
    return inOrder;
  }

  /** Called by the publisher when everything of a lane's batch is committed. */
  void finish(String lane) {
    inHand.remove(lane);
    unfinished.remove(lane);
  }

  private static IdRecord idRecord(Message message) {
    return new IdRecord(
        new TopicPartition(
            message.getHeader(KafkaConstants.TOPIC, String.class),
            message.getHeader(KafkaConstants.PARTITION, Integer.class)),
        message.getHeader(KafkaConstants.OFFSET, Long.class),
        message.getHeader(KafkaConstants.TIMESTAMP, Long.class),
        message.getHeader(KafkaConstants.KEY, byte[].class),
        message.getBody(byte[].class),
        message.getHeader(KafkaConstants.HEADERS, Headers.class),
        message.getHeader(KafkaConstants.MANUAL_COMMIT, RecordOrigin.class));
  }
}
