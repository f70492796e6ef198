package io.flowinstance.kafka;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** Brokers that must not be asked for anything but what a test answers. */
abstract class SilentBrokers implements Brokers {
  @Override
  public CompletionStage<Void> ping() {
    throw new UnsupportedOperationException();
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
    throw new UnsupportedOperationException();
  }
}
