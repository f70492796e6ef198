package io.flowinstance.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
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
  /** An id that was sent is visible after this time, or its transaction was aborted. */
  private static final Duration LONGEST_TRANSACTION = Duration.ofSeconds(10);

  private static final int MOST_ENDS = 1_024;
  private static final String SOURCE = "undone ids";

  private final Brokers brokers;
  private final String topic;
  private final String groupId;
  private final Faults faults;
  private final Clock clock;
  private final Map<TopicPartition, Ends> partitions = new HashMap<>();
  private boolean readable = true;
  private boolean asking;

  /**
   * @param topic of the ids, keyed and partitioned as Kafka's producer does
   * @param groupId of the pipeline
   */
  public UndoneIds(Brokers brokers, String topic, String groupId, KafkaHealth health, Clock clock) {
    this.brokers = brokers;
    this.topic = topic;
    this.groupId = groupId;
    this.faults = health.faults();
    this.clock = clock;
  }

  /** Asks for the offsets, and returns at once. To be called every few seconds. */
  public void look() {
    synchronized (this) {
      if (asking) {
        return;
      }
      asking = true;
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
    asking = false;
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
   * Whether an id that was sent in a transaction at this time may still wait for its outcome. False
   * if this login may not read the offsets; while brokers do not answer, the last answer counts.
   */
  public synchronized boolean isPending(String instanceId, Instant sentAt) {
    if (!readable || partitions.isEmpty()) {
      return false;
    }
    int partition =
        BuiltInPartitioner.partitionForKey(instanceId.getBytes(UTF_8), partitions.size());
    Ends ends = partitions.get(new TopicPartition(topic, partition));
    return !sentAt.plus(LONGEST_TRANSACTION).isBefore(ends.doneBefore);
  }

  /** The ends of one partition, oldest first, that the committed offset has not reached. */
  private static final class Ends {
    private final Deque<End> waiting = new ArrayDeque<>();
    private Instant doneBefore = Instant.MIN;

    void add(Instant time, long offset) {
      if (!waiting.isEmpty() && waiting.getLast().offset() > offset) {
        // The topic was made anew.
        waiting.clear();
      }
      if (!waiting.isEmpty() && waiting.getLast().offset() == offset) {
        waiting.removeLast();
      }
      waiting.addLast(new End(time, offset));
      if (waiting.size() > MOST_ENDS) {
        boolean[] kept = {true};
        waiting.removeIf(each -> kept[0] = !kept[0]);
      }
    }

    /** The last record before an end is not an id, but the marker of a committed transaction. */
    void reached(long committed) {
      while (!waiting.isEmpty() && waiting.getFirst().offset() - 1 <= committed) {
        doneBefore = waiting.removeFirst().time();
      }
    }
  }

  /** Where a partition ended at this time or shortly after. */
  private record End(Instant time, long offset) {}
}
