package io.flowinstance.command;

import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** What the brokers answer, waited for. */
final class KafkaAnswers {
  private KafkaAnswers() {}

  /**
   * The answer.
   *
   * @throws KafkaException what went wrong, as Kafka says it
   */
  static <T> T await(KafkaFuture<T> answer) {
    try {
      return answer.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof KafkaException kafka ? kafka : new KafkaException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandFailedException("Interrupted.", e);
    }
  }

  /**
   * The partitions of a topic.
   *
   * @throws CommandFailedException there is no such topic
   * @throws KafkaException the brokers do not say
   */
  static int partitions(Admin admin, String topic) {
    try {
      return await(admin.describeTopics(Set.of(topic)).allTopicNames())
          .get(topic)
          .partitions()
          .size();
    } catch (UnknownTopicOrPartitionException e) {
      throw new CommandFailedException(
          "Topic %s does not exist: create it, or fix the setting.".formatted(topic), e);
    }
  }
}
