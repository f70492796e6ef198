package io.flowinstance.delivery;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * The ids that a lane polled in one generation of its group and that are not committed yet, with
 * what has come of them. They come to their outcomes in any order and are published in the order of
 * their partitions: what is complete from the front on is ready.
 *
 * <p>The poll thread takes ids and publishes, the threads of the fetches settle.
 */
final class InHand {
  /** Until outcomes are there, few ids are begun at once: they may all be large. */
  private static final long FIRST_GUESS_BYTES = 512 << 10;

  private final ConsumerGroupMetadata generation;
  private final Map<TopicPartition, Deque<IdRecord>> waiting = new HashMap<>();
  private final Map<IdRecord, Outcome> settled = new IdentityHashMap<>();
  private final Set<IdRecord> unsettled = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Deque<Outcome> ready = new ArrayDeque<>();
  private List<Outcome> leaving = List.of();
  private long readyBytes;
  private long settledBytes;
  private final Set<IdRecord> begun = Collections.newSetFromMap(new IdentityHashMap<>());
  private final List<Runnable> waitForPlace = new ArrayList<>();
  private long typicalBytes = FIRST_GUESS_BYTES;
  private Outcome givenBack;
  private IllegalStateException failure;
  private volatile boolean abandoned;

  /**
   * @param generation under which offsets of these ids may be committed, and under no other
   *     (KIP-447)
   */
  InHand(ConsumerGroupMetadata generation) {
    this.generation = generation;
  }

  ConsumerGroupMetadata generation() {
    return generation;
  }

  /** Whether nothing comes of these ids any more: they are polled again, here or elsewhere. */
  boolean isAbandoned() {
    return abandoned;
  }

  /** Lets go of all that is in hand. */
  synchronized void abandon() {
    abandoned = true;
    waiting.clear();
    settled.clear();
    unsettled.clear();
    begun.clear();
    placeIsFree();
    ready.clear();
    leaving = List.of();
    settledBytes = 0;
    readyBytes = 0;
  }

  /** Takes ids, in the order of their partitions. */
  synchronized void take(List<IdRecord> idRecords) {
    for (IdRecord idRecord : idRecords) {
      waiting.computeIfAbsent(idRecord.partition(), p -> new ArrayDeque<>()).add(idRecord);
      unsettled.add(idRecord);
    }
  }

  /**
   * Takes a place for ids that are asked for from now on.
   *
   * @param maxBytes what all outcomes may take in the end
   * @param available runs once there may be a place, if there is none now
   */
  synchronized boolean tryBegin(List<IdRecord> ids, long maxBytes, Runnable available) {
    if (!hasPlace(maxBytes)) {
      waitForPlace.add(available);
      return false;
    }
    begun.addAll(ids);
    return true;
  }

  /** Gives back the place of ids whose call brought no answer. */
  synchronized void cancelBegin(List<IdRecord> ids) {
    ids.forEach(begun::remove);
    placeIsFree();
  }

  private void placeIsFree() {
    waitForPlace.forEach(Runnable::run);
    waitForPlace.clear();
  }

  /** What came of some of the ids; of each once. What is abandoned is ignored. */
  synchronized void settle(List<Outcome> outcomes) {
    for (Outcome outcome : outcomes) {
      if (abandoned) {
        return;
      }
      IdRecord idRecord = outcome.idRecord();
      if (!unsettled.remove(idRecord)) {
        lose("An outcome of %s came that is not in hand.".formatted(idRecord.position()), null);
        return;
      }
      begun.remove(idRecord);
      settled.put(idRecord, outcome);
      settledBytes += outcome.bytes();
      // The largest of late, slowly forgotten.
      typicalBytes = Math.max(outcome.bytes(), typicalBytes - (typicalBytes >> 6));
      advance(idRecord.partition());
    }
    if (begun.isEmpty()) {
      placeIsFree();
      notifyAll();
    }
  }

  /** An id came to no outcome: what stands before it is published, the rest is polled again. */
  synchronized void lose(String what, Throwable cause) {
    if (!abandoned && failure == null) {
      failure = new IllegalStateException(what, cause);
      notifyAll();
    }
  }

  private void advance(TopicPartition partition) {
    Deque<IdRecord> ids = waiting.get(partition);
    while (!ids.isEmpty()) {
      Outcome outcome = settled.get(ids.peek());
      if (outcome == null) {
        return;
      }
      if (outcome.givenBack() != null) {
        givenBack = givenBack == null ? outcome : givenBack;
        return;
      }
      settled.remove(ids.poll());
      ready.add(outcome);
      readyBytes += outcome.bytes();
    }
  }

  /**
   * The outcomes for the next transaction, in order, at least one when any is {@link #hasReady}.
   * They are in hand until they are {@link #published}.
   *
   * @param maxBytes the bytes of all but the last are fewer
   */
  synchronized List<Outcome> nextTransaction(long maxBytes) {
    List<Outcome> next = new ArrayList<>();
    long bytes = 0;
    while (!ready.isEmpty() && bytes < maxBytes) {
      Outcome outcome = ready.poll();
      bytes += outcome.bytes();
      next.add(outcome);
    }
    readyBytes -= bytes;
    leaving = next;
    return next;
  }

  /** The outcomes for the last transaction are committed. */
  synchronized void published() {
    for (Outcome outcome : leaving) {
      settledBytes -= outcome.bytes();
    }
    leaving = List.of();
    placeIsFree();
  }

  /** Why the lane cannot go on from here, or null. */
  synchronized RuntimeException obstacle() {
    if (failure != null) {
      return failure;
    }
    if (givenBack != null) {
      return new BatchGivenBackException(
          "%d ids are given back, to be polled again: %s"
              .formatted(size() - ready.size(), givenBack.givenBack()));
    }
    return null;
  }

  /** The id that was polled first, or null. */
  synchronized IdRecord oldest() {
    IdRecord oldest =
        Stream.concat(leaving.stream(), ready.stream())
            .map(Outcome::idRecord)
            .findFirst()
            .orElse(null);
    for (Deque<IdRecord> ids : waiting.values()) {
      IdRecord first = ids.peek();
      if (first != null
          && (oldest == null || first.origin().polledAt() < oldest.origin().polledAt())) {
        oldest = first;
      }
    }
    return oldest;
  }

  /**
   * Whether so many outcomes, or so many bytes of them, are ready that a transaction need not wait
   * for more.
   */
  synchronized boolean isFull(int enough, long enoughBytes) {
    return ready.size() >= enough || readyBytes >= enoughBytes;
  }

  /** Whether an id is asked for at this moment. */
  synchronized boolean isUnderWay() {
    return !begun.isEmpty();
  }

  /** Whether there are outcomes to publish. */
  synchronized boolean hasReady() {
    return !ready.isEmpty();
  }

  /** The partitions of which at least so many ids, or their outcomes, are not ready. */
  synchronized Set<TopicPartition> partitionsWith(int atLeast) {
    return waiting.entrySet().stream()
        .filter(ids -> ids.getValue().size() >= atLeast)
        .map(Map.Entry::getKey)
        .collect(Collectors.toSet());
  }

  private boolean hasPlace(long maxBytes) {
    return abandoned
        || begun.isEmpty() && ready.isEmpty()
        || settledBytes + (begun.size() + 1) * typicalBytes <= maxBytes;
  }

  /** Whether no more than so many ids are without an outcome. */
  synchronized boolean hasRoom(int most) {
    return unsettled.size() <= most;
  }

  /** Ids in hand. */
  synchronized int size() {
    return unsettled.size() + settled.size() + ready.size() + leaving.size();
  }

  synchronized boolean isEmpty() {
    return size() == 0;
  }

  /** Waits until nothing is under way any more, for so many milliseconds at most. */
  synchronized void await(long millis) throws InterruptedException {
    wait(millis);
  }
}
