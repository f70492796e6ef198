package io.flowinstance.broker;

import java.util.Collection;
import java.util.List;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.common.TopicPartition;

/** Reading topics from here on: what stands on them already is passed over. */
public final class FromTheEnd {
  private FromTheEnd() {}

  /** Assigns all partitions of the topics to a consumer; nothing written from now on is missed. */
  public static void read(Consumer<?, ?> consumer, Collection<String> topics) {
    List<TopicPartition> partitions =
        topics.stream()
            .flatMap(topic -> consumer.partitionsFor(topic).stream())
            .map(partition -> new TopicPartition(partition.topic(), partition.partition()))
            .toList();
    consumer.assign(partitions);
    consumer.seekToEnd(partitions);
    // Seeking is lazy: without this, the end would be looked up after the first records came.
    partitions.forEach(consumer::position);
  }
}
