package io.flowinstance.watch;

import io.flowinstance.metrics.WatchMetrics;
import java.time.Clock;
import org.apache.kafka.streams.Topology;

/** The change feed: observations of instances in, what changed and which ids are due out. */
public final class WatchTopology {
  private WatchTopology() {}

  /** The topology, to be run by Kafka Streams with {@code exactly_once_v2}. */
  public static Topology of(
      WatchSettings settings, PendingIds pending, WatchMetrics metrics, Clock clock) {
    return new Topology();
  }
}
