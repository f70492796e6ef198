package io.flowinstance.delivery;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One consumer and what it has in hand. New ids are polled while others still wait for the API, and
 * whatever is ready is published: one slow call holds back what follows it in its partition, and
 * nothing else.
 *
 * <p>All of it runs on the poll thread. What it throws makes camel-kafka close the consumer and
 * make another, which resumes at the committed offsets.
 */
final class Lane {
  private static final Logger LOG = LoggerFactory.getLogger(Lane.class);

  /** Bytes after which ids go on in a further transaction, so that none lasts long. */
  static final long TRANSACTION_BYTES = 8L << 20;

  private static final int LOOK_AGAIN_MS = 2;
  private static final long FIRST_PAUSE_MS = 250;
  private static final long LONGEST_PAUSE_MS = 10_000;

  /** While more ids wait than a batch holds, fewer and larger transactions serve better. */
  private static final long PATIENCE_IN_BACKLOG = TimeUnit.MILLISECONDS.toNanos(250);

  private final int number;
  private final Consumer<Object, Object> consumer;
  private final Publisher publisher;
  private final Lanes.Limits limits;
  private volatile InHand inHand;
  private volatile int failures;
  private boolean inBacklog;
  private long publishedAt = System.nanoTime() - Long.MAX_VALUE / 2;
  private long lastTook;
  private boolean begun;
  private boolean handedOut;
  private boolean finishing;

  /**
   * @param number of the lane in its process, from 0
   * @param failures in a row of the consumers before this one
   */
  Lane(
      int number,
      int failures,
      Consumer<Object, Object> consumer,
      Publisher publisher,
      Lanes.Limits limits) {
    this.number = number;
    this.failures = failures;
    this.consumer = consumer;
    this.publisher = publisher;
    this.limits = limits;
    inHand = new InHand(consumer.groupMetadata());
  }

  int number() {
    return number;
  }

  /** How often in a row what was in hand had to be let go. */
  int failures() {
    return failures;
  }

  InHand inHand() {
    return inHand;
  }

  /** Polls for ids, and publishes meanwhile what becomes ready. */
  ConsumerRecords<Object, Object> poll(Duration timeout) throws InterruptedException {
    if (inHand.isAbandoned()) {
      // Polling on would pass over what was let go.
      throw new IllegalStateException("The lane has let go of its ids and needs a new consumer.");
    }
    if (!begun) {
      pauseAfterFailures();
      begun = true;
    }
    if (handedOut) {
      // What a poll brought, camel-kafka passes on when the next one returns.
      handedOut = false;
      return ConsumerRecords.empty();
    }
    long end = System.nanoTime() + timeout.toNanos();
    ConsumerRecords<Object, Object> polled;
    do {
      publishWhatIsDue();
      takeTurns();
      long left = Math.max(0, end - System.nanoTime());
      polled =
          consumer.poll(
              inHand.isEmpty()
                  ? Duration.ofNanos(left)
                  : Duration.ofNanos(Math.min(left, LOOK_AGAIN_MS * 1_000_000L)));
      if (!isOfThisGeneration()) {
        startOver();
      }
      if (inHand.generation().generationId() < 0) {
        // The group has dropped this consumer: it joins again, and begins at the committed offsets.
        polled = ConsumerRecords.empty();
      }
    } while (polled.isEmpty() && System.nanoTime() < end);
    handedOut = !polled.isEmpty();
    return polled;
  }

  /**
   * Polls no more while there is no room for another batch, nor of a partition whose ids wait
   * behind a slow call as long as another has ids that do not: they would take the place of those
   * that can go on. The consumer stays in its group meanwhile, however long ids wait.
   */
  private void takeTurns() {
    Set<TopicPartition> toPause = toPause();
    if (!toPause.equals(consumer.paused())) {
      consumer.resume(consumer.paused());
      consumer.pause(toPause);
    }
  }

  private Set<TopicPartition> toPause() {
    if (!inHand.hasRoom(limits.batchRecords() / 2)) {
      return consumer.assignment();
    }
    Set<TopicPartition> full = inHand.partitionsWith(Math.max(1, limits.batchRecords() / 2));
    boolean othersHaveSome =
        !full.isEmpty()
            && consumer.assignment().stream()
                .anyMatch(partition -> !full.contains(partition) && lag(partition) > 0);
    return othersHaveSome ? full : Set.of();
  }

  private boolean isOfThisGeneration() {
    ConsumerGroupMetadata now = consumer.groupMetadata();
    return now.generationId() == inHand.generation().generationId()
        && now.memberId().equals(inHand.generation().memberId());
  }

  /**
   * The assignors of this pipeline are eager: a rebalance takes all partitions back and starts at
   * their committed offsets, so ids from before it come again, here or elsewhere.
   */
  private void startOver() {
    inHand.abandon();
    inHand = new InHand(consumer.groupMetadata());
  }

  /**
   * Takes a batch in hand, but for what does not belong to this consumer any more.
   *
   * @return what it took
   */
  List<IdRecord> take(List<IdRecord> polled) {
    inBacklog = lag() >= limits.batchRecords();
    List<IdRecord> ours =
        polled.stream().filter(idRecord -> idRecord.origin().inHand() == inHand).toList();
    inHand.take(ours);
    return ours;
  }

  /** Ids that wait to be polled, as far as the consumer knows (KIP-695). */
  private long lag() {
    return consumer.assignment().stream().mapToLong(this::lag).sum();
  }

  private long lag(TopicPartition partition) {
    return consumer.currentLag(partition).orElse(0);
  }

  /** Takes a place for ids that are asked for from now on, as {@link InHand#tryBegin}. */
  boolean tryBegin(InHand of, List<IdRecord> ids, Runnable available) {
    return of.tryBegin(ids, limits.heldBytes(), available);
  }

  /** Publishes what comes of the ids in hand, for so long at most, and lets go of the rest. */
  void finish(Duration patience) throws InterruptedException {
    finishing = true;
    long end = System.nanoTime() + patience.toNanos();
    try {
      while (!inHand.isEmpty() && System.nanoTime() < end) {
        publishWhatIsDue();
        inHand.await(LOOK_AGAIN_MS);
      }
    } catch (KafkaException | IllegalStateException | BatchGivenBackException e) {
      LOG.debug("What is in hand will be polled again: {}", e.getMessage());
    }
    inHand.abandon();
  }

  private void publishWhatIsDue() {
    try {
      while (isDue()) {
        publishOnce();
      }
      RuntimeException obstacle = inHand.obstacle();
      if (obstacle != null) {
        while (inHand.hasReady()) {
          publishOnce();
        }
        if (obstacle instanceof BatchGivenBackException) {
          publisher.countGivenBack(inHand.size());
        }
        LOG.info(obstacle.getMessage(), obstacle.getCause());
        throw obstacle;
      }
    } catch (RuntimeException e) {
      failures = failures + 1;
      inHand.abandon();
      throw e;
    }
  }

  /**
   * Whether a transaction is worth its while now. Each takes the brokers a dozen writes, however
   * little is in it: between two of them passes at least the time that the last one took.
   */
  private boolean isDue() {
    if (!inHand.hasReady()) {
      return false;
    }
    if (finishing || inHand.isFull(limits.batchRecords(), enoughBytes())) {
      return true;
    }
    long waited = System.nanoTime() - publishedAt;
    return inBacklog
        ? waited >= PATIENCE_IN_BACKLOG || !inHand.isUnderWay()
        : waited >= Math.max(limits.patience().toNanos(), lastTook);
  }

  private long enoughBytes() {
    return Math.min(TRANSACTION_BYTES, limits.heldBytes() / 4);
  }

  private void publishOnce() {
    List<Outcome> outcomes = inHand.nextTransaction(TRANSACTION_BYTES);
    long begin = System.nanoTime();
    publisher.publish(number, outcomes, inHand.generation());
    inHand.published();
    publishedAt = System.nanoTime();
    lastTook = publishedAt - begin;
    failures = 0;
  }

  /** What could not be published comes again, at a pace that grows slower. */
  private void pauseAfterFailures() throws InterruptedException {
    if (failures > 0) {
      TimeUnit.MILLISECONDS.sleep(
          Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS << Math.min(failures - 1, 10)));
    }
  }
}
