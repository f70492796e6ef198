package io.flowinstance.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.discover.Discovery;
import io.flowinstance.discover.Watermark;
import io.flowinstance.id.IdRecordReader;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import org.apache.camel.component.kafka.KafkaClientFactory;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The topic of discover's watermark. The processes consume its only partition in one group, and the
 * one that owns it searches. The ids of a round (the last ones, if there are very many), the
 * watermark and the group's offset, which points at the watermark, are one transaction under the
 * metadata of the group (KIP-447). So the next owner begins with the last watermark, and a former
 * owner publishes nothing.
 */
public final class WatermarkTopic implements ConsumerRebalanceListener, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WatermarkTopic.class);

  private static final String CLIENT = "flow-instance-discover";
  private static final String FAULT = "discover's watermark";
  private static final Duration POLL = Duration.ofMillis(500);
  private static final int CLOSE_MS = 15_000;

  /** A transaction that is being published takes no longer while the brokers answer. */
  private static final int PUBLISH_MS = 3_000;

  /** Beside the time of a transaction, far longer than a rebalance takes. */
  private static final Duration LONGEST_WAIT = Duration.ofMinutes(2);

  /** Far fewer than a slow link takes before a transaction times out. */
  private static final int IDS_OF_A_TRANSACTION = 1_000;

  /** A poll may wait for a transaction of this process, which takes less time. */
  private static final int MAX_POLL_INTERVAL_MS = 180_000;

  private final Options options;
  private final KafkaClientFactory clients;
  private final Faults faults;
  private final LongSupplier nanoTime;
  private final TopicPartition partition;
  private final Thread thread = new Thread(this::run, "discover-watermark");
  private final BoundedFlush flush = new BoundedFlush("discover-flush");
  private Consumer<byte[], byte[]> consumer;
  private volatile Producer<byte[], byte[]> producer;
  private ConsumerGroupMetadata group;
  private boolean joined;
  private boolean owned;

  /** Since when it waits for its group, or for the watermark. */
  private long waitsSince;

  private Watermark last = Watermark.NONE;

  /** Where the one before the last was published. */
  private long offsetBefore = -1;

  /** The last watermark, once all are read; null while another process owns the partition. */
  private volatile Watermark current;

  /** Whether only a consumer that joins anew knows what became of the last transaction. */
  private volatile boolean readsAnew;

  private volatile boolean closed;

  /**
   * Where the watermark is, and where ids go.
   *
   * @param groupId of discover
   * @param transactionalId of this process alone
   */
  public record Options(
      String topic,
      String idTopic,
      String groupId,
      String transactionalId,
      int transactionTimeoutMs,
      int sessionTimeoutMs) {}

  /**
   * @param faults is told what keeps the watermark from being read
   * @param nanoTime as {@link System#nanoTime()}
   */
  public WatermarkTopic(
      Options options, KafkaClientFactory clients, Faults faults, LongSupplier nanoTime) {
    this.options = options;
    this.clients = clients;
    this.faults = faults;
    this.nanoTime = nanoTime;
    partition = new TopicPartition(options.topic(), 0);
    thread.setDaemon(true);
  }

  /** Joins the group; returns at once. */
  public void start() {
    thread.start();
  }

  /** The watermark if this process searches, otherwise null. */
  public Watermark current() {
    return current;
  }

  /** Seconds since the watermark; 0 without one, and while another process searches. */
  public double age(Instant now) {
    Watermark watermark = current;
    return watermark == null || watermark.time() == null
        ? 0
        : Duration.between(watermark.time(), now).toMillis() / 1e3;
  }

  /**
   * Publishes the ids of a round and its watermark.
   *
   * @return the new watermark; null if another process has taken over, or another watermark came:
   *     then none is published, and of very many ids the first ones stand
   * @throws KafkaException if it was not published, or that is not known: then the topic is read
   *     anew, and the next round begins at the last watermark on it
   */
  public synchronized Watermark publish(Discovery.Round round) {
    if (!round.before().equals(current)) {
      return null;
    }
    boolean mayBeCommitted = false;
    try {
      long offset = send(round.before(), round.ids(), round.watermark());
      producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(offset)), group);
      mayBeCommitted = true;
      KafkaClients.commit(producer, () -> closed);
      offsetBefore = last.offset();
      last = new Watermark(round.watermark(), offset);
      current = last;
      return last;
    } catch (CommitFailedException e) {
      LOG.debug("The group has changed.", e);
      abort();
      return null;
    } catch (RuntimeException | Error e) {
      if (!abort() && mayBeCommitted) {
        current = null;
        readsAnew = true;
      }
      throw e;
    }
  }

  /** Sends the ids and the watermark, and returns the offset of the watermark. */
  private long send(Watermark before, Collection<String> ids, Instant time) {
    if (producer == null) {
      producer = newProducer();
      producer.initTransactions();
    }
    AtomicReference<Exception> failure = new AtomicReference<>();
    int sent = 0;
    producer.beginTransaction();
    for (String id : ids) {
      producer.send(
          new ProducerRecord<>(
              options.idTopic(), id.getBytes(UTF_8), IdRecordReader.value(id).getBytes(UTF_8)),
          (place, failed) -> failure.compareAndSet(null, failed));
      // Otherwise each further one might wait for the same missing topic.
      KafkaFaults.throwIf(failure.get());
      if (++sent % IDS_OF_A_TRANSACTION == 0) {
        KafkaClients.commit(producer, () -> closed);
        letPoll(before);
        producer.beginTransaction();
      }
    }
    Future<RecordMetadata> place =
        producer.send(
            new ProducerRecord<>(
                options.topic(), 0, "watermark".getBytes(UTF_8), Watermark.write(time)));
    flush.flush(producer, KafkaClients.longestFlush(Duration.ZERO));
    KafkaFaults.throwIf(failure.get());
    try {
      return place.get().offset();
    } catch (ExecutionException e) {
      throw new KafkaException(e.getCause());
    } catch (InterruptedException e) {
      throw new InterruptException(e);
    }
  }

  /**
   * Gives up the lock between two transactions: who polls too rarely is put out of the group.
   *
   * @throws CommitFailedException this process does not search any more, or from another watermark
   */
  private void letPoll(Watermark before) {
    try {
      wait(1);
    } catch (InterruptedException e) {
      throw new InterruptException(e);
    }
    if (producer == null || !before.equals(current)) {
      throw new CommitFailedException();
    }
  }

  /**
   * A transaction that is left open would keep the readers of ids waiting.
   *
   * @return whether it is certainly not committed
   */
  private boolean abort() {
    try {
      if (producer != null) {
        producer.abortTransaction();
      }
      return true;
    } catch (RuntimeException e) {
      Producer<byte[], byte[]> last = producer;
      producer = null;
      last.close(Duration.ZERO);
      return false;
    }
  }

  private void run() {
    int failures = 0;
    while (!closed) {
      try {
        turn();
        failures = owned ? 0 : failures;
      } catch (InterruptException e) {
        break;
      } catch (RuntimeException | Error e) {
        failures++;
        faults.report(FAULT, "discover cannot read its watermark. " + KafkaFaults.sentence(e));
        LOG.debug("A poll failed.", e);
        closeConsumer();
        pause(failures);
      }
    }
    Thread.interrupted();
    closeConsumer();
  }

  private void pause(int failures) {
    try {
      Thread.sleep(RetryPause.after(failures).toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void turn() {
    if (readsAnew) {
      closeConsumer();
      readsAnew = false;
    }
    if (consumer == null) {
      consumer = newConsumer();
      waitsSince = nanoTime.getAsLong();
      refuseOtherThanOnePartition();
      consumer.subscribe(List.of(options.topic()), this);
    }
    refuseOtherThanOnePartition();
    ConsumerRecords<byte[], byte[]> polled = consumer.poll(POLL);
    synchronized (this) {
      polled.records(partition).forEach(this::take);
      group = consumer.groupMetadata();
      if (readsAnew) {
        return;
      }
      if (owned && (current != null || isRead())) {
        current = last;
        faults.clear(FAULT);
      } else if ((owned || !joined)
          && nanoTime.getAsLong() - waitsSince
              > LONGEST_WAIT.plusMillis(options.transactionTimeoutMs()).toNanos()) {
        faults.report(
            FAULT,
            ("discover cannot read its watermark: %s or its consumer group does not answer, a"
                    + " transaction on it does not end (kafka-transactions.sh find-hanging, of it and of __consumer_offsets), or"
                    + " the watermark that was committed is gone (write one).")
                .formatted(partition));
      }
    }
  }

  /** What is committed points at a watermark: as long as none is seen, it is still to come. */
  private boolean isRead() {
    return consumer.currentLag(partition).orElse(1) == 0
        && (last != Watermark.NONE || !isCommitted());
  }

  private boolean isCommitted() {
    try {
      return consumer.committed(Set.of(partition), POLL).get(partition) != null;
    } catch (TimeoutException e) {
      // It is asked for again.
      return true;
    }
  }

  /** The consumer asks the brokers only if its metadata are old. */
  private void refuseOtherThanOnePartition() {
    List<PartitionInfo> partitions = consumer.partitionsFor(options.topic());
    if (partitions == null || partitions.isEmpty()) {
      throw new NotReadyException(
          "Topic %s does not exist: create it with one partition, compacted."
              .formatted(options.topic()));
    }
    if (partitions.size() > 1) {
      throw new NotReadyException(
          "Topic %s has %d partitions, so that more than one process would search: delete it, and create it with one."
              .formatted(options.topic(), partitions.size()));
    }
  }

  private void take(ConsumerRecord<byte[], byte[]> polled) {
    Instant time = Watermark.read(polled.value());
    if (time == null) {
      LOG.warn(
          "The record at {} of {} is not a watermark and is ignored.", polled.offset(), partition);
    } else if (polled.offset() > last.offset()) {
      last = new Watermark(time, polled.offset());
    } else if (polled.offset() < last.offset() && polled.offset() != offsetBefore) {
      LOG.warn(
          "The watermark at {} of {} came while a round was published, and is ignored: write it again.",
          polled.offset(),
          partition);
    }
  }

  @Override
  public synchronized void onPartitionsAssigned(Collection<TopicPartition> assigned) {
    joined = true;
    // Who keeps the partition has it in a new generation now.
    group = consumer.groupMetadata();
    if (!assigned.contains(partition)) {
      faults.clear(FAULT);
    } else {
      owned = true;
      waitsSince = nanoTime.getAsLong();
      last = Watermark.NONE;
      LOG.info("This process searches EnOS for new instances.");
    }
  }

  /** Waits for the transaction that is being sent, which has the same lock. */
  @Override
  public synchronized void onPartitionsRevoked(Collection<TopicPartition> revoked) {
    if (revoked.contains(partition)) {
      release();
    }
  }

  @Override
  public synchronized void onPartitionsLost(Collection<TopicPartition> lost) {
    release();
    joined = false;
    waitsSince = nanoTime.getAsLong();
  }

  private synchronized void release() {
    owned = false;
    current = null;
  }

  private void closeConsumer() {
    if (consumer != null) {
      try {
        consumer.close(POLL);
      } catch (RuntimeException | Error e) {
        LOG.debug("The consumer did not close in order.", e);
      }
      consumer = null;
    }
    joined = false;
    release();
  }

  @SuppressWarnings("unchecked")
  private Consumer<byte[], byte[]> newConsumer() {
    Properties properties = new Properties();
    properties.put(ConsumerConfig.CLIENT_ID_CONFIG, CLIENT);
    properties.put(ConsumerConfig.GROUP_ID_CONFIG, options.groupId());
    properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    properties.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
    properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    properties.put(
        ConsumerConfig.PARTITION_ASSIGNMENT_STRATEGY_CONFIG,
        CooperativeStickyAssignor.class.getName());
    properties.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, options.sessionTimeoutMs());
    properties.put(ConsumerConfig.MAX_POLL_INTERVAL_MS_CONFIG, MAX_POLL_INTERVAL_MS);
    KafkaClients.setConsumerTimeouts(properties);
    return clients.getConsumer(properties);
  }

  @SuppressWarnings("unchecked")
  private Producer<byte[], byte[]> newProducer() {
    Properties properties = new Properties();
    properties.put(ProducerConfig.CLIENT_ID_CONFIG, CLIENT);
    properties.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, options.transactionalId());
    properties.put(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, options.transactionTimeoutMs());
    properties.put(ProducerConfig.BATCH_SIZE_CONFIG, KafkaClients.SMALL_BATCH_BYTES);
    KafkaClients.setProducerTimeouts(properties);
    return clients.getProducer(properties);
  }

  /** Leaves the group. */
  @Override
  public void close() {
    closed = true;
    thread.interrupt();
    try {
      thread.join(PUBLISH_MS);
      Producer<byte[], byte[]> last = producer;
      if (thread.isAlive() && last != null) {
        // Whoever publishes has the lock, and waits for brokers that may be gone.
        last.close(Duration.ZERO);
      }
      thread.join(CLOSE_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    synchronized (this) {
      if (producer != null) {
        producer.close(Duration.ZERO);
        producer = null;
      }
    }
    flush.close();
  }
}
