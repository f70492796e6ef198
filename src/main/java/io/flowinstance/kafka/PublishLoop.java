package io.flowinstance.kafka;

import io.flowinstance.metrics.PipelineMetrics;
import io.flowinstance.outcome.DeadLetters;
import io.flowinstance.outcome.Outcome;
import io.flowinstance.trace.RecordSpan;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.AbstractRecords;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.RecordBatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Publishes outcomes and the offsets of their ids in one transaction: a {@code read_committed}
 * reader sees each outcome once, and no id is taken as done without it (KIP-98, KIP-447). A
 * transaction that failed is tried again, with the outcomes it had.
 */
final class PublishLoop implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(PublishLoop.class);

  private final InFlight inFlight;
  private final Producers producers;
  private final Brokers brokers;
  private final PublishTarget target;
  private final ConsumerHealth health;
  private final Consumer<Collection<RecordsInFlight>> restart;
  private final TransactionTimeout timeout;
  private final BoundedFlush flush = new BoundedFlush("flush");
  private int batchBytes = KafkaClients.BATCH_BYTES;
  private Producer<byte[], byte[]> producer;

  /** How many batches the producer had to split before this transaction. */
  private double splits;

  private InFlight.Transaction undecided;
  private boolean topicsAreThere;
  private volatile boolean closed;

  /** Makes transactional producers, all of the same id, not yet initialized. */
  @FunctionalInterface
  interface Producers {
    Producer<byte[], byte[]> make(Duration transactionTimeout, int batchBytes);
  }

  /**
   * @param restart begins partitions anew from what is committed
   */
  PublishLoop(
      InFlight inFlight,
      Producers producers,
      Brokers brokers,
      PublishTarget target,
      ConsumerHealth health,
      Consumer<Collection<RecordsInFlight>> restart) {
    this.inFlight = inFlight;
    this.producers = producers;
    this.brokers = brokers;
    this.target = target;
    this.health = health;
    this.restart = restart;
    timeout = new TransactionTimeout(target.transactionTimeout());
  }

  @Override
  public void run() {
    int failures = 0;
    while (!closed) {
      try {
        try {
          publishNext();
          failures = 0;
          health.publishes();
        } catch (InterruptException e) {
          throw e;
        } catch (RuntimeException | Error e) {
          failures++;
          health.publishingFailed(e, failures);
          TimeUnit.MILLISECONDS.sleep(RetryPause.after(failures).toMillis());
        }
      } catch (InterruptedException | InterruptException e) {
        Thread.currentThread().interrupt();
        break;
      }
    }
    // A client that is to be closed must not be interrupted.
    Thread.interrupted();
    discard();
    flush.close();
    if (undecided != null) {
      // Whoever polls these ids next finds out what became of it.
      inFlight.drop(undecided.commits().keySet());
      inFlight.aborted(undecided);
      undecided = null;
    }
  }

  void close() {
    closed = true;
  }

  /** Publishes what is ready, or finds out what became of the last transaction. */
  void publishNext() throws InterruptedException {
    getReady();
    if (producer == null) {
      return;
    }
    if (undecided != null) {
      decide();
      return;
    }
    InFlight.Transaction transaction = inFlight.next(timeout.halvings());
    if (transaction != null) {
      publish(transaction);
    }
  }

  /** Asks for the topics first: each send to a missing topic would wait for it. */
  private void getReady() throws InterruptedException {
    if (!topicsAreThere) {
      String fault = Answers.await(brokers.faultOf(target.topics(), target.deadLetters().topic()));
      if (!fault.isEmpty()) {
        throw new NotReadyException(fault);
      }
      topicsAreThere = true;
    }
    if (producer == null) {
      Producer<byte[], byte[]> fresh = producers.make(timeout.duration(), batchBytes);
      try {
        fresh.initTransactions();
      } catch (RuntimeException e) {
        fresh.close(Duration.ZERO);
        if (KafkaFaults.says(Errors.INVALID_TRANSACTION_TIMEOUT, e) && timeout.refused()) {
          // The next one asks for less.
          return;
        }
        throw e;
      }
      producer = fresh;
    }
  }

  private void publish(InFlight.Transaction transaction) {
    List<ReadyOutcome> outcomes = transaction.all();
    RecordSpan span = null;
    try {
      outcomes.forEach(this::reduceUntilItFits);
      if (outcomes.stream().noneMatch(ReadyOutcome::isParked)) {
        span = beginSpan(outcomes);
      }
    } finally {
      if (span == null) {
        inFlight.aborted(transaction);
      }
    }
    if (span == null) {
      return;
    }
    long begin = System.nanoTime();
    long beganAt = target.clock().millis();
    AtomicReference<Refused> refused = new AtomicReference<>();
    try {
      send(transaction, outcomes, refused);
    } catch (RuntimeException | Error thrown) {
      RuntimeException e = unchecked(thrown);
      boolean metadataBecomeShorter = false;
      boolean batchesWereSplit = false;
      try {
        batchesWereSplit = splits(producer) > splits;
        span.failed(e);
        span.end();
        target.metrics().aborted();
        abort();
        metadataBecomeShorter =
            KafkaFaults.says(Errors.OFFSET_METADATA_TOO_LARGE, e) && refusedMetadata(transaction);
        if (refused.get() != null) {
          reduce(refused.get().ready(), refused.get().index(), "topic's limit");
        }
      } finally {
        inFlight.aborted(transaction);
      }
      if (metadataBecomeShorter
          || refused.get() != null
          || outcomes.stream().anyMatch(ReadyOutcome::isParked)) {
        return;
      }
      topicsAreThere = false;
      boolean outlasted = timeout.failed(e, target.clock().millis() - beganAt);
      // Brokers before 3.6 do not tell the producer of a refused batch that they ended it.
      if (batchesWereSplit
          && batchBytes > 0
          && (outlasted || KafkaFaults.root(e) instanceof TimeoutException)) {
        discard();
        throw batchesAreTooLarge();
      }
      if (outlasted) {
        discard();
        throw tookTooLong();
      }
      throw e;
    }
    undecided = transaction;
    try {
      KafkaClients.commit(producer, () -> closed);
      committed(transaction, System.nanoTime() - begin);
      if (timeout.committed(target.clock().millis() - beganAt)) {
        discard();
      }
    } catch (RuntimeException | Error thrown) {
      RuntimeException e = unchecked(thrown);
      span.failed(e);
      discard();
      throw timeout.failed(e, target.clock().millis() - beganAt) ? tookTooLong() : e;
    } finally {
      span.end();
    }
  }

  /**
   * A library that cannot be loaded is a fault to put right, as Kafka's are; other errors are ours.
   */
  private static RuntimeException unchecked(Throwable thrown) {
    if (thrown instanceof RuntimeException own) {
      return own;
    }
    return thrown instanceof LinkageError
        ? new KafkaException(thrown)
        : new RuntimeException(thrown);
  }

  /**
   * How many batches a topic found too large. Kafka's client splits one into batches of its own
   * batch size: into the same again, for ever, where the topic takes less than that (KAFKA-8350).
   */
  private static double splits(Producer<?, ?> producer) {
    return producer.metrics().values().stream()
        .filter(metric -> metric.metricName().name().equals("batch-split-total"))
        .mapToDouble(metric -> (Double) metric.metricValue())
        .sum();
  }

  private NotReadyException batchesAreTooLarge() {
    int refused = batchBytes;
    batchBytes = refused > KafkaClients.SMALL_BATCH_BYTES ? KafkaClients.SMALL_BATCH_BYTES : 0;
    return new NotReadyException(
        ("A topic takes no batch of %d bytes: its max.message.bytes is smaller. From now on, %s.")
            .formatted(
                refused,
                batchBytes > 0
                    ? "a batch has at most %d".formatted(batchBytes)
                    : "each message is a batch of its own"));
  }

  private NotReadyException tookTooLong() {
    return new NotReadyException(
        ("A transaction took longer than kafka.transaction-timeout-ms (%d ms), and the brokers"
                + " ended it. It is tried again with less in it, and with %d ms. Check the link to"
                + " the brokers.")
            .formatted(target.transactionTimeout().toMillis(), timeout.duration().toMillis()));
  }

  /** Sends everything; {@code refused} receives the message that no repetition would help. */
  private void send(
      InFlight.Transaction transaction,
      List<ReadyOutcome> outcomes,
      AtomicReference<Refused> refused) {
    AtomicReference<Exception> failure = new AtomicReference<>();
    splits = splits(producer);
    producer.beginTransaction();
    for (ReadyOutcome ready : outcomes) {
      for (int i = 0; i < ready.outcome().messages().size(); i++) {
        int index = i;
        // Without the message itself: it would live until the broker has answered.
        Callback sent =
            (metadata, exception) -> {
              if (exception != null) {
                failure.compareAndSet(null, exception);
                // The first alone: Kafka's client gives its failure to all that were not sent yet.
                if (KafkaFaults.isRefusal(exception)) {
                  refused.compareAndSet(null, new Refused(ready, index));
                }
              }
            };
        ProducerRecord<byte[], byte[]> message = message(ready, index);
        try {
          producer.send(message, sent);
        } catch (IllegalArgumentException | NullPointerException e) {
          park(ready, e);
          throw e;
        }
        // Each further one might wait for the same topic.
        KafkaFaults.throwIf(failure.get());
      }
    }
    producer.sendOffsetsToTransaction(transaction.offsets(), transaction.group());
    // Before the commit: whatever fails until here is certainly not published.
    flush.flush(producer, KafkaClients.longestFlush(timeout.duration()));
    KafkaFaults.throwIf(failure.get());
  }

  /** One of the messages, made now. */
  private ProducerRecord<byte[], byte[]> message(ReadyOutcome ready, int index) {
    try {
      return ready.outcome().messages().get(index);
    } catch (RuntimeException | LinkageError e) {
      park(ready, e);
      throw e;
    }
  }

  private void committed(InFlight.Transaction transaction, long nanos) {
    undecided = null;
    List<ReadyOutcome> outcomes = transaction.all();
    try {
      // Not before the commit: until then, another consumer may find the same loss.
      inFlight
          .committed(transaction, nanos)
          .forEach(
              (partition, lost) -> {
                target.metrics().lost(lost.count());
                health.lost(partition, lost);
              });
    } finally {
      count(outcomes);
    }
  }

  /**
   * What became of a commit whose answer never came. The producer that was made since, under the
   * same id, has ended the transaction one way or the other.
   */
  private void decide() throws InterruptedException {
    InFlight.Transaction transaction = undecided;
    // Those that have moved on say nothing, and their next owners may keep them pending.
    Set<TopicPartition> asked =
        transaction.commits().keySet().stream()
            .filter(records -> !records.isDropped())
            .map(RecordsInFlight::partition)
            .collect(Collectors.toSet());
    Map<TopicPartition, Optional<OffsetAndMetadata>> committed =
        asked.isEmpty()
            ? Map.of()
            : Answers.await(brokers.committed(transaction.group().groupId(), asked));
    if (!committed.keySet().containsAll(asked)) {
      throw new NotReadyException("A transaction of this consumer is still pending.");
    }
    boolean isCommitted = false;
    boolean isAborted = true;
    for (Map.Entry<RecordsInFlight, OffsetAndMetadata> commit : transaction.commits().entrySet()) {
      OffsetAndMetadata now =
          committed.getOrDefault(commit.getKey().partition(), Optional.empty()).orElse(null);
      // The next owner of one that has moved on may commit the very same.
      isCommitted |= !commit.getKey().isDropped() && commit.getValue().equals(now);
      isAborted &= commit.getKey().isDropped() || Objects.equals(commit.getKey().committed(), now);
    }
    if (isCommitted) {
      committed(transaction, 0);
      return;
    }
    undecided = null;
    try {
      target.metrics().aborted();
      if (!isAborted) {
        // Nothing of them may be published before it is known where they stand.
        try {
          inFlight.drop(transaction.commits().keySet());
        } finally {
          restart.accept(transaction.commits().keySet());
        }
      }
    } finally {
      inFlight.aborted(transaction);
    }
  }

  private void abort() {
    try {
      producer.abortTransaction();
    } catch (RuntimeException e) {
      // Fenced, timed out or cut off: only a new producer can go on, and its start ends what is
      // left of the transaction.
      discard();
    }
  }

  private void discard() {
    Producer<byte[], byte[]> discarded = producer;
    producer = null;
    if (discarded != null) {
      try {
        discarded.close(Duration.ZERO);
      } catch (KafkaException e) {
        // Interrupted: it ends by itself.
        LOG.debug("The producer did not close in order.", e);
      }
    }
  }

  /** Whether the next ones will be shorter. */
  private boolean refusedMetadata(InFlight.Transaction transaction) {
    int longest =
        transaction.commits().values().stream()
            .mapToInt(commit -> DoneOffsets.of(commit).length())
            .max()
            .orElse(0);
    health.metadataRefused(longest);
    return inFlight.refusedMetadata(longest);
  }

  private RecordSpan beginSpan(List<ReadyOutcome> outcomes) {
    return target
        .traces()
        .publish(
            outcomes.stream().map(ready -> ready.outcome().idRecord().span()),
            outcomes.stream().mapToInt(ready -> ready.outcome().messages().size()).sum());
  }

  private void reduceUntilItFits(ReadyOutcome ready) {
    try {
      if (ready.why() != null) {
        // What breaks while it is sent costs a transaction each time.
        ready.outcome().messages().forEach(message -> {});
      }
      int tooLarge;
      while (!ready.isParked() && (tooLarge = tooLarge(ready.outcome())) >= 0) {
        reduce(ready, tooLarge, "producer's limit of %d bytes".formatted(target.maxRecordBytes()));
      }
    } catch (RuntimeException | LinkageError e) {
      park(ready, e);
    }
  }

  /** One whose messages cannot be made must not keep the others waiting. */
  private void park(ReadyOutcome ready, Throwable failure) {
    String why =
        "The messages of %s cannot be made (%s): the log says where."
            .formatted(ready.outcome().idRecord().position(), failure.getClass().getSimpleName());
    if (inFlight.park(ready, why)) {
      LOG.error(why, failure);
    }
  }

  private void reduce(ReadyOutcome ready, int index, String limit) {
    Outcome smaller;
    ProducerRecord<byte[], byte[]> refused;
    try {
      refused = ready.outcome().messages().get(index);
      smaller = target.deadLetters().smaller(ready.outcome(), refused, limit);
    } catch (RuntimeException | LinkageError e) {
      park(ready, e);
      return;
    }
    if (smaller == null) {
      String why =
          "Topic %s accepts no dead letter of %s, however small: check its max.message.bytes."
              .formatted(refused.topic(), ready.outcome().idRecord().position());
      if (inFlight.park(ready, why)) {
        LOG.warn(why);
      }
    } else {
      ready.reduceTo(smaller);
    }
  }

  /** The index of the first message that the producer would refuse; -1 if there is none. */
  private int tooLarge(Outcome outcome) {
    if (outcome.size().largest() <= target.maxRecordBytes()) {
      return -1;
    }
    int index = 0;
    for (ProducerRecord<byte[], byte[]> message : outcome.messages()) {
      // The upper bound of the producer's own check, which would spoil the whole transaction.
      if (AbstractRecords.estimateSizeInBytesUpperBound(
              RecordBatch.CURRENT_MAGIC_VALUE,
              CompressionType.NONE,
              message.key(),
              message.value(),
              message.headers().toArray())
          > target.maxRecordBytes()) {
        return index;
      }
      index++;
    }
    return -1;
  }

  private void count(List<ReadyOutcome> outcomes) {
    PipelineMetrics metrics = target.metrics();
    long now = target.clock().millis();
    metrics.committed(now);
    int instances = 0;
    int tasks = 0;
    int deadLetterCount = 0;
    for (ReadyOutcome ready : outcomes) {
      if (ready.outcome().idRecord().timestamp() > 0) {
        metrics.age(now - ready.outcome().idRecord().timestamp());
      }
      ProducerRecord<byte[], byte[]> deadLetter = ready.outcome().deadLetter();
      int ofEvents = ready.outcome().messages().size();
      if (deadLetter != null) {
        ofEvents--;
        deadLetterCount++;
        metrics.deadLetter(DeadLetters.reason(deadLetter));
      }
      if (ofEvents > 0) {
        instances++;
        tasks += ofEvents - 1;
      }
    }
    metrics.messages(instances, tasks, deadLetterCount);
    long nanos = System.nanoTime();
    outcomes.stream()
        .mapToLong(each -> nanos - each.outcome().idRecord().polledAt())
        .max()
        .ifPresent(longest -> metrics.batch(outcomes.size(), longest));
  }

  /** A message that a broker refused, by its place among those of its outcome. */
  private record Refused(ReadyOutcome ready, int index) {}
}
