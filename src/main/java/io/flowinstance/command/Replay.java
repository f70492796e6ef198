package io.flowinstance.command;

import io.flowinstance.config.Settings;
import io.flowinstance.kafka.AdminBrokers;
import io.flowinstance.kafka.DoneOffsets;
import io.flowinstance.kafka.KafkaClients;
import io.flowinstance.kafka.KafkaFaults;
import io.flowinstance.outcome.DeadLetter;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import me.tongfei.progressbar.ProgressBar;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/**
 * One run over the dead letters, up to where the topic ended when the run began. Without a filter
 * it starts at the committed offsets of the group, else at the beginning of the topic.
 *
 * <p>It reads all partitions itself and never joins the group, so nothing is rebalanced. It sends
 * id records in transactions, each with the offsets behind their dead letters: a process that is
 * killed leaves both or neither. Of two replays at once, the one that began last takes over the
 * transactional id, and the other one stops.
 */
final class Replay implements AutoCloseable {
  private static final Duration POLL = Duration.ofMillis(200);
  private static final long STALLED_NANOS = TimeUnit.SECONDS.toNanos(30);
  private static final String CLIENT_ID = "flow-instance-routes-replay";
  private static final int MOST_RECORDS = 100;
  private static final long MOST_BYTES = 8L << 20;

  /** A low rate makes small transactions, not long ones, which would time out. */
  private static final long LONGEST_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final KafkaClients clients;
  private final String deadLetters;
  private final String ids;
  private final String groupId;
  private final ReplayFilter filter;
  private final long max;
  private final PrintWriter err;
  private final Producer<byte[], byte[]> producer;
  private final Map<Result, Long> results = new EnumMap<>(Result.class);
  private final Map<TopicPartition, Long> positions = new HashMap<>();
  private Map<TopicPartition, Long> ends = Map.of();

  private final List<Sent> batch = new ArrayList<>();
  private long batchBytes;
  private long batchBegun;
  private long committed;

  /** What became of a dead letter. */
  enum Result {
    REPLAYED,
    /** The filter does not match it. */
    NOT_SELECTED,
    /** It was replayed too often. */
    EXHAUSTED,
    /**
     * It is incomplete and its id record is no longer on the topic, or the topic refuses it: it is
     * too large, or has no key.
     */
    NOT_REPLAYABLE
  }

  /** An id record of the transaction, and the dead letter that it is made of. */
  private record Sent(ConsumerRecord<?, ?> letter, ProducerRecord<byte[], byte[]> idRecord) {}

  /** Takes each dead letter before it is replayed. */
  @FunctionalInterface
  interface Selection {
    void add(DeadLetter letter);
  }

  /**
   * @param dryRun send and commit nothing
   * @param err receives a line for each dead letter that cannot be replayed
   */
  Replay(
      KafkaClients clients,
      Settings settings,
      ReplayFilter filter,
      long max,
      boolean dryRun,
      PrintWriter err) {
    this.clients = clients;
    this.deadLetters = settings.getString("topic.dead-letters");
    this.ids = settings.getString("topic.instance-ids");
    this.groupId = settings.getString("kafka.group-id") + "-replay";
    this.filter = filter;
    this.max = max;
    this.err = err;
    this.producer =
        dryRun
            ? null
            : clients.transactionalProducer(
                settings.transactionalIdPrefix() + "-replay",
                settings.getInt("kafka.transaction-timeout-ms"),
                settings.getInt("kafka.max-request-size"),
                settings.getString("kafka.compression-type"));
  }

  /** Replays the dead letters that the filter selects; gives how many had which result. */
  Map<Result, Long> run(ProgressBar progress, Selection selected) {
    if (producer != null) {
      // Before the position is read: it commits or aborts what a killed replay left open.
      producer.initTransactions();
    }
    try (Consumer<byte[], byte[]> reader = clients.reader(CLIENT_ID)) {
      findPositions(reader);
      reader.assign(positions.keySet());
      positions.forEach(reader::seek);
      read(reader, progress, selected);
    }
    // Even if no record is left: Kafka deletes offsets that nobody commits for a week.
    if (producer != null && (!batch.isEmpty() || filter.isEmpty())) {
      commit();
    }
    return results;
  }

  long committed() {
    return committed;
  }

  private void findPositions(Consumer<byte[], byte[]> reader) {
    try (AdminBrokers brokers = new AdminBrokers(clients::admin)) {
      CommandContext.partitions(brokers, ids);
      Set<TopicPartition> partitions = CommandContext.partitions(brokers, deadLetters);
      Map<TopicPartition, Optional<OffsetAndMetadata>> start =
          filter.isEmpty() && mayHaveOffsets(brokers) ? position(brokers, partitions) : Map.of();
      positions.putAll(reader.beginningOffsets(partitions));
      ends = reader.endOffsets(partitions);
      start.forEach(
          (at, offset) -> offset.ifPresent(known -> startAt(brokers, at, known.offset())));
    }
  }

  /** The committed offsets, empty for a partition without one. */
  private Map<TopicPartition, Optional<OffsetAndMetadata>> position(
      AdminBrokers brokers, Set<TopicPartition> partitions) {
    Map<TopicPartition, Optional<OffsetAndMetadata>> known =
        CommandContext.await(brokers.committed(groupId, partitions));
    // What the brokers did not tell is left out. To begin there would replay all again.
    if (!known.keySet().containsAll(partitions)) {
      throw new CommandFailedException(
          "The brokers do not tell all offsets of the group %s: run this again."
              .formatted(groupId));
    }
    return known;
  }

  private void startAt(AdminBrokers brokers, TopicPartition partition, long offset) {
    // Beside a transaction that has not ended, offsets may be set behind what is committed so far.
    if (offset > ends.get(partition) && offset > uncommittedEnd(brokers, partition)) {
      throw new CommandFailedException(
          ("The group %s is at offset %d of %s, which ends at %d. If the topic was recreated, delete"
                  + " the group with kafka-consumer-groups --delete and run this again.")
              .formatted(groupId, offset, partition, ends.get(partition)));
    }
    // Retention may have deleted what is between the committed offset and the beginning.
    positions.merge(partition, offset, Math::max);
  }

  private static long uncommittedEnd(AdminBrokers brokers, TopicPartition partition) {
    DoneOffsets.Range all = CommandContext.await(brokers.bounds(Set.of(partition))).get(partition);
    if (all == null) {
      throw new CommandFailedException(
          "%s does not answer: it may have no leader. Run this again.".formatted(partition));
    }
    return all.to();
  }

  /** Whether any group has offsets. If none has, asking for one would create their topic. */
  private static boolean mayHaveOffsets(AdminBrokers brokers) {
    try {
      CommandContext.await(brokers.partitions("__consumer_offsets"));
      return true;
    } catch (UnknownTopicOrPartitionException e) {
      return false;
    } catch (KafkaException e) {
      // This login may not describe the topic, which may exist.
      return true;
    }
  }

  private void read(Consumer<byte[], byte[]> reader, ProgressBar progress, Selection selected) {
    long all = unreadOffsets();
    long lastRecord = System.nanoTime();
    Set<TopicPartition> unread = new HashSet<>(positions.keySet());
    unread.removeIf(partition -> isRead(reader, partition));
    while (!unread.isEmpty()) {
      ConsumerRecords<byte[], byte[]> polled = poll(reader);
      for (ConsumerRecord<byte[], byte[]> stored : polled) {
        TopicPartition partition = new TopicPartition(stored.topic(), stored.partition());
        if (stored.offset() >= ends.get(partition)) {
          continue;
        }
        if (results.getOrDefault(Result.REPLAYED, 0L) >= max) {
          return;
        }
        positions.put(partition, stored.offset() + 1);
        results.merge(handle(new DeadLetter(stored), selected), 1L, Long::sum);
        progress.maxHint(all).stepTo(all - unreadOffsets());
      }
      if (unread.removeIf(partition -> isRead(reader, partition)) || !polled.isEmpty()) {
        lastRecord = System.nanoTime();
      } else if (System.nanoTime() - lastRecord > STALLED_NANOS) {
        throw new CommandFailedException(
            "The brokers sent no dead letter for 30 s, and %d partitions are not read to their end."
                .formatted(unread.size()));
      }
    }
  }

  /** Goes on behind what retention deletes in front of a slow run. */
  private ConsumerRecords<byte[], byte[]> poll(Consumer<byte[], byte[]> reader) {
    try {
      return reader.poll(POLL);
    } catch (OffsetOutOfRangeException e) {
      Map<TopicPartition, Long> asked = e.offsetOutOfRangePartitions();
      for (Map.Entry<TopicPartition, Long> now :
          reader.beginningOffsets(asked.keySet()).entrySet()) {
        TopicPartition partition = now.getKey();
        long deleted = now.getValue() - asked.get(partition);
        if (deleted <= 0) {
          throw e;
        }
        err.printf(
            "Retention deleted %d offsets of partition %d, from %d on, before they were read.%n",
            deleted, partition.partition(), asked.get(partition));
        positions.merge(partition, now.getValue(), Math::max);
        reader.seek(partition, now.getValue());
      }
      return ConsumerRecords.empty();
    }
  }

  private long unreadOffsets() {
    return ends.entrySet().stream()
        .mapToLong(end -> Math.max(0, end.getValue() - positions.get(end.getKey())))
        .sum();
  }

  private boolean isRead(Consumer<byte[], byte[]> reader, TopicPartition partition) {
    if (reader.position(partition) < ends.get(partition)) {
      return false;
    }
    // Behind the last record are the markers of transactions, which have offsets too.
    positions.merge(partition, ends.get(partition), Math::max);
    reader.pause(Set.of(partition));
    return true;
  }

  private Result handle(DeadLetter letter, Selection selected) {
    if (!filter.matches(letter)) {
      return Result.NOT_SELECTED;
    }
    if (filter.exhausts(letter)) {
      return Result.EXHAUSTED;
    }
    ConsumerRecord<byte[], byte[]> original =
        letter.isIncomplete() ? original(letter.origin()) : letter.stored();
    if (original == null) {
      explain(letter.stored(), "it is incomplete, and its id record is no longer on the topic");
      return Result.NOT_REPLAYABLE;
    }
    selected.add(letter);
    if (producer != null) {
      send(letter.stored(), letter.replay(ids, original));
    }
    return Result.REPLAYED;
  }

  private void explain(ConsumerRecord<?, ?> letter, String why) {
    err.printf(
        "The dead letter at offset %d of partition %d cannot be replayed: %s.%n",
        letter.offset(), letter.partition(), why);
  }

  private void send(ConsumerRecord<?, ?> letter, ProducerRecord<byte[], byte[]> idRecord) {
    if (batch.isEmpty()) {
      batchBegun = System.nanoTime();
    }
    batch.add(new Sent(letter, idRecord));
    batchBytes += idRecord.value() == null ? 0 : idRecord.value().length;
    if (batch.size() >= MOST_RECORDS
        || batchBytes >= MOST_BYTES
        || System.nanoTime() - batchBegun >= LONGEST_NANOS) {
      commit();
    }
  }

  private void commit() {
    AtomicReference<Sent> refused = new AtomicReference<>();
    AtomicReference<Exception> failure = new AtomicReference<>();
    try {
      producer.beginTransaction();
      for (Sent each : batch) {
        producer.send(
            each.idRecord(),
            (place, failed) -> {
              failure.compareAndSet(null, failed);
              // The first alone: Kafka's client gives its failure to all that were not sent yet.
              if (KafkaFaults.isRefusal(failed)) {
                refused.compareAndSet(null, each);
              }
            });
        // Each further one might wait for the same topic.
        KafkaFaults.throwIf(failure.get());
      }
      // Whether another replay has fenced this one: to commit without asking waits for a timeout.
      producer.flush();
      if (filter.isEmpty()) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        positions.forEach((at, offset) -> offsets.put(at, new OffsetAndMetadata(offset)));
        producer.sendOffsetsToTransaction(offsets, new ConsumerGroupMetadata(groupId));
      }
      KafkaClients.commit(producer, () -> false);
    } catch (LinkageError e) {
      abort();
      throw new KafkaException(e);
    } catch (KafkaException e) {
      if (!abort() || refused.get() == null) {
        throw e;
      }
      explain(
          refused.get().letter(),
          ("topic %s takes no record as large as that, or none without a key"
                  + " (kafka.max-request-size bounds it too)")
              .formatted(ids));
      results.merge(Result.REPLAYED, -1L, Long::sum);
      results.merge(Result.NOT_REPLAYABLE, 1L, Long::sum);
      batch.remove(refused.get());
      commit();
      return;
    }
    committed += batch.size();
    batch.clear();
    batchBytes = 0;
  }

  private boolean abort() {
    try {
      producer.abortTransaction();
      return true;
    } catch (KafkaException | IllegalStateException e) {
      // Then the brokers do it, after the transaction's timeout or at the next replay's start.
      producer.close(Duration.ZERO);
      return false;
    }
  }

  /** The id record at a place, or null if it is gone. */
  private ConsumerRecord<byte[], byte[]> original(DeadLetter.Origin origin) {
    // A header must not make this command read any other topic.
    if (origin == null || !origin.partition().topic().equals(ids)) {
      return null;
    }
    try (Consumer<byte[], byte[]> reader = clients.reader(CLIENT_ID + "-original")) {
      Set<TopicPartition> partition = Set.of(origin.partition());
      if (reader.partitionsFor(ids).stream()
              .noneMatch(info -> info.partition() == origin.partition().partition())
          || origin.offset() < reader.beginningOffsets(partition).get(origin.partition())
          || origin.offset() >= reader.endOffsets(partition).get(origin.partition())) {
        return null;
      }
      reader.assign(partition);
      reader.seek(origin.partition(), origin.offset());
      long from = System.nanoTime();
      while (System.nanoTime() - from < STALLED_NANOS) {
        for (ConsumerRecord<byte[], byte[]> original : reader.poll(POLL)) {
          return origin.isOf(original) ? original : null;
        }
        if (reader.position(origin.partition()) > origin.offset()) {
          return null;
        }
      }
      throw new CommandFailedException(
          "The brokers did not send the record at %s-%d for 30 s."
              .formatted(origin.partition(), origin.offset()));
    }
  }

  @Override
  public void close() {
    if (producer != null) {
      producer.close(Duration.ofSeconds(5));
    }
  }
}
