package io.flowinstance.command;

import io.flowinstance.kafka.KafkaClients;
import io.flowinstance.outcome.DeadLetter;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsOptions;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/**
 * One run over the dead letters, up to where the topic ended when the run began. Without a filter
 * it starts at the committed offsets of the group, else at the beginning of the topic.
 *
 * <p>It reads all partitions itself and never joins the group, so nothing is rebalanced.
 */
final class Replay {
  /** The offsets of groups; a broker creates this topic when it is first asked for an offset. */
  private static final String OFFSETS_TOPIC = "__consumer_offsets";

  private static final Duration POLL = Duration.ofMillis(200);
  private static final long STALLED_NANOS = TimeUnit.SECONDS.toNanos(30);
  private static final String CLIENT_ID = "flow-instance-routes-replay";

  private final KafkaClients clients;
  private final Topics topics;
  private final ReplayFilter filter;
  private final long max;
  private final PrintWriter err;
  private final Map<Result, Long> results = new EnumMap<>(Result.class);
  private final Map<TopicPartition, Long> positions = new HashMap<>();
  private Map<TopicPartition, Long> ends = Map.of();

  /**
   * Where it reads and writes.
   *
   * @param deadLetters the topic of the dead letters
   * @param ids the topic that their id records came from and return to
   * @param groupId the consumer group whose offsets are the position
   */
  record Topics(String deadLetters, String ids, String groupId) {}

  /** What became of a dead letter. */
  enum Result {
    REPLAYED,
    /** The filter does not match it. */
    NOT_SELECTED,
    /** It was replayed too often. */
    EXHAUSTED,
    /** It is incomplete, and its id record is no longer on the topic. */
    RECORD_GONE
  }

  /**
   * @param max replay at most so many
   * @param err receives a line for each dead letter that cannot be replayed
   */
  Replay(KafkaClients clients, Topics topics, ReplayFilter filter, long max, PrintWriter err) {
    this.clients = clients;
    this.topics = topics;
    this.filter = filter;
    this.max = max;
    this.err = err;
  }

  /**
   * Reads the dead letters.
   *
   * @param destination receives each dead letter to replay, and what goes to the topic of ids
   * @return how many had which result
   * @throws CommandFailedException it cannot continue
   */
  Map<Result, Long> run(
      Progress progress, BiConsumer<DeadLetter, ProducerRecord<byte[], byte[]>> destination) {
    try (Consumer<byte[], byte[]> reader = clients.reader(CLIENT_ID)) {
      findPositions(reader);
      reader.assign(positions.keySet());
      positions.forEach(reader::seek);
      read(reader, progress, destination);
      return results;
    }
  }

  /** The offsets to commit with the records so far; none if there is a filter. */
  Map<TopicPartition, OffsetAndMetadata> offsets() {
    return filter.isEmpty()
        ? positions.entrySet().stream()
            .collect(Collectors.toMap(Map.Entry::getKey, e -> new OffsetAndMetadata(e.getValue())))
        : Map.of();
  }

  private void findPositions(Consumer<byte[], byte[]> reader) {
    try (Admin admin = clients.admin()) {
      KafkaAnswers.partitions(admin, topics.ids());
      List<TopicPartition> partitions =
          IntStream.range(0, KafkaAnswers.partitions(admin, topics.deadLetters()))
              .mapToObj(partition -> new TopicPartition(topics.deadLetters(), partition))
              .toList();
      Map<TopicPartition, OffsetAndMetadata> committed =
          filter.isEmpty() && mayHaveOffsets(admin) ? committed(admin, partitions) : Map.of();
      positions.putAll(reader.beginningOffsets(partitions));
      ends = reader.endOffsets(partitions);
      committed.forEach(this::startAt);
    }
  }

  /** The committed offsets, with null for a partition without one. */
  private Map<TopicPartition, OffsetAndMetadata> committed(
      Admin admin, List<TopicPartition> partitions) {
    return KafkaAnswers.await(
        admin
            .listConsumerGroupOffsets(
                // A broker waits for pending offsets only of partitions that the request names.
                Map.of(
                    topics.groupId(),
                    new ListConsumerGroupOffsetsSpec().topicPartitions(partitions)),
                new ListConsumerGroupOffsetsOptions().requireStable(true))
            .partitionsToOffsetAndMetadata(topics.groupId()));
  }

  private void startAt(TopicPartition partition, OffsetAndMetadata offset) {
    if (offset == null) {
      return;
    }
    long committed = offset.offset();
    if (committed > ends.get(partition)) {
      throw new CommandFailedException(
          ("The group %s is at offset %d of %s, which ends at %d. If the topic was recreated, delete"
                  + " the group with kafka-consumer-groups --delete and run this again.")
              .formatted(topics.groupId(), committed, partition, ends.get(partition)));
    }
    // Retention may have deleted what is between the committed offset and the beginning.
    positions.merge(partition, committed, Math::max);
  }

  /** Whether any group has offsets. If none has, asking for one would create the topic. */
  private static boolean mayHaveOffsets(Admin admin) {
    try {
      KafkaAnswers.await(admin.describeTopics(Set.of(OFFSETS_TOPIC)).allTopicNames());
      return true;
    } catch (UnknownTopicOrPartitionException e) {
      return false;
    } catch (KafkaException e) {
      // This login may not describe the topic, which may exist.
      return true;
    }
  }

  private void read(
      Consumer<byte[], byte[]> reader,
      Progress progress,
      BiConsumer<DeadLetter, ProducerRecord<byte[], byte[]>> destination) {
    long all = unreadOffsets();
    long lastRecord = System.nanoTime();
    Set<TopicPartition> unread = new HashSet<>(positions.keySet());
    unread.removeIf(partition -> isRead(reader, partition));
    while (!unread.isEmpty()) {
      ConsumerRecords<byte[], byte[]> polled = reader.poll(POLL);
      for (ConsumerRecord<byte[], byte[]> stored : polled) {
        TopicPartition partition = new TopicPartition(stored.topic(), stored.partition());
        if (stored.offset() >= ends.get(partition)) {
          continue;
        }
        if (results.getOrDefault(Result.REPLAYED, 0L) >= max) {
          return;
        }
        positions.put(partition, stored.offset() + 1);
        results.merge(handle(new DeadLetter(stored), destination), 1L, Long::sum);
        progress.to(all - unreadOffsets(), all);
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

  private long unreadOffsets() {
    return ends.entrySet().stream().mapToLong(e -> e.getValue() - positions.get(e.getKey())).sum();
  }

  private boolean isRead(Consumer<byte[], byte[]> reader, TopicPartition partition) {
    if (reader.position(partition) < ends.get(partition)) {
      return false;
    }
    // Behind the last record are the markers of transactions, which have offsets too.
    positions.put(partition, ends.get(partition));
    reader.pause(Set.of(partition));
    return true;
  }

  private Result handle(
      DeadLetter letter, BiConsumer<DeadLetter, ProducerRecord<byte[], byte[]>> destination) {
    if (!filter.matches(letter)) {
      return Result.NOT_SELECTED;
    }
    if (filter.exhausts(letter)) {
      return Result.EXHAUSTED;
    }
    ConsumerRecord<byte[], byte[]> original =
        letter.isIncomplete() ? original(letter.origin()) : letter.stored();
    if (original == null) {
      err.printf(
          "The dead letter at offset %d of partition %d cannot be replayed: it is incomplete, and its id record is no longer on the topic.%n",
          letter.stored().offset(), letter.stored().partition());
      return Result.RECORD_GONE;
    }
    destination.accept(letter, letter.replay(topics.ids(), original));
    return Result.REPLAYED;
  }

  /** The id record at a place, or null if it is gone. */
  private ConsumerRecord<byte[], byte[]> original(DeadLetter.Origin origin) {
    // A header must not make this command read any other topic.
    if (origin == null || !origin.partition().topic().equals(topics.ids())) {
      return null;
    }
    try (Consumer<byte[], byte[]> reader = clients.reader(CLIENT_ID + "-original")) {
      Set<TopicPartition> partition = Set.of(origin.partition());
      boolean exists =
          reader.partitionsFor(topics.ids()).stream()
              .anyMatch(info -> info.partition() == origin.partition().partition());
      if (!exists
          || origin.offset() < reader.beginningOffsets(partition).get(origin.partition())
          || origin.offset() >= reader.endOffsets(partition).get(origin.partition())) {
        return null;
      }
      reader.assign(partition);
      reader.seek(origin.partition(), origin.offset());
      long from = System.nanoTime();
      while (System.nanoTime() - from < STALLED_NANOS) {
        for (ConsumerRecord<byte[], byte[]> original : reader.poll(POLL)) {
          return original.offset() == origin.offset() ? original : null;
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
}
