package io.flowinstance.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.junit.jupiter.api.Test;

class KafkaHealthTest {
  private long nanos;
  private CompletableFuture<Void> answer = CompletableFuture.completedFuture(null);

  private final Brokers brokers =
      new Brokers() {
        @Override
        public CompletionStage<Void> ping() {
          return answer;
        }

        @Override
        public CompletionStage<Set<TopicPartition>> partitions(String topic) {
          throw new UnsupportedOperationException();
        }

        @Override
        public CompletionStage<Map<TopicPartition, Optional<OffsetAndMetadata>>> committed(
            String groupId, Set<TopicPartition> partitions) {
          throw new UnsupportedOperationException();
        }

        @Override
        public CompletionStage<Map<TopicPartition, DoneOffsets.Range>> bounds(
            Set<TopicPartition> partitions) {
          throw new UnsupportedOperationException();
        }

        @Override
        public CompletionStage<String> faultOf(List<String> topics, String deadLetterTopic) {
          return CompletableFuture.completedStage("");
        }
      };
  private final KafkaHealth health =
      new KafkaHealth(brokers, "broker:9092", List.of("ids"), () -> nanos);

  private ConsumerHealth consumer() {
    InFlight inFlight =
        new InFlight(
            new InFlightLimits(1, Duration.ofMinutes(1), 1, 1, 1), idRecord -> null, call -> {});
    return health.add(0, inFlight);
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
  void kafkaIsDownForAConsumerThatIsOutsideItsGroup() {
    ConsumerHealth consumer = consumer();
    look(Duration.ZERO);
    assertFalse(health.isUp());
    assertTrue(health.outsideTheGroup().startsWith("Not in the consumer group: consumer 0."));

    consumer.member(true);
    assertTrue(health.isUp());
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
