package io.flowinstance.kafka;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** What the brokers are asked about themselves. No method waits for the answer. */
public interface Brokers {
  /** Whether they answer at all: fails when they do not. */
  CompletionStage<Void> ping();

  CompletionStage<Set<TopicPartition>> partitions(String topic);

  /**
   * The committed offsets of a group.
   *
   * @return of each of these partitions its offset, empty when it has none; a partition is left out
   *     while a transaction is pending that holds its offset
   */
  CompletionStage<Map<TopicPartition, Optional<OffsetAndMetadata>>> committed(
      String groupId, Set<TopicPartition> partitions);

  /**
   * The offsets that each of these partitions has. One that does not answer is left out. Fails when
   * the brokers refuse to say.
   */
  CompletionStage<Map<TopicPartition, DoneOffsets.Range>> bounds(Set<TopicPartition> partitions);

  /**
   * What keeps outcomes from being published.
   *
   * @param topics that they go to
   * @param deadLetterTopic the one of them that must not be compacted
   * @return one sentence; empty when nothing does
   */
  CompletionStage<String> faultOf(List<String> topics, String deadLetterTopic);
}
