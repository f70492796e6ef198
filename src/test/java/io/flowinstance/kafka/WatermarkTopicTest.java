package io.flowinstance.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.discover.Discovery;
import io.flowinstance.discover.Watermark;
import io.flowinstance.enos.Identity;
import io.flowinstance.enos.InstanceSearch;
import io.flowinstance.harness.WatermarkKafka;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupAuthorizationException;
import org.apache.kafka.common.errors.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class WatermarkTopicTest {
  private static final TopicPartition PARTITION = new TopicPartition("watermark", 0);
  private static final Instant START = Instant.parse("2026-01-31T10:00:00Z");

  private final Faults faults = new Faults();
  private final AtomicLong nanos = new AtomicLong();
  private final WatermarkKafka kafka = new WatermarkKafka("watermark");
  private final Discovery discovery =
      new Discovery(
          new Discovery.Options(
              new Identity("u", "o"),
              List.of(InstanceSearch.Type.PERIODIC),
              List.of(""),
              START,
              Duration.ZERO,
              Duration.ofDays(1)));
  private final WatermarkTopic topic =
      new WatermarkTopic(
          new WatermarkTopic.Options("watermark", "ids", "group", "transactions", 1_000, 6_000),
          kafka,
          faults,
          nanos::get);

  @AfterEach
  void close() {
    topic.close();
  }

  private static void awaitThat(String what, Callable<Boolean> condition) {
    await(what).atMost(Duration.ofSeconds(10)).pollInterval(Duration.ofMillis(5)).until(condition);
  }

  private Watermark start(String... records) {
    kafka.records(records);
    topic.start();
    awaitThat("it owns the partition", () -> topic.current() != null);
    return topic.current();
  }

  private Discovery.Round round(Watermark before, String... ids) throws InterruptedException {
    return discovery.round(
        before,
        START,
        search ->
            new InstanceSearch.Found(search.statuses().isEmpty() ? Set.of(ids) : Set.of(), 0, ""));
  }

  @Test
  void aStopDoesNotWaitForBrokersThatTakeNothing() throws Exception {
    Discovery.Round round = round(start(), "1-2");
    CountDownLatch flushes = kafka.hangFlushes();
    CompletableFuture<Watermark> published =
        CompletableFuture.supplyAsync(() -> topic.publish(round));
    assertTrue(flushes.await(10, TimeUnit.SECONDS));

    assertTimeout(Duration.ofSeconds(10), topic::close);

    assertThrows(ExecutionException.class, published::get);
  }

  private static String text(byte[] bytes) {
    return new String(bytes, UTF_8);
  }

  @Test
  void anEmptyTopicHasNoWatermark() {
    assertEquals(Watermark.NONE, start());
    assertEquals(0, topic.age(START));
  }

  @Test
  void theLastRecordIsTheWatermarkAndWhatIsNoneIsIgnored() {
    Watermark watermark =
        start("{\"watermark\":\"2026-01-01T00:00:00Z\"}", text(Watermark.write(START)), "soon");

    assertEquals(new Watermark(START, 1), watermark);
    assertEquals(90, topic.age(START.plusSeconds(90)));
  }

  @Test
  void idsWatermarkAndTheOffsetOfTheWatermarkAreOneTransaction() throws Exception {
    Discovery.Round round = round(start(text(Watermark.write(START))), "1-2");

    assertNotNull(topic.publish(round));

    assertEquals(1, kafka.producer().commitCount());
    assertEquals(
        List.of("ids 1-2 1-2", "watermark watermark {\"watermark\":\"2026-01-31T10:00:00Z\"}"),
        kafka.producer().history().stream().map(WatermarkTopicTest::shown).toList());
    Map<TopicPartition, OffsetAndMetadata> offsets =
        kafka.producer().consumerGroupOffsetsHistory().get(0).values().iterator().next();
    assertEquals(Map.of(PARTITION, new OffsetAndMetadata(0)), offsets);
    assertEquals(new Watermark(START, 0), topic.current());
  }

  private static String shown(ProducerRecord<byte[], byte[]> message) {
    return message.topic() + " " + text(message.key()) + " " + text(message.value());
  }

  @Test
  void anIdThatBeginsLikeJsonIsSentAsAnObject() throws Exception {
    assertNotNull(topic.publish(round(start(), "{7")));

    assertEquals("ids {7 {\"flowInstId\":\"{7\"}", shown(kafka.producer().history().get(0)));
  }

  @Test
  void veryManyIdsAreSeveralTransactionsAndTheWatermarkIsInTheLast() throws Exception {
    Discovery.Round round =
        round(
            start(), IntStream.range(0, 2_001).mapToObj(Integer::toString).toArray(String[]::new));

    assertNotNull(topic.publish(round));

    assertEquals(3, kafka.producer().commitCount());
    assertEquals(2_002, kafka.producer().history().size());
    assertEquals("watermark", kafka.producer().history().get(2_001).topic());
    assertEquals(1, kafka.producer().consumerGroupOffsetsHistory().size());
  }

  @Test
  void whoeverLosesThePartitionBetweenTwoTransactionsPublishesNoWatermark() throws Exception {
    Discovery.Round round =
        round(
            start(), IntStream.range(0, 20_001).mapToObj(Integer::toString).toArray(String[]::new));

    synchronized (topic) {
      kafka.lose();
      assertNull(topic.publish(round));
    }

    assertTrue(kafka.producer().commitCount() <= 20, kafka.producer().commitCount() + " commits");
    assertTrue(
        kafka.producer().history().stream()
            .noneMatch(message -> message.topic().equals("watermark")));
  }

  @Test
  void whoeverLostThePartitionPublishesNothing() throws Exception {
    Discovery.Round round = round(start(), "1-2");
    kafka.lose();
    awaitThat("it is lost", () -> topic.current() == null);

    assertNull(topic.publish(round));

    assertEquals(0, kafka.producer().history().size());
  }

  @Test
  void whoeverTheGroupNoLongerKnowsPublishesNothing() throws Exception {
    Discovery.Round round = round(start(), "1-2");
    kafka.producer().sendOffsetsToTransactionException = new CommitFailedException();

    assertNull(topic.publish(round));

    assertEquals(0, kafka.producer().history().size());
    assertTrue(kafka.producer().transactionAborted());
    kafka.producer().sendOffsetsToTransactionException = null;
    assertNotNull(topic.publish(round));
    assertEquals(1, kafka.producer().commitCount());
  }

  @Test
  void aTransactionThatFailedLeavesTheWatermark() throws Exception {
    Watermark before = start();
    Discovery.Round round = round(before, "1-2");
    kafka.producer().sendException = new KafkaException("no");

    assertThrows(KafkaException.class, () -> topic.publish(round));

    assertEquals(before, topic.current());
    assertTrue(kafka.producer().transactionAborted());
  }

  @Test
  void ofACommitThatWasNotAnsweredTheTopicIsReadAnewBeforeTheNextSearch() throws Exception {
    Watermark before = start(text(Watermark.write(START)));
    Discovery.Round round = round(before, "1-2");
    kafka.producer().commitTransactionException = new TimeoutException("no answer");
    kafka.producer().abortTransactionException = new IllegalStateException("commit it");

    synchronized (topic) {
      assertThrows(TimeoutException.class, () -> topic.publish(round));
      assertNull(topic.current());
      kafka.records(text(Watermark.write(START.plusSeconds(60))));
    }

    awaitThat("it reads again", () -> topic.current() != null);
    assertEquals(new Watermark(START.plusSeconds(60), 1), topic.current());
    assertEquals(2, kafka.consumers());
    assertNull(topic.publish(round));
  }

  @Test
  void aWatermarkThatDoesNotComeIsToldOfUntilItComes() {
    kafka.records(text(Watermark.write(START)));
    kafka.hide();
    topic.start();
    awaitThat("it joins", () -> kafka.isJoined());
    assertEquals(List.of(), faults.all());
    nanos.addAndGet(Duration.ofSeconds(121).toNanos() + 1);
    awaitThat("it says so", () -> !faults.all().isEmpty());
    assertTrue(
        faults.all().get(0).startsWith("discover cannot read its watermark: watermark-0"),
        faults::toString);
    assertNull(topic.current());

    kafka.show();
    awaitThat("it heals", () -> topic.current() != null && faults.all().isEmpty());
    assertEquals(new Watermark(START, 0), topic.current());
  }

  @Test
  void aWatermarkThatIsCommittedAndNotYetVisibleIsWaitedFor() {
    kafka.committed(7);
    topic.start();
    awaitThat("it joins", () -> kafka.isJoined());
    nanos.addAndGet(Duration.ofSeconds(121).toNanos() + 1);
    awaitThat("it says so", () -> !faults.all().isEmpty());

    assertNull(topic.current());
  }

  @Test
  void aWatermarkThatCameWhileOneWasPublishedIsIgnored() throws Exception {
    start(text(Watermark.write(START)));
    for (int i = 0; i < 3; i++) {
      // The mock numbers records from 0, as if the topic were empty.
      assertNotNull(topic.publish(round(topic.current())));
    }
    Watermark last = topic.current();
    kafka.late(last.offset() - 1, text(Watermark.write(START.minusSeconds(60))));
    kafka.late(last.offset() + 1, text(Watermark.write(START.plusSeconds(60))));
    awaitThat("the later one counts", () -> !topic.current().equals(last));

    assertEquals(new Watermark(START.plusSeconds(60), last.offset() + 1), topic.current());
  }

  @Test
  void aTopicThatIsMissingIsWaitedFor() {
    kafka.partitions(0);
    topic.start();
    awaitThat("it says so", () -> !faults.all().isEmpty());
    assertEquals(
        List.of(
            "discover cannot read its watermark. Topic watermark does not exist: create it with one"
                + " partition, compacted."),
        faults.all());
    assertNull(topic.current());

    kafka.partitions(1);
    awaitThat("it heals", () -> topic.current() != null);
    assertEquals(List.of(), faults.all());
  }

  @Test
  void aTopicOfMorePartitionsIsRefusedEvenLater() {
    start();
    kafka.partitions(2);
    awaitThat("it says so", () -> !faults.all().isEmpty());

    assertTrue(faults.all().get(0).contains("Topic watermark has 2 partitions"), faults::toString);
    assertNull(topic.current());
  }

  @Test
  void aMissingRightIsWaitedForWithAConsumerOfItsOwnEachTime() {
    kafka.fail(GroupAuthorizationException.forGroupId("group"));
    topic.start();
    awaitThat("it tries again", () -> kafka.consumers() > 2);
    assertEquals(
        List.of(
            "discover cannot read its watermark. This login may not use the consumer group group:"
                + " grant it Read there."),
        faults.all());

    kafka.fail(null);
    awaitThat("it heals", () -> topic.current() != null && faults.all().isEmpty());
  }

  @Test
  void anErrorDoesNotEndIt() {
    kafka.fail(new OutOfMemoryError("On purpose."));
    topic.start();
    awaitThat("it tries again", () -> kafka.consumers() > 1);

    kafka.fail(null);
    awaitThat("it heals", () -> topic.current() != null && faults.all().isEmpty());
  }

  @Test
  void closingLeavesTheGroup() {
    start();

    topic.close();

    assertTrue(kafka.isClosed());
    assertNull(topic.current());
  }
}
