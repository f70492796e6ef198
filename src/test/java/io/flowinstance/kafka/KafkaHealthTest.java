package io.flowinstance.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.flowinstance.id.IdRecord;
import io.flowinstance.trace.RecordSpan;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class KafkaHealthTest {
  private long nanos;
  private CompletableFuture<Void> answer = CompletableFuture.completedFuture(null);

  private Duration connecting = Duration.ZERO;
  private String saidWhileConnecting = "";

  private final Brokers brokers =
      new SilentBrokers() {
        @Override
        public CompletionStage<Void> ping() {
          nanos += connecting.toNanos();
          if (!connecting.isZero() && health.unanswered().contains("does not answer")) {
            saidWhileConnecting = health.unanswered();
          }
          return answer;
        }

        @Override
        public CompletionStage<String> faultOf(List<String> topics, String deadLetterTopic) {
          return CompletableFuture.completedStage("");
        }
      };
  private final KafkaHealth health =
      new KafkaHealth(brokers, "broker:9092", List.of("ids"), () -> nanos);

  private static InFlight inFlight() {
    return new InFlight(
        new InFlightLimits(1, Duration.ofMinutes(1), 1, 1, 1, 1), idRecord -> null, call -> {});
  }

  private ConsumerHealth consumer() {
    return health.add(0, inFlight());
  }

  private void look(Duration later) {
    nanos += later.toNanos();
    health.look();
  }

  @Test
  void kafkaIsDownWhileItDoesNotAnswer() {
    look(Duration.ZERO);
    assertTrue(health.isUp());
    answer = CompletableFuture.failedFuture(new TimeoutException("silence"));
    look(Duration.ofSeconds(2));
    assertTrue(health.isUp(), "a connection that broke is made again");

    look(Duration.ofSeconds(2));
    assertFalse(health.isUp());
    assertTrue(health.unanswered().startsWith("Kafka does not answer at broker:9092."));
    answer = CompletableFuture.completedFuture(null);
    look(Duration.ofSeconds(1));
    assertTrue(health.isUp());
  }

  @Test
  void knowsForHowLongKafkaHasAnswered() {
    look(Duration.ofSeconds(5));
    assertEquals(Duration.ofSeconds(5), health.answering());
    answer = CompletableFuture.failedFuture(new TimeoutException("silence"));
    look(Duration.ofMinutes(20));
    assertEquals(Duration.ZERO, health.answering());

    answer = CompletableFuture.completedFuture(null);
    look(Duration.ofSeconds(1));
    look(Duration.ofSeconds(1));
    assertEquals(Duration.ofSeconds(1), health.answering());
  }

  @Test
  void noBrokerIsSilentWhileAClientLogsIn() {
    look(Duration.ZERO);
    connecting = Duration.ofSeconds(5);
    answer = CompletableFuture.failedFuture(new KafkaException("no token"));
    for (int i = 0; i < 3; i++) {
      look(Duration.ofSeconds(1));
      assertEquals("Kafka: no token", health.unanswered());
    }
    assertEquals("", saidWhileConnecting);
  }

  @Test
  void kafkaIsDownForAConsumerThatIsOutsideItsGroup() {
    ConsumerHealth consumer = consumer();
    look(Duration.ZERO);
    assertFalse(health.isUp());
    assertTrue(health.outsideTheGroup().startsWith("Not in the consumer group: consumer 0."));

    consumer.member(true);
    assertTrue(health.isUp());
  }

  @Test
  void theLogNamesOnceARecordThatHasNoOutcomeForLong() {
    ListAppender<ILoggingEvent> log = new ListAppender<>();
    Logger logger = (Logger) LoggerFactory.getLogger(ConsumerHealth.class);
    log.start();
    logger.addAppender(log);
    try {
      TopicPartition partition = new TopicPartition("ids", 3);
      InFlight inFlight = inFlight();
      RecordsInFlight records =
          new RecordsInFlight(partition, new HeapPermits(1 << 20, 1).newShare());
      inFlight.own(
          new InFlight.Owned(
              new ConsumerGroupMetadata("group", 1, "member", Optional.empty()),
              Map.of(partition, records)));
      inFlight.start(records, null, new DoneOffsets.Range(0, 100));
      long lastCommit = inFlight.publishedAt();
      IdRecord polled =
          IdRecord.of(
              new ConsumerRecord<>("ids", 3, 42, null, new byte[1]),
              lastCommit - Duration.ofMinutes(10).toNanos(),
              RecordSpan.NONE);
      inFlight.add(records, List.of(polled), 43);
      health.add(0, inFlight);
      nanos = lastCommit;
      look(Duration.ZERO);
      assertEquals(0, log.list.size(), "it is not late");

      look(Duration.ofMinutes(2));
      assertEquals(0, log.list.size(), "no other goes on");

      nanos = lastCommit;
      look(Duration.ofSeconds(1));
      look(Duration.ofSeconds(1));
      assertEquals(1, log.list.size());
      assertTrue(log.list.get(0).getFormattedMessage().contains("ids-3-42"));
    } finally {
      logger.detachAppender(log);
    }
  }

  @Test
  void whatWasWrongWithAConsumerEndsWithIt() {
    ConsumerHealth consumer = consumer();
    consumer.readingFailed(new KafkaException("no"));
    consumer.cannotStart("ids-0 does not answer.");
    consumer.publishingFailed(new NotReadyException("no"), 1);
    look(Duration.ZERO);
    assertFalse(health.unanswered().isEmpty());

    health.clear();
    assertEquals("", health.unanswered());
    assertTrue(health.isUp());
  }
}
