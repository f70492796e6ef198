package io.flowinstance.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthorizationException;

/**
 * Tells from the pipeline's committed offsets which ids still wait for their outcome. It remembers
 * where a partition ended, and when: once the committed offset has reached that end, every id that
 * was sent before that time has its outcome.
 */
public final class UndoneIds {
  private static final Duration NOTICE = Duration.ofMillis(KafkaClients.NOTICE_MS);
  private static final int MOST_ENDS = 1_024;
  private static final String SOURCE = "undone ids";

  private final Brokers brokers;
  private final String topic;
  private final String groupId;
  private final Supplier<Duration> longestTransaction;
  private final Faults faults;
  private final Clock clock;
  private final Map<TopicPartition, Ends> partitions = new HashMap<>();
  private final AtomicBoolean asking = new AtomicBoolean();
  private boolean readable = true;

  /**
   * @param topic of the ids, keyed and partitioned as Kafka's producer does
   * @param groupId of the pipeline
   * @param longestTransaction how long one that sends ids may take at present; the brokers notice
   *     later that one is over
   */
  public UndoneIds(
      Brokers brokers,
      String topic,
      String groupId,
      Supplier<Duration> longestTransaction,
      KafkaHealth health,
      Clock clock) {
    this.brokers = brokers;
    this.topic = topic;
    this.groupId = groupId;
    this.longestTransaction = longestTransaction;
    this.faults = health.faults();
    this.clock = clock;
  }

  /** Asks for the offsets, and returns at once. To be called every few seconds. */
  public void look() {
    if (asking.getAndSet(true)) {
      return;
    }
    Instant asked = clock.instant();
    brokers
        .partitions(topic)
        .thenCompose(
            all ->
                brokers
                    .bounds(all)
                    .thenCombine(
                        brokers.committed(groupId, all),
                        (bounds, committed) -> {
                          if (bounds.keySet().containsAll(all)) {
                            learn(asked, bounds, committed);
                          }
                          return null;
                        }))
        .whenComplete((done, failure) -> answered(failure));
  }

  private synchronized void learn(
      Instant asked,
      Map<TopicPartition, DoneOffsets.Range> bounds,
      Map<TopicPartition, Optional<OffsetAndMetadata>> committed) {
    // The topic may have been made anew, with fewer partitions.
    partitions.keySet().retainAll(bounds.keySet());
    bounds.forEach(
        (partition, there) -> {
          Ends ends = partitions.computeIfAbsent(partition, each -> new Ends());
          ends.add(asked, there.to());
          Optional<OffsetAndMetadata> offset = committed.get(partition);
          if (offset != null) {
            ends.reached(offset.map(OffsetAndMetadata::offset).orElse(there.from()));
          }
        });
  }

  private synchronized void answered(Throwable failure) {
    asking.set(false);
    if (failure == null) {
      readable = true;
      faults.clear(SOURCE);
    } else if (Answers.failure(failure) instanceof AuthorizationException) {
      readable = false;
      faults.report(
          SOURCE,
          ("Nothing shows whether an id still waits for its outcome, so ids may be sent twice:"
                  + " grant this login Describe on the topic %s and on the consumer group %s.")
              .formatted(topic, groupId));
    }
  }

  /**
   * Whether an id that was sent in a transaction at this time may still wait for its outcome: true
   * until brokers have answered for the first time, false if this login may not read the offsets.
   * While brokers do not answer, the last answer counts.
   */
  public synchronized boolean isPending(String instanceId, Instant sentAt) {
    if (!readable || partitions.isEmpty()) {
      // Before the first answer it may wait; that answer comes within seconds of the brokers'.
      return readable;
    }
    int partition =
        BuiltInPartitioner.partitionForKey(instanceId.getBytes(UTF_8), partitions.size());
    Ends ends = partitions.get(new TopicPartition(topic, partition));
    return !sentAt.plus(longestTransaction.get()).plus(NOTICE).isBefore(ends.doneBefore);
  }

  /** The ends of one partition that are not reached: where it ended at a time, or shortly after. */
  private static final class Ends {
    private final NavigableMap<Long, Instant> waiting = new TreeMap<>();
    private Instant doneBefore = Instant.MIN;

    void add(Instant time, long offset) {
      if (doneBefore.isAfter(time)) {
        // The clock was set back: a time that is yet to come says nothing of an id of now.
        doneBefore = Instant.MIN;
      }
      waiting.values().removeIf(each -> each.isAfter(time));
      if (!waiting.isEmpty() && waiting.lastKey() > offset) {
        // The topic was made anew.
        waiting.clear();
      }
      waiting.put(offset, time);
      if (waiting.size() > MOST_ENDS) {
        boolean[] kept = {true};
        waiting.keySet().removeIf(each -> kept[0] = !kept[0]);
      }
    }

    /** The last record before an end is not an id, but the marker of a committed transaction. */
    void reached(long committed) {
      while (!waiting.isEmpty() && waiting.firstKey() - 1 <= committed) {
        doneBefore = waiting.pollFirstEntry().getValue();
      }
    }
  }
}
