package io.flowinstance.delivery;

import io.flowinstance.metrics.PipelineMetrics;
import io.flowinstance.trace.OpenSpan;
import io.flowinstance.trace.Traces;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntFunction;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.AbstractRecords;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.RecordBatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Publishes outcomes and the offsets of their ids in one transaction: a {@code read_committed}
 * reader sees each outcome once, and no id is taken as done without it (KIP-98, KIP-447).
 */
public final class Publisher implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Publisher.class);

  private static final int RECORD_OVERHEAD = 128;
  private static final int HEADER_OVERHEAD = 16;

  private final IntFunction<Producer<byte[], byte[]>> producers;
  private final EventMessages events;
  private final DeadLetters deadLetters;
  private final PipelineMetrics metrics;
  private final Traces traces;
  private final Clock clock;
  private final int maxRecordBytes;
  private final int laneCount;
  private final Map<Integer, LaneProducer> lanes = new ConcurrentHashMap<>();

  /**
   * @param producers makes the transactional producer of a lane, 0, 1, …; not yet initialized
   * @param events knows the messages of instances from those of tasks
   * @param deadLetters takes the place of events that are too large
   * @param laneCount consumers of this process
   * @param maxRecordBytes largest record that a producer sends, uncompressed
   */
  public Publisher(
      IntFunction<Producer<byte[], byte[]>> producers,
      EventMessages events,
      DeadLetters deadLetters,
      int laneCount,
      int maxRecordBytes,
      PipelineMetrics metrics,
      Traces traces,
      Clock clock) {
    this.metrics = metrics;
    this.traces = traces;
    this.clock = clock;
    this.producers = producers;
    this.events = events;
    this.deadLetters = deadLetters;
    this.maxRecordBytes = maxRecordBytes;
    this.laneCount = laneCount;
  }

  /**
   * Makes the producers ready in the background: that aborts what a crashed process of the same
   * transactional ids left open, before its readers have waited for long. What does not succeed now
   * is done at the first transaction.
   */
  public void start() {
    for (int number = 0; number < laneCount; number++) {
      LaneProducer lane = lanes.computeIfAbsent(number, LaneProducer::new);
      Thread thread = new Thread(lane::getReady, "lane-" + number + "-start");
      thread.setDaemon(true);
      thread.start();
    }
  }

  /**
   * Publishes them in one transaction, in this order; returns when they are committed.
   *
   * @param lane whose transaction it is: 0, 1, …; called by one thread at a time
   * @param outcomes at least one, none of them given back
   * @param generation in which their ids were polled
   * @throws KafkaException nothing of them will ever be visible: the ids have to be polled again
   */
  public void publish(int lane, List<Outcome> outcomes, ConsumerGroupMetadata generation) {
    lanes.computeIfAbsent(lane, LaneProducer::new).transact(outcomes, generation);
    metrics.batch(
        outcomes.size(), System.nanoTime() - outcomes.get(0).idRecord().origin().polledAt());
  }

  /** Counts ids that are given back, to be polled again. */
  void countGivenBack(int ids) {
    metrics.givenBack(ids);
  }

  private void count(List<Outcome> outcomes) {
    long now = clock.millis();
    metrics.committed(now);
    int instances = 0;
    int tasks = 0;
    int deadLetterCount = 0;
    for (Outcome outcome : outcomes) {
      metrics.age(now - outcome.idRecord().timestamp());
      for (ProducerRecord<byte[], byte[]> message : outcome.messages()) {
        if (message.topic().equals(deadLetters.topic())) {
          deadLetterCount++;
          metrics.deadLetter(DeadLetters.reason(message));
        } else if (events.isOfInstance(message)) {
          instances++;
          metrics.events();
        } else {
          tasks++;
        }
      }
    }
    metrics.messages(instances, tasks, deadLetterCount);
  }

  /** Closes the producers; an open transaction is aborted. */
  @Override
  public void close() {
    lanes.values().forEach(LaneProducer::discard);
  }

  private boolean isTooLarge(ProducerRecord<byte[], byte[]> message) {
    // The upper bound of the producer's own check, which would spoil the whole transaction.
    return mostBytes(message) > maxRecordBytes
        && AbstractRecords.estimateSizeInBytesUpperBound(
                RecordBatch.CURRENT_MAGIC_VALUE,
                CompressionType.NONE,
                message.key(),
                message.value(),
                message.headers().toArray())
            > maxRecordBytes;
  }

  /** No less than Kafka's bound, which encodes each header's name to find it. */
  private static long mostBytes(ProducerRecord<byte[], byte[]> message) {
    long bytes = RECORD_OVERHEAD + length(message.key()) + length(message.value());
    for (Header header : message.headers()) {
      bytes += HEADER_OVERHEAD + 3L * header.key().length() + length(header.value());
    }
    return bytes;
  }

  private static int length(byte[] bytes) {
    return bytes == null ? 0 : bytes.length;
  }

  private Outcome withinLimits(Outcome outcome) {
    for (ProducerRecord<byte[], byte[]> message : outcome.messages()) {
      if (isTooLarge(message)) {
        return tooLarge(outcome, message, "producer's limit of %d bytes".formatted(maxRecordBytes));
      }
    }
    return outcome;
  }

  private Outcome tooLarge(Outcome outcome, ProducerRecord<byte[], byte[]> message, String limit) {
    IdRecord idRecord = outcome.idRecord();
    ProducerRecord<byte[], byte[]> deadLetter =
        deadLetters.of(
            idRecord,
            DeadLetterReason.EVENT_TOO_LARGE,
            "A message of %d bytes for topic %s is larger than the %s."
                .formatted(length(message.value()), message.topic(), limit),
            DeadLetters.Call.NONE);
    boolean isDeadLetter = message.topic().equals(deadLetter.topic());
    return Outcome.of(
        idRecord,
        List.of(
            isDeadLetter || isTooLarge(deadLetter)
                ? deadLetters.withoutValue(idRecord)
                : deadLetter));
  }

  /** One consumer thread's transactions; used by that thread alone, but for closing. */
  private final class LaneProducer {
    private final int number;
    private volatile Producer<byte[], byte[]> producer;

    LaneProducer(int number) {
      this.number = number;
    }

    void transact(List<Outcome> outcomes, ConsumerGroupMetadata generation) {
      List<Outcome> toPublish = new ArrayList<>(outcomes);
      toPublish.replaceAll(Publisher.this::withinLimits);
      try {
        while (true) {
          Set<Outcome> refused = ConcurrentHashMap.newKeySet();
          OpenSpan span = beginSpan(toPublish);
          try {
            attempt(toPublish, generation, refused);
            count(toPublish);
            return;
          } catch (KafkaException e) {
            span.failed(e);
            abort();
            metrics.aborted();
            if (refused.isEmpty()) {
              throw e;
            }
            toPublish.replaceAll(
                outcome ->
                    refused.contains(outcome)
                        ? tooLarge(outcome, largest(outcome), "topic's limit")
                        : outcome);
          } finally {
            span.end();
          }
        }
      } catch (KafkaException e) {
        LOG.warn(
            "{} ids were not published and will be polled again: {}",
            outcomes.size(),
            e.toString());
        throw e;
      }
    }

    private OpenSpan beginSpan(List<Outcome> outcomes) {
      return traces.publish(
          outcomes.stream().map(outcome -> outcome.idRecord().span()),
          outcomes.stream().mapToInt(outcome -> outcome.messages().size()).sum());
    }

    /** Collects into {@code refused} what the broker found too large: only it knows its limit. */
    private void attempt(
        List<Outcome> outcomes, ConsumerGroupMetadata generation, Set<Outcome> refused) {
      Producer<byte[], byte[]> sender = producer();
      Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
      sender.beginTransaction();
      for (Outcome outcome : outcomes) {
        for (ProducerRecord<byte[], byte[]> message : outcome.messages()) {
          sender.send(
              message,
              (metadata, failure) -> {
                if (failure instanceof RecordTooLargeException) {
                  refused.add(outcome);
                }
              });
        }
        IdRecord idRecord = outcome.idRecord();
        offsets.put(idRecord.partition(), new OffsetAndMetadata(idRecord.offset() + 1));
      }
      sender.sendOffsetsToTransaction(offsets, generation);
      sender.commitTransaction();
    }

    void getReady() {
      try {
        producer();
      } catch (KafkaException e) {
        LOG.debug("Lane {} is not ready yet: {}", number, e.toString());
      }
    }

    private synchronized Producer<byte[], byte[]> producer() {
      if (producer == null) {
        Producer<byte[], byte[]> fresh = producers.apply(number);
        try {
          fresh.initTransactions();
        } catch (KafkaException e) {
          fresh.close(Duration.ZERO);
          throw e;
        }
        producer = fresh;
      }
      return producer;
    }

    private void abort() {
      if (producer == null) {
        return;
      }
      try {
        producer.abortTransaction();
      } catch (KafkaException | IllegalStateException e) {
        // Fenced, timed out or cut off: only a new producer can go on, and its start settles
        // what became of the transaction.
        LOG.info("Lane {} goes on with a new producer: {}", number, e.toString());
        discard();
      }
    }

    synchronized void discard() {
      Producer<byte[], byte[]> old = producer;
      producer = null;
      if (old != null) {
        old.close(Duration.ZERO);
      }
    }

    private static ProducerRecord<byte[], byte[]> largest(Outcome outcome) {
      return outcome.messages().stream()
          .max((a, b) -> Integer.compare(length(a.value()), length(b.value())))
          .orElseThrow();
    }
  }
}
