package io.flowinstance.watch;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.internals.InMemoryKeyValueStore;
import org.apache.kafka.streams.test.TestRecord;

/** The change feed's topology on a clock of its own, without a broker. */
final class WatchBed implements AutoCloseable {
  static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

  static final Set<String> STATES =
      Stream.concat(Stream.of(State.values()).map(State::name), Stream.of(TransitionEvent.REMOVED))
          .collect(Collectors.toSet());

  private WatchSettings settings;
  private final PendingIds pending;
  private final Clock clock = new ManualClock();
  private SimpleMeterRegistry registry;
  private Instant now = START;
  private int observations;
  private final Map<String, Map<Bytes, byte[]>> changelogs = new HashMap<>();
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
    driver =
        new TopologyTestDriver(
            WatchTopology.of(
                settings, pending, new WatchMetrics(registry, STATES), clock, Restored::new),
            properties,
            now);
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

  /** A store that begins with what the last one held, as after a restore from the changelog. */
  private final class Restored implements KeyValueBytesStoreSupplier {
    private final String name;

    Restored(String name) {
      this.name = name;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public KeyValueStore<Bytes, byte[]> get() {
      return new InMemoryKeyValueStore(name) {
        @Override
        public void init(StateStoreContext context, StateStore root) {
          super.init(context, root);
          changelogs.getOrDefault(name, Map.of()).forEach(this::put);
        }
      };
    }

    @Override
    public String metricsScope() {
      return "test";
    }
  }

  /** Another process takes over, with what the changelogs say. */
  void restart() {
    restart(settings);
  }

  /** Starts it again with other settings. */
  void restart(WatchSettings others) {
    changelogs.put(
        WatchedPartition.INSTANCES, contents(WatchedPartition.INSTANCES, Serdes.ByteArray()));
    changelogs.put(WatchedPartition.FROM, contents(WatchedPartition.FROM, Serdes.Long()));
    driver.close();
    settings = others;
    start();
  }

  private <V> Map<Bytes, byte[]> contents(String name, Serde<V> serde) {
    Map<Bytes, byte[]> contents = new TreeMap<>();
    KeyValueStore<String, V> store = driver.getKeyValueStore(name);
    try (KeyValueIterator<String, V> all = store.all()) {
      all.forEachRemaining(
          each ->
              contents.put(
                  Bytes.wrap(each.key.getBytes(UTF_8)),
                  serde.serializer().serialize(name, each.value)));
    }
    return contents;
  }

  Instant now() {
    return now;
  }

  /** Lets time pass, second by second. */
  void pass(Duration time) {
    Instant end = now.plus(time);
    while (now.isBefore(end)) {
      now = now.plusSeconds(1);
      driver.advanceWallClockTime(Duration.ofSeconds(1));
    }
  }

  /** The clock is set, by an amount that may be negative. */
  void moveClock(Duration by) {
    now = now.plus(by);
  }

  /**
   * An instance is observed now.
   *
   * @param status its numeric status
   * @param tasks each {@code <taskInstId>=<status>}
   */
  void observe(String instanceId, int status, String... tasks) {
    observe(message(instanceId, status, tasks));
  }

  void observe(ObjectNode message) {
    send(Json.write(message));
  }

  void send(byte[] value) {
    instances.pipeInput(null, value, now);
  }

  /** The message of an instance that is observed now. */
  ObjectNode message(String instanceId, int status, String... tasks) {
    ObjectNode message = JsonNodeFactory.instance.objectNode();
    message.put("instanceId", instanceId).put("flowId", 7).put("flowName", "nightly");
    message.put("status", status).put("more", "ignored");
    ObjectNode graph = message.putObject("graph");
    graph.putArray("unreadableTasks");
    ArrayNode array = graph.putArray("tasks");
    boolean running = false;
    for (String task : tasks) {
      String[] parts = task.split("=");
      array
          .addObject()
          .put("taskInstId", parts[0])
          .put("taskId", "id-" + parts[0])
          .put("nodeId", "t_" + parts[0])
          .put("taskName", "name of " + parts[0])
          .put("status", parts[1])
          .put("x", 0.5);
      running |= parts[1].equals("RUNNING");
    }
    boolean settled = State.of(State.status(status, null)).isSettled() && !running;
    message
        .putObject("enrichment")
        .put("settled", settled)
        .put("userId", "user")
        .put("orgId", "org/1")
        .put("observationId", "flow-instance-ids-0-" + observations++)
        .put("fetchedAt", Times.text(now));
    return message;
  }

  /** The transitions since the last call; each is held against its schema. */
  List<JsonNode> transitions() {
    return records().stream().map(WatchBed::valid).toList();
  }

  List<TestRecord<byte[], byte[]>> records() {
    return transitions.readRecordsToList();
  }

  private static JsonNode valid(TestRecord<byte[], byte[]> message) {
    try {
      Schemas.assertHeaders(message.headers());
      return Schemas.valid(Schemas.TRANSITION, message.value());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Of each transition its task, if any, the status before it, and the status. */
  List<String> changes() {
    return transitions().stream()
        .map(
            change ->
                "%s %s → %s"
                    .formatted(
                        change.path("taskInstId").asText("instance"),
                        change.path("previousStatus").asText("-"),
                        change.path("status").asText(change.get("state").textValue())))
        .toList();
  }

  /** The ids that were sent back since the last call. */
  List<String> ids() {
    return idRecords().stream().map(each -> new String(each.key(), UTF_8)).toList();
  }

  List<TestRecord<byte[], byte[]>> idRecords() {
    return ids.readRecordsToList();
  }

  /** The driver keeps what was written to the changelog until it is read. */
  void dropChangelog() {
    driver
        .createOutputTopic(
            "watch-test-" + WatchedPartition.INSTANCES + "-changelog",
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())
        .readRecordsToList();
  }

  /** How many instances are remembered. */
  long remembered() {
    return driver.getKeyValueStore(WatchedPartition.INSTANCES).approximateNumEntries();
  }

  /** The count or the value of a meter of the watch. */
  double metric(String name, String... tags) {
    return registry
        .get("flow.instance.watch." + name)
        .tags(tags)
        .meter()
        .measure()
        .iterator()
        .next()
        .getValue();
  }

  @Override
  public void close() {
    driver.close();
  }
}
