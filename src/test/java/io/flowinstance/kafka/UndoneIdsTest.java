package io.flowinstance.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.harness.ManualClock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupAuthorizationException;
import org.apache.kafka.common.errors.TimeoutException;
import org.junit.jupiter.api.Test;

class UndoneIdsTest {
  private static final String ID = "2809-20190808093200";
  private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

  private final OffsetBrokers brokers = new OffsetBrokers();
  private final ManualClock clock = new ManualClock();
  private final KafkaHealth health =
      new KafkaHealth(brokers, "broker:9092", List.of("ids"), System::nanoTime);
  private final UndoneIds undone =
      new UndoneIds(brokers, "ids", "pipeline", () -> Duration.ofSeconds(4), health, clock);

  private void look(Duration later) {
    clock.forward(later);
    undone.look();
  }

  @Test
  void anIdIsPendingUntilThePipelineHasCommittedWhatStoodThere() {
    brokers.ends(4, 4);
    brokers.committed(4, 4);
    look(Duration.ZERO);
    Instant sentAt = clock.instant();
    brokers.ends(6, 4);
    look(Duration.ofSeconds(30));

    assertTrue(undone.isPending(ID, sentAt));

    brokers.committed(5, 4);
    look(Duration.ofSeconds(2));

    assertFalse(undone.isPending(ID, sentAt), "the last record is the mark of the transaction");
  }

  @Test
  void aClockThatIsSetBackMakesNoIdOfNowLookDone() {
    brokers.ends(4, 4);
    brokers.committed(4, 4);
    look(Duration.ofHours(1));
    brokers.ends(6, 4);
    look(Duration.ofSeconds(30));
    Instant sentAt = clock.instant().minus(Duration.ofHours(1));
    look(Duration.ofHours(-1));

    assertTrue(undone.isPending(ID, sentAt));

    brokers.committed(6, 4);
    look(Duration.ofMinutes(1));

    assertTrue(undone.isPending(ID, clock.instant()));
    assertFalse(undone.isPending(ID, sentAt));
  }

  @Test
  void anIdIsPendingThroughAnOutageOfHours() {
    brokers.ends(4, 4);
    brokers.committed(4, 4);
    look(Duration.ZERO);
    Instant sentAt = clock.instant();
    for (int end = 6; end < 10_000; end++) {
      brokers.ends(end, 4);
      look(Duration.ofSeconds(2));
    }

    assertTrue(undone.isPending(ID, sentAt));

    brokers.committed(9_000, 4);
    look(Duration.ofSeconds(2));

    assertFalse(undone.isPending(ID, sentAt));
    assertTrue(undone.isPending(ID, clock.instant().minusSeconds(600)));
  }

  @Test
  void anIdIsPendingUntilItsTransactionCanNoLongerBeOpen() {
    brokers.ends(4, 4);
    brokers.committed(4, 4);
    look(Duration.ZERO);
    Instant sentAt = clock.instant();
    look(Duration.ofSeconds(18));

    assertTrue(undone.isPending(ID, sentAt));

    look(Duration.ofSeconds(2));

    assertFalse(undone.isPending(ID, sentAt));
  }

  @Test
  void aNeighbouringPartitionDoesNotCount() {
    brokers.ends(4, 6);
    brokers.committed(4, 4);
    look(Duration.ofSeconds(30));

    assertFalse(undone.isPending(ID, START));
  }

  @Test
  void aGroupThatNeverCommittedHasEverythingPendingThatStands() {
    brokers.ends(4, 0);
    look(Duration.ofSeconds(30));

    assertTrue(undone.isPending(ID, START));
  }

  @Test
  void anOffsetThatIsNotStableChangesNothing() {
    brokers.ends(6, 4);
    brokers.committed(4, 4);
    look(Duration.ofSeconds(30));
    brokers.committed.remove(brokers.mine);
    look(Duration.ofSeconds(2));

    assertTrue(undone.isPending(ID, START));
  }

  @Test
  void whatWasKnownCountsWhileBrokersDoNotAnswer() {
    brokers.ends(6, 4);
    brokers.committed(4, 4);
    look(Duration.ofSeconds(30));
    brokers.failure = new TimeoutException();
    look(Duration.ofSeconds(30));

    assertTrue(undone.isPending(ID, START));
    assertEquals(List.of(), health.faults().all());
  }

  @Test
  void anIdMayBePendingUntilBrokersHaveAnsweredForTheFirstTime() {
    assertTrue(undone.isPending(ID, START));
    brokers.ends(4, 4);
    brokers.committed(4, 4);
    brokers.failure = new TimeoutException();
    look(Duration.ofMinutes(10));
    assertTrue(undone.isPending(ID, START));

    brokers.failure = null;
    look(Duration.ofSeconds(2));
    assertFalse(undone.isPending(ID, START));
  }

  @Test
  void nothingIsPendingWhereOffsetsMayNotBeReadAndHealthSaysSo() {
    brokers.ends(6, 4);
    brokers.committed(4, 4);
    look(Duration.ofSeconds(30));
    brokers.failure = new GroupAuthorizationException("pipeline");
    look(Duration.ofSeconds(2));

    assertFalse(undone.isPending(ID, START));
    assertTrue(health.unanswered().contains("grant this login Describe"), health.unanswered());

    brokers.failure = null;
    look(Duration.ofSeconds(2));

    assertTrue(undone.isPending(ID, START));
    assertEquals("", health.unanswered());
  }

  @Test
  void aLookThatDoesNotSeeEachPartitionTeachesNothing() {
    brokers.ends(6, 4);
    brokers.committed(4, 4);
    look(Duration.ofSeconds(30));
    brokers.committed(6, 4);
    brokers.ends.remove(brokers.other);
    look(Duration.ofSeconds(30));

    assertTrue(undone.isPending(ID, START));
    brokers.ends(6, 4);
    look(Duration.ofSeconds(30));
    assertFalse(undone.isPending(ID, START));
  }

  @Test
  void nothingThatWasOnATopicThatIsMadeAnewIsPending() {
    brokers.ends(100, 4);
    brokers.committed(50, 4);
    look(Duration.ofSeconds(30));
    assertTrue(undone.isPending(ID, START));

    brokers.ends(4, 4);
    brokers.committed(4, 4);
    look(Duration.ofSeconds(30));
    assertFalse(undone.isPending(ID, START));
  }

  @Test
  void nothingIsPendingThatWasOnPartitionsWhichATopicMadeAnewHasNot() {
    brokers.ends(100, 100);
    brokers.committed(50, 50);
    look(Duration.ofSeconds(30));

    TopicPartition only = new TopicPartition("ids", 0);
    brokers.all = Set.of(only);
    brokers.ends.keySet().retainAll(brokers.all);
    brokers.ends.put(only, 4L);
    brokers.committed.put(only, Optional.of(new OffsetAndMetadata(4)));
    look(Duration.ofSeconds(30));
    assertFalse(undone.isPending(ID, START));
  }

  @Test
  void asksNothingWhileAnAnswerIsOutstanding() {
    brokers.answers = new CompletableFuture<>();
    look(Duration.ZERO);
    look(Duration.ofSeconds(2));

    assertEquals(1, brokers.asked);
  }

  /** Two partitions, of which one is the id's. */
  private static final class OffsetBrokers implements Brokers {
    private final int number = BuiltInPartitioner.partitionForKey(ID.getBytes(UTF_8), 2);
    private final TopicPartition mine = new TopicPartition("ids", number);
    private final TopicPartition other = new TopicPartition("ids", 1 - number);
    private Set<TopicPartition> all = Set.of(mine, other);
    private final Map<TopicPartition, Long> ends = new HashMap<>();
    private final Map<TopicPartition, Optional<OffsetAndMetadata>> committed =
        new HashMap<>(Map.of(mine, Optional.empty(), other, Optional.empty()));
    private CompletableFuture<Set<TopicPartition>> answers;
    private KafkaException failure;
    private int asked;

    void ends(long ofMine, long ofTheOther) {
      ends.put(mine, ofMine);
      ends.put(other, ofTheOther);
    }

    void committed(long ofMine, long ofTheOther) {
      committed.put(mine, Optional.of(new OffsetAndMetadata(ofMine)));
      committed.put(other, Optional.of(new OffsetAndMetadata(ofTheOther)));
    }

    @Override
    public CompletionStage<Void> ping() {
      return CompletableFuture.completedStage(null);
    }

    @Override
    public CompletionStage<Set<TopicPartition>> partitions(String topic) {
      asked++;
      return answers == null ? CompletableFuture.completedStage(all) : answers;
    }

    @Override
    public CompletionStage<Map<TopicPartition, Optional<OffsetAndMetadata>>> committed(
        String groupId, Set<TopicPartition> partitions) {
      return failure == null
          ? CompletableFuture.completedStage(Map.copyOf(committed))
          : CompletableFuture.failedStage(failure);
    }

    @Override
    public CompletionStage<Map<TopicPartition, DoneOffsets.Range>> bounds(
        Set<TopicPartition> partitions) {
      Map<TopicPartition, DoneOffsets.Range> bounds = new HashMap<>();
      ends.forEach((partition, end) -> bounds.put(partition, new DoneOffsets.Range(0, end)));
      return CompletableFuture.completedStage(bounds);
    }

    @Override
    public CompletionStage<String> faultOf(List<String> topics, String deadLetterTopic) {
      return CompletableFuture.completedStage("");
    }
  }
}
