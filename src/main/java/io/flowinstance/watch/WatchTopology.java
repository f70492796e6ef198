package io.flowinstance.watch;

import io.flowinstance.metrics.WatchMetrics;
import java.time.Clock;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.Stores;

/** The change feed: observations of instances in, transitions and the ids that are due out. */
public final class WatchTopology {
  private static final String OBSERVATIONS = "observations";
  private static final String CHANGE_FEED = "change-feed";

  private WatchTopology() {}

  /** The topics in which Kafka Streams keeps what is remembered, of an application of this id. */
  public static List<String> changelogs(String applicationId) {
    return Stream.of(WatchedPartition.INSTANCES, WatchedPartition.FROM)
        .map(store -> "%s-%s-changelog".formatted(applicationId, store))
        .toList();
  }

  /** The topology, to be run by Kafka Streams with {@code exactly_once_v2}. */
  public static Topology of(
      WatchSettings settings, PendingIds pending, WatchMetrics metrics, Clock clock) {
    return of(settings, pending, metrics, clock, Stores::inMemoryKeyValueStore);
  }

  /**
   * @param stores makes a store with this name
   */
  static Topology of(
      WatchSettings settings,
      PendingIds pending,
      WatchMetrics metrics,
      Clock clock,
      Function<String, KeyValueBytesStoreSupplier> stores) {
    ByteArraySerializer bytes = new ByteArraySerializer();
    return new Topology()
        .addSource(
            OBSERVATIONS,
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer(),
            settings.flowInstanceTopic())
        .addProcessor(
            CHANGE_FEED,
            () -> new WatchedPartition(settings, pending, metrics, clock),
            OBSERVATIONS)
        .addStateStore(
            Stores.keyValueStoreBuilder(
                stores.apply(WatchedPartition.INSTANCES), Serdes.String(), Serdes.ByteArray()),
            CHANGE_FEED)
        .addStateStore(
            Stores.keyValueStoreBuilder(
                stores.apply(WatchedPartition.FROM), Serdes.String(), Serdes.Long()),
            CHANGE_FEED)
        .addSink(
            WatchedPartition.TRANSITIONS, settings.transitionTopic(), bytes, bytes, CHANGE_FEED)
        .addSink(WatchedPartition.IDS, settings.instanceIdTopic(), bytes, bytes, CHANGE_FEED);
  }
}
