package io.flowinstance.delivery;

import io.flowinstance.metrics.PipelineMetrics;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.record.AbstractRecords;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.RecordBatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Publishes the outcomes of a batch and the offsets of its ids in one transaction: a {@code
 * read_committed} reader sees each outcome once, and no id is taken as done without it (KIP-98,
 * KIP-447). A batch of very many bytes is cut into several transactions, each whole in that sense,
 * so that none of them lasts long.
 */
public final class Publisher implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Publisher.class);

  /** Bytes after which a batch goes on in a further transaction. */
  private static final long TRANSACTION_BYTES = 8L << 20;

  private final PolledBatch polledBatch;
  private final IntFunction<Producer<byte[], byte[]>> producers;
  private final DeadLetters deadLetters;
  private final PipelineMetrics metrics;
  private final Clock clock;
  private final int maxRecordBytes;
  private final List<Lane> lanes;
  private final Map<String, Lane> byName = new ConcurrentHashMap<>();
  private final AtomicInteger assigned = new AtomicInteger();

  /**
   * @param polledBatch where the batches come from
   * @param producers makes the transactional producer of a lane, 0, 1, …; not yet initialized
   * @param deadLetters takes the place of events that are too large
   * @param laneCount consumers of this process
   * @param maxRecordBytes largest record that a producer sends, uncompressed
   */
  public Publisher(
      PolledBatch polledBatch,
      IntFunction<Producer<byte[], byte[]>> producers,
      DeadLetters deadLetters,
      int laneCount,
      int maxRecordBytes,
      PipelineMetrics metrics,
      Clock clock) {
    this.metrics = metrics;
    this.clock = clock;
    this.polledBatch = polledBatch;
    this.producers = producers;
    this.deadLetters = deadLetters;
    this.maxRecordBytes = maxRecordBytes;
    lanes = IntStream.range(0, laneCount).mapToObj(Lane::new).toList();
  }

  /**
   * Makes the producers ready in the background: that aborts what a crashed process of the same
   * transactional ids left open, before its readers have waited for long. What does not succeed now
   * is done at the first batch.
   */
  public void start() {
    for (Lane lane : lanes) {
      Thread thread = new Thread(lane::getReady, "lane-" + lane.number + "-start");
      thread.setDaemon(true);
      thread.start();
    }
  }

  /**
   * Publishes all of them, in the order of the poll; returns when they are committed.
   *
   * @param outcomes of records that one lane polled in one generation; may be empty
   * @throws BatchGivenBackException some were given back; what stands before them is committed
   * @throws IllegalStateException they are not the outcomes of the batch that was polled
   * @throws KafkaException nothing of what was not yet committed will ever be visible: the ids have
   *     to be polled again
   */
  public void publish(List<Outcome> outcomes) {
    if (outcomes.isEmpty()) {
      return;
    }
    List<Outcome> inOrder = polledBatch.settle(outcomes);
    String laneName = outcomes.get(0).idRecord().origin().lane();
    Lane lane = byName.computeIfAbsent(laneName, name -> lanes.get(assigned.getAndIncrement()));
    List<Outcome> done = beforeGivenBack(inOrder);
    int from = 0;
    while (from < done.size()) {
      int to = endOfTransaction(done, from);
      lane.transact(done.subList(from, to));
      from = to;
    }
    if (done.size() < inOrder.size()) {
      for (int i = done.size(); i < inOrder.size(); i++) {
        metrics.givenBack();
      }
      BatchGivenBackException givenBack =
          new BatchGivenBackException(
              "%d of %d ids are given back, to be polled again: %s"
                  .formatted(inOrder.size() - done.size(), inOrder.size(), whyGivenBack(inOrder)));
      LOG.info(givenBack.getMessage());
      throw givenBack;
    }
    polledBatch.finish(laneName);
    metrics.batch(
        inOrder.size(), System.nanoTime() - inOrder.get(0).idRecord().origin().polledAt());
  }

  private void count(List<Outcome> outcomes) {
    long now = clock.millis();
    metrics.committed(now);
    int instances = 0;
    int tasks = 0;
    int deadLetterCount = 0;
    for (Outcome outcome : outcomes) {
      metrics.age(now - outcome.idRecord().timestamp());
      boolean first = true;
      for (ProducerRecord<byte[], byte[]> message : outcome.messages()) {
        if (message.topic().equals(deadLetters.topic())) {
          deadLetterCount++;
          metrics.deadLetter(DeadLetters.reason(message));
        } else if (first) {
          instances++;
          metrics.events();
        } else {
          tasks++;
        }
        first = false;
      }
    }
    metrics.messages("flow_instance", instances);
    metrics.messages("task_status", tasks);
    metrics.messages("dead_letter", deadLetterCount);
  }

  /** Of each partition, what stands before the first id that is given back. */
  private static List<Outcome> beforeGivenBack(List<Outcome> outcomes) {
    Set<TopicPartition> ended = new HashSet<>();
    return outcomes.stream()
        .filter(
            outcome -> {
              TopicPartition partition = outcome.idRecord().partition();
              if (outcome.givenBack() != null) {
                ended.add(partition);
              }
              return !ended.contains(partition);
            })
        .toList();
  }

  private static String whyGivenBack(List<Outcome> outcomes) {
    return outcomes.stream()
        .map(Outcome::givenBack)
        .filter(Objects::nonNull)
        .findFirst()
        .orElseThrow();
  }

  /** Closes the producers; an open transaction is aborted. */
  @Override
  public void close() {
    lanes.forEach(Lane::discardProducer);
  }

  private static int endOfTransaction(List<Outcome> outcomes, int from) {
    long bytes = 0;
    int to = from;
    while (to < outcomes.size() && bytes < TRANSACTION_BYTES) {
      for (ProducerRecord<byte[], byte[]> message : outcomes.get(to++).messages()) {
        bytes += message.value() == null ? 0 : message.value().length;
      }
    }
    return to;
  }

  private boolean isTooLarge(ProducerRecord<byte[], byte[]> message) {
    // The upper bound of the producer's own check, which would spoil the whole transaction.
    return AbstractRecords.estimateSizeInBytesUpperBound(
            RecordBatch.CURRENT_MAGIC_VALUE,
            CompressionType.NONE,
            message.key(),
            message.value(),
            message.headers().toArray())
        > maxRecordBytes;
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
                .formatted(
                    message.value() == null ? 0 : message.value().length, message.topic(), limit),
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
  private final class Lane {
    private final int number;
    private volatile Producer<byte[], byte[]> producer;

    Lane(int number) {
      this.number = number;
    }

    void transact(List<Outcome> outcomes) {
      List<Outcome> toPublish = new ArrayList<>(outcomes);
      toPublish.replaceAll(Publisher.this::withinLimits);
      try {
        while (true) {
          Set<Outcome> refused = ConcurrentHashMap.newKeySet();
          try {
            attempt(toPublish, refused);
            count(toPublish);
            return;
          } catch (KafkaException e) {
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
          }
        }
      } catch (KafkaException e) {
        LOG.warn(
            "The batch of {} ids was not published and will be polled again: {}",
            outcomes.size(),
            e.toString());
        throw e;
      }
    }

    /** Collects into {@code refused} what the broker found too large: only it knows its limit. */
    private void attempt(List<Outcome> outcomes, Set<Outcome> refused) {
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
      ConsumerGroupMetadata generation = outcomes.get(0).idRecord().origin().generation();
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
        discardProducer();
      }
    }

    synchronized void discardProducer() {
      Producer<byte[], byte[]> old = producer;
      producer = null;
      if (old != null) {
        old.close(Duration.ZERO);
      }
    }

    private static ProducerRecord<byte[], byte[]> largest(Outcome outcome) {
      return outcome.messages().stream()
          .max(
              (a, b) ->
                  Integer.compare(
                      a.value() == null ? 0 : a.value().length,
                      b.value() == null ? 0 : b.value().length))
          .orElseThrow();
    }
  }
}
