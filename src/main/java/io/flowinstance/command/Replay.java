package io.flowinstance.command;

import io.flowinstance.delivery.DeadLetter;
import io.flowinstance.kafka.KafkaClients;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsOptions;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/**
 * One look through the dead letters, from where earlier replays left some to where the topic ended
 * when it began. Each of them has one {@link Fate}.
 *
 * <p>It belongs to no consumer group: it reads all partitions itself, so nothing is ever
 * rebalanced. What earlier replays did is read from the offsets of the group, by a client that
 * leaves no trace.
 */
final class Replay {
  /** Where Kafka keeps the offsets of groups; reading one makes this topic if it is not there. */
  private static final String OFFSETS_TOPIC = "__consumer_offsets";

  private static final Duration POLL = Duration.ofMillis(200);
  private static final long STALLED_NANOS = TimeUnit.SECONDS.toNanos(30);
  private static final String CLIENT_ID = "flow-instance-routes-replay";

  private final KafkaClients clients;
  private final Topics topics;
  private final ReplayFilter filter;
  private final long most;
  private final Map<Fate, Long> tally = new EnumMap<>(Fate.class);
  private final Map<TopicPartition, Place> places = new TreeMap<>(Replay::inOrder);

  /**
   * Where it reads and writes.
   *
   * @param deadLetters the topic of the dead letters
   * @param ids the topic that they came from and go to
   * @param groupId the consumer group in whose name progress is committed
   */
  record Topics(String deadLetters, String ids, String groupId) {}

  /** What becomes of a dead letter. */
  enum Fate {
    /** Goes back to the topic of ids. */
    REPLAYED,
    /** The filter does not mean it. */
    SKIPPED,
    /** Was replayed as often as may be. */
    AT_THE_CEILING,
    /** An earlier replay took it. */
    TAKEN_BEFORE,
    /** Has no value, and the id record is no more where it stood. */
    VALUE_GONE
  }

  /** Takes what is replayed. */
  @FunctionalInterface
  interface Destination {
    /**
     * Takes one dead letter.
     *
     * @param idRecord what goes to the topic of ids
     */
    void take(DeadLetter letter, ProducerRecord<byte[], byte[]> idRecord);
  }

  /** Follows a replay. */
  interface Watch {
    /**
     * Called after each dead letter.
     *
     * @param looked how many offsets are behind it
     * @param all how many there are
     */
    void at(long looked, long all);

    /** Called for a dead letter that cannot be replayed: {@link Fate#VALUE_GONE}. */
    void valueGone(DeadLetter letter);
  }

  /**
   * @param most how many to replay at most
   */
  Replay(KafkaClients clients, Topics topics, ReplayFilter filter, long most) {
    this.clients = clients;
    this.topics = topics;
    this.filter = filter;
    this.most = most;
  }

  /** One partition of the dead letters on the way through it. */
  private static final class Place {
    private final ReplayProgress known;
    private final long start;
    private final long end;
    private long position;
    private long firstOpen = -1;

    Place(ReplayProgress known, long beginning, long end) {
      this.known = known;
      this.end = end;
      // What stood before the beginning is gone by the topic's retention.
      start = Math.max(known.firstOpen(), beginning);
      position = start;
    }

    void leaveOpen(long offset) {
      if (firstOpen < 0) {
        firstOpen = offset;
      }
    }

    ReplayProgress progress(ReplayFilter filter) {
      return known.after(filter, position, firstOpen < 0 ? position : firstOpen);
    }
  }

  /**
   * Looks through the dead letters.
   *
   * @return how many had which fate
   * @throws CommandFailedException it cannot go on
   */
  Map<Fate, Long> run(Destination destination, Watch watch) {
    try (Consumer<byte[], byte[]> reader = clients.reader(CLIENT_ID)) {
      findPlaces(reader);
      Set<TopicPartition> unread = new HashSet<>();
      places.forEach(
          (partition, place) -> {
            if (place.start < place.end) {
              unread.add(partition);
            }
          });
      reader.assign(unread);
      unread.forEach(partition -> reader.seek(partition, places.get(partition).start));
      read(reader, unread, destination, watch);
      return tally;
    }
  }

  /** What to commit with everything that was taken so far: how far it came in each partition. */
  Map<TopicPartition, OffsetAndMetadata> offsets() {
    Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
    places.forEach((partition, place) -> offsets.put(partition, place.progress(filter).toOffset()));
    return offsets;
  }

  private void read(
      Consumer<byte[], byte[]> reader,
      Set<TopicPartition> unread,
      Destination destination,
      Watch watch) {
    long all = places.values().stream().mapToLong(place -> place.end - place.start).sum();
    long lastRecord = System.nanoTime();
    while (!unread.isEmpty()) {
      ConsumerRecords<byte[], byte[]> polled = reader.poll(POLL);
      for (ConsumerRecord<byte[], byte[]> stored : polled) {
        Place place = places.get(new TopicPartition(stored.topic(), stored.partition()));
        if (stored.offset() >= place.end) {
          continue;
        }
        if (tally.getOrDefault(Fate.REPLAYED, 0L) >= most) {
          return;
        }
        look(place, new DeadLetter(stored), destination, watch);
        watch.at(places.values().stream().mapToLong(p -> p.position - p.start).sum(), all);
      }
      boolean moved = unread.removeIf(partition -> isRead(reader, partition));
      if (moved || !polled.isEmpty()) {
        lastRecord = System.nanoTime();
      } else if (System.nanoTime() - lastRecord > STALLED_NANOS) {
        throw new CommandFailedException(
            "The brokers have given no dead letter for 30 s, and %d partitions are not read."
                .formatted(unread.size()));
      }
    }
  }

  private boolean isRead(Consumer<byte[], byte[]> reader, TopicPartition partition) {
    Place place = places.get(partition);
    if (reader.position(partition) < place.end) {
      return false;
    }
    // The marks of transactions have offsets too.
    place.position = place.end;
    reader.pause(List.of(partition));
    return true;
  }

  private void look(Place place, DeadLetter letter, Destination destination, Watch watch) {
    ProducerRecord<byte[], byte[]> idRecord = null;
    Fate fate = fate(place, letter);
    if (fate == Fate.REPLAYED) {
      idRecord = idRecord(letter);
      if (idRecord == null) {
        fate = Fate.VALUE_GONE;
        watch.valueGone(letter);
      }
    }
    tally.merge(fate, 1L, Long::sum);
    long offset = letter.stored().offset();
    if (fate == Fate.SKIPPED || fate == Fate.AT_THE_CEILING) {
      place.leaveOpen(offset);
    }
    place.position = offset + 1;
    if (idRecord != null) {
      destination.take(letter, idRecord);
    }
  }

  private Fate fate(Place place, DeadLetter letter) {
    if (place.known.holds(letter)) {
      return Fate.TAKEN_BEFORE;
    }
    if (!filter.selects(letter)) {
      return Fate.SKIPPED;
    }
    return filter.takes(letter) ? Fate.REPLAYED : Fate.AT_THE_CEILING;
  }

  /** What goes to the topic of ids, or null when it is no more to be had. */
  private ProducerRecord<byte[], byte[]> idRecord(DeadLetter letter) {
    if (!letter.isIncomplete()) {
      return letter.replay(topics.ids());
    }
    DeadLetter.Origin origin = letter.origin();
    // A header is no reason to read from any other topic.
    if (origin == null || !origin.partition().topic().equals(topics.ids())) {
      return null;
    }
    ConsumerRecord<byte[], byte[]> original = original(origin);
    return original == null ? null : letter.replay(topics.ids(), original);
  }

  private ConsumerRecord<byte[], byte[]> original(DeadLetter.Origin origin) {
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
          "The brokers have not given the record at %s-%d for 30 s."
              .formatted(origin.partition(), origin.offset()));
    }
  }

  private void findPlaces(Consumer<byte[], byte[]> reader) {
    Map<TopicPartition, OffsetAndMetadata> committed = new HashMap<>();
    Collection<TopicPartition> partitions = new ArrayList<>();
    try (Admin admin = clients.admin()) {
      KafkaAnswers.partitions(admin, topics.ids());
      int count = KafkaAnswers.partitions(admin, topics.deadLetters());
      for (int partition = 0; partition < count; partition++) {
        partitions.add(new TopicPartition(topics.deadLetters(), partition));
      }
      if (mayHaveOffsets(admin)) {
        committed.putAll(committed(admin, partitions));
      }
    }
    Map<TopicPartition, Long> beginnings = reader.beginningOffsets(partitions);
    Map<TopicPartition, Long> ends = reader.endOffsets(partitions);
    for (TopicPartition partition : partitions) {
      OffsetAndMetadata offset = committed.get(partition);
      long end = ends.get(partition);
      ReplayProgress known =
          offset == null
              ? ReplayProgress.none(beginnings.get(partition))
              : ReplayProgress.of(offset);
      if (known.furthest() > end) {
        throw new CommandFailedException(
            ("The group %s stands at offset %d of %s, which ends at %d: the topic was made anew."
                    + " Delete the group with kafka-consumer-groups --delete, and run this again.")
                .formatted(topics.groupId(), known.furthest(), partition, end));
      }
      places.put(partition, new Place(known, beginnings.get(partition), end));
    }
  }

  /** Whether any group has ever committed; without that, asking would make Kafka's own topic. */
  private static boolean mayHaveOffsets(Admin admin) {
    try {
      admin.describeTopics(Set.of(OFFSETS_TOPIC)).allTopicNames().get();
      return true;
    } catch (ExecutionException e) {
      // Where this login may not know, the topic may be there.
      return !(e.getCause() instanceof UnknownTopicOrPartitionException);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandFailedException("Interrupted.", e);
    }
  }

  private Map<TopicPartition, OffsetAndMetadata> committed(
      Admin admin, Collection<TopicPartition> partitions) {
    Map<TopicPartition, OffsetAndMetadata> committed = new HashMap<>();
    KafkaAnswers.await(
            admin
                .listConsumerGroupOffsets(
                    Map.of(
                        topics.groupId(),
                        new ListConsumerGroupOffsetsSpec().topicPartitions(partitions)),
                    // Not those before a transaction that is about to be over.
                    new ListConsumerGroupOffsetsOptions().requireStable(true))
                .partitionsToOffsetAndMetadata(topics.groupId()))
        .forEach(
            (partition, offset) -> {
              if (offset != null) {
                committed.put(partition, offset);
              }
            });
    return committed;
  }

  private static int inOrder(TopicPartition a, TopicPartition b) {
    return Integer.compare(a.partition(), b.partition());
  }
}
