package io.flowinstance.watch;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.flowinstance.event.Schemas;
import io.flowinstance.event.State;
import io.flowinstance.event.Times;
import io.flowinstance.event.TransitionEvent;
import io.flowinstance.json.Json;
import io.flowinstance.metrics.WatchMetrics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.test.TestRecord;

/** The change feed's topology on a clock of its own, without a broker. */
final class WatchBed implements AutoCloseable {
  static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

  static final Set<String> STATES =
      Stream.concat(Stream.of(State.values()).map(State::name), Stream.of(TransitionEvent.REMOVED))
          .collect(Collectors.toSet());

  private final WatchSettings settings;
  private final PendingIds pending;
  private final Clock clock = new ManualClock();
  private SimpleMeterRegistry registry;
  private Instant now = START;
  private int observations;
  private TopologyTestDriver driver;
  private TestInputTopic<byte[], byte[]> instances;
  private TestOutputTopic<byte[], byte[]> transitions;
  private TestOutputTopic<byte[], byte[]> ids;

  private final class ManualClock extends Clock {
    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Instant instant() {
      return now;
    }
  }

  WatchBed(WatchSettings settings, PendingIds pending) {
    this.settings = settings;
    this.pending = pending;
    start();
  }

  /**
   * Settings with intervals of 10 s to 300 s, that rest after 60 s, forget after an hour and give
   * up after ten minutes.
   */
  static WatchSettings settings(String from, int maxIdsPerSecond, int maxInstances) {
    return new WatchSettings(
        "flow-instances",
        "flow-instance-ids",
        "flow-instance-transitions",
        from,
        Duration.ofSeconds(10),
        Duration.ofSeconds(300),
        Duration.ofSeconds(60),
        Duration.ofHours(1),
        Duration.ofMinutes(10),
        maxIdsPerSecond,
        maxInstances,
        1,
        "",
        "https://schemas.example/");
  }

  private void start() {
    Properties properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "watch-test");
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
    registry = new SimpleMeterRegistry();
    WatchMetrics metrics = new WatchMetrics(registry, STATES);
    driver =
        new TopologyTestDriver(
            WatchTopology.of(settings, pending, metrics, clock), properties, now);
    instances =
        driver.createInputTopic(
            settings.flowInstanceTopic(), new ByteArraySerializer(), new ByteArraySerializer());
    transitions =
        driver.createOutputTopic(
            settings.transitionTopic(), new ByteArrayDeserializer(), new ByteArrayDeserializer());
    ids =
        driver.createOutputTopic(
            settings.instanceIdTopic(), new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  /** Another process takes over, with what the changelogs say. */
  void restart() {
    List<KeyValue<String, byte[]>> remembered = new ArrayList<>();
    try (KeyValueIterator<String, byte[]> all = store().all()) {
      all.forEachRemaining(remembered::add);
    }
    KeyValueStore<String, Long> fromStore = driver.getKeyValueStore(WatchedPartition.FROM);
    Long from = fromStore.get(WatchedPartition.FROM);
    driver.close();
    start(remembered, from);
  }

  private void start(List<KeyValue<String, byte[]>> remembered, Long from) {
    throw new UnsupportedOperationException();
  }

  KeyValueStore<String, byte[]> store() {
    return driver.getKeyValueStore(WatchedPartition.INSTANCES);
  }

  @Override
  public void close() {
    driver.close();
  }
}
