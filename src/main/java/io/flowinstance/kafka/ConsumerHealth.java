package io.flowinstance.kafka;

import io.flowinstance.id.IdRecord;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/** How one consumer is, as its own threads say. */
final class ConsumerHealth {
  private static final Logger LOG = LoggerFactory.getLogger(ConsumerHealth.class);

  /** Of the records that are left out. */
  private static final int MOST_NAMED = 3;

  /** A single failure may come from a rebalance, or from a broker that restarts. */
  private static final int FAILURES_IN_A_ROW = 2;

  private static final Duration OTHERS_GO_ON = Duration.ofMinutes(1);

  private final int number;
  private final InFlight inFlight;
  private final Faults faults;
  private final LongSupplier nanoTime;
  private volatile long polledAt;
  private volatile boolean member;
  private final Map<String, String> lastFailures = new ConcurrentHashMap<>();
  private boolean noticed;
  private long noticedAt;

  /**
   * @param number of the consumer in its process, from 0
   * @param nanoTime as {@link System#nanoTime()}
   */
  ConsumerHealth(int number, InFlight inFlight, Faults faults, LongSupplier nanoTime) {
    this.number = number;
    this.inFlight = inFlight;
    this.faults = faults;
    this.nanoTime = nanoTime;
    polledAt = nanoTime.getAsLong();
  }

  String name() {
    return "consumer " + number;
  }

  InFlight inFlight() {
    return inFlight;
  }

  void polled() {
    polledAt = nanoTime.getAsLong();
  }

  /** Time since its last poll. */
  long sincePoll() {
    return nanoTime.getAsLong() - polledAt;
  }

  void member(boolean now) {
    member = now;
  }

  boolean isMember() {
    return member;
  }

  void reads() {
    faults.clear(name() + " reads");
  }

  /** A poll failed: the loop goes on, so it is not a sign of a hang. */
  void readingFailed(Throwable failure) {
    polled();
    faults.report(name() + " reads", "Ids cannot be read. " + KafkaFaults.sentence(failure));
    log("A poll failed.", failure);
  }

  void startFailed(RuntimeException failure, int failures) {
    if (isForAPerson(failure) || failures >= FAILURES_IN_A_ROW) {
      faults.report(name() + " starts", "Offsets cannot be read. " + KafkaFaults.sentence(failure));
    }
  }

  void starts() {
    faults.clear(name() + " starts");
  }

  /** A partition waits: the others go on. */
  void cannotStart(String sentence) {
    faults.report(name() + " starts", "An offset cannot be read: " + sentence);
  }

  /** A batch of a partition is broken: the others go on. */
  void cannotRead(TopicPartition partition, String sentence) {
    faults.report(batchOf(partition), "A batch cannot be read: " + sentence);
  }

  void canRead(TopicPartition partition) {
    faults.clear(batchOf(partition));
  }

  /** Another consumer may own the partition now, and its batch is as broken as before. */
  void readNoMore(TopicPartition partition) {
    faults.forget(batchOf(partition));
  }

  private String batchOf(TopicPartition partition) {
    return name() + " reads a batch of " + partition;
  }

  void publishes() {
    faults.clear(name() + " publishes");
  }

  void publishingFailed(Throwable failure, int failures) {
    log("A transaction failed.", failure);
    if (isForAPerson(failure)
        || failures >= FAILURES_IN_A_ROW && !(failure instanceof CommitFailedException)) {
      faults.report(
          name() + " publishes", "Nothing can be published. " + KafkaFaults.sentence(failure));
    }
  }

  /**
   * Says of a record which it is, if it has had no outcome for so long though others have; once in
   * that time at most.
   */
  void noticeUndone(Duration longest) {
    long now = nanoTime.getAsLong();
    IdRecord oldest = inFlight.oldest();
    if (oldest == null
        || now - oldest.polledAt() <= longest.toNanos()
        || now - inFlight.publishedAt() > OTHERS_GO_ON.toNanos()
        || noticed && now - noticedAt <= longest.toNanos()) {
      return;
    }
    noticed = true;
    noticedAt = now;
    LOG.warn(
        "The id record {} has had no outcome for {} minutes. Others go on.",
        oldest.position(),
        TimeUnit.NANOSECONDS.toMinutes(now - oldest.polledAt()));
  }

  /** It has ended. */
  void forget() {
    for (String source : List.of(" reads", " starts", " publishes")) {
      faults.forget(name() + source);
    }
  }

  /** A fault of ours with its stack, once in a row. */
  private void log(String what, Throwable failure) {
    boolean isOfKafka =
        failure instanceof KafkaException
            || failure instanceof IllegalStateException
            || KafkaFaults.isKnown(failure);
    String words = failure.toString();
    boolean isNew = !words.equals(lastFailures.put(what, words));
    LOG.atLevel(isOfKafka || !isNew ? Level.DEBUG : Level.ERROR).setCause(failure).log(what);
  }

  private static boolean isForAPerson(Throwable failure) {
    return failure instanceof NotReadyException
        || failure instanceof AuthenticationException
        || failure instanceof AuthorizationException;
  }

  /** The broker takes no metadata of this length. */
  void metadataRefused(int length) {
    LOG.warn(
        "The brokers refuse offset metadata of {} characters (offset.metadata.max.bytes). From"
            + " now on it is shorter, and a partition is paused sooner behind a slow id.",
        length);
  }

  /** Retention deleted records before this consumer read them. */
  void lost(TopicPartition partition, RecordsInFlight.LostOffsets offsets) {
    LOG.warn(
        "Retention deleted {} offsets of {}, from {} on, before their ids were read.",
        offsets.count(),
        partition,
        offsets.from());
  }

  /** What keeps outcomes from being published, or empty. */
  String uncommitted(long longest) {
    List<String> parked = inFlight.parked();
    int named = Math.min(MOST_NAMED, parked.size());
    List<String> sentences = new ArrayList<>(parked.subList(0, named));
    if (parked.size() > named) {
      sentences.add("The same applies to %d more records.".formatted(parked.size() - named));
    }
    sentences.add(late(longest));
    return String.join(" ", sentences).strip();
  }

  private String late(long longest) {
    long since = inFlight.readySince();
    if (since != 0 && nanoTime.getAsLong() - since > longest) {
      return "Outcomes of %s are ready and have not been published for %d s."
          .formatted(name(), TimeUnit.NANOSECONDS.toSeconds(nanoTime.getAsLong() - since));
    }
    var crowded = inFlight.crowded();
    if (!crowded.isEmpty()) {
      return "Partitions %s of %s are paused until their slowest ids are done."
          .formatted(crowded, name());
    }
    return "";
  }
}
