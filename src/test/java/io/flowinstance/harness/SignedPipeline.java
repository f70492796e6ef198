package io.flowinstance.harness;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.flowinstance.fetch.OutageDetector;
import io.flowinstance.simulator.EnosSimulator;
import io.flowinstance.trace.Tracing;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.camel.main.Main;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;

/**
 * The real pipeline on {@link MemoryKafka}, against a simulated gateway that lets only signed calls
 * through.
 */
public final class SignedPipeline implements AutoCloseable {
  public static final String FLOW_INSTANCES = "flow-instances";
  public static final String TASK_STATUSES = "task-statuses";
  public static final String DEAD_LETTERS = "flow-instance-dead-letters";

  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final AtomicInteger LAST_ID = new AtomicInteger();

  private final EnosSimulator enos = EnosSimulator.start();
  private final MemoryKafka kafka = new MemoryKafka();
  private final Main application;
  private final OutageDetector outages;

  private SignedPipeline(
      Map<String, String> environment,
      Map<String, String> settings,
      List<String> idsBefore,
      Tracing traces) {
    enos.requireSignature(true);
    idsBefore.forEach(this::send);
    Map<String, String> overrides = new HashMap<>(settings);
    overrides.put("enos.auth", "signed");
    if (!environment.containsKey("ENOS_APP_SECRET_FILE")) {
      overrides.putIfAbsent("enos.app-key", enos.tokens().appKey());
      overrides.putIfAbsent("enos.app-secret", enos.tokens().appSecret());
    }
    application = TestPipeline.start(kafka, enos.baseUrl(), environment, overrides, traces);
    outages =
        application
            .getCamelContext()
            .getRegistry()
            .lookupByNameAndType("outage-detector", OutageDetector.class);
  }

  /** Starts one without any id. */
  public static SignedPipeline start(Map<String, String> settings) {
    return new SignedPipeline(Map.of(), settings, List.of(), Tracing.off());
  }

  /** Starts one with traces, without any id. */
  public static SignedPipeline start(Map<String, String> settings, Tracing traces) {
    return new SignedPipeline(Map.of(), settings, List.of(), traces);
  }

  /** Starts one that polls these ids first, as one batch when they fit into one. */
  public static SignedPipeline start(Map<String, String> settings, List<String> ids) {
    return new SignedPipeline(Map.of(), settings, ids, Tracing.off());
  }

  /** Starts one whose key and secret are in files, without any id. */
  public static SignedPipeline startWithSecretsIn(Path key, Path secret) {
    return new SignedPipeline(
        Map.of("ENOS_APP_KEY_FILE", key.toString(), "ENOS_APP_SECRET_FILE", secret.toString()),
        Map.of(),
        List.of(),
        Tracing.off());
  }

  /** An id that no test has used, of an instance with one task. */
  public static String newId() {
    return "7-%010d".formatted(LAST_ID.incrementAndGet());
  }

  public static List<String> newIds(int count) {
    return IntStream.range(0, count).mapToObj(i -> newId()).toList();
  }

  public EnosSimulator enos() {
    return enos;
  }

  public MemoryKafka kafka() {
    return kafka;
  }

  public Main application() {
    return application;
  }

  /** Whether the API counts as serving instances. */
  public boolean isUp() {
    return outages.isUp();
  }

  /** How often the API was found to be down. */
  public int outages() {
    return outages.outages();
  }

  /** Puts an id on the topic; returns its offset. */
  public long send(String id) {
    return kafka.send(null, id.getBytes(UTF_8), new RecordHeaders());
  }

  /** Serves an id, all calls of which succeed: there is a token afterwards, and warm code. */
  public void warmUp() {
    serve(1);
  }

  /** Serves so many ids, so that failures before say little. */
  public void serve(int ids) {
    sendAndAwait(newIds(ids).toArray(String[]::new));
    enos.traffic().clear();
  }

  /** Waits until the ids are done. */
  public void sendAndAwait(String... ids) {
    awaitDone(Stream.of(ids).mapToLong(this::send).max().orElseThrow());
  }

  /** Waits until the ids up to this offset are done. */
  public void awaitDone(long offset) {
    kafka.awaitCommitted(offset);
  }

  public static void awaitThat(String what, BooleanSupplier condition) {
    await(what).atMost(PATIENCE).pollInterval(Duration.ofMillis(2)).until(condition::getAsBoolean);
  }

  /** What was published to a topic, in order. */
  public List<ProducerRecord<byte[], byte[]>> published(String topic) {
    return kafka.published().stream().filter(message -> message.topic().equals(topic)).toList();
  }

  /** The dead letters of an id. */
  public List<ProducerRecord<byte[], byte[]>> deadLetters(String id) {
    return published(DEAD_LETTERS).stream()
        .filter(message -> new String(message.value(), UTF_8).equals(id))
        .toList();
  }

  /** Each of the ids has its two events, of the instance and of its task, exactly once. */
  public void assertServedOnce(List<String> ids) {
    assertEquals(Map.of(), notServedOnce(FLOW_INSTANCES, ids), "events of instances");
    assertEquals(Map.of(), notServedOnce(TASK_STATUSES, ids), "events of tasks");
    ids.forEach(id -> assertEquals(List.of(), deadLetters(id), id));
  }

  /** None of the ids has an event. */
  public void assertNotServed(List<String> ids) {
    assertEquals(
        ids.size(),
        notServedOnce(FLOW_INSTANCES, ids).values().stream().filter(n -> n == 0).count());
  }

  /** The ids that have no event or several, and how many. */
  private Map<String, Long> notServedOnce(String topic, List<String> ids) {
    Map<String, Long> served =
        published(topic).stream()
            .collect(
                Collectors.groupingBy(
                    message -> suffix(new String(message.key(), UTF_8)), Collectors.counting()));
    return ids.stream()
        .filter(id -> served.getOrDefault(suffix(id), 0L) != 1)
        .collect(Collectors.toMap(id -> id, id -> served.getOrDefault(suffix(id), 0L)));
  }

  private static String suffix(String id) {
    return id.substring(id.indexOf('-'));
  }

  /** The text of a header, or null. */
  public static String header(ProducerRecord<byte[], byte[]> message, String name) {
    return message.headers().lastHeader(name) == null
        ? null
        : new String(message.headers().lastHeader(name).value(), UTF_8);
  }

  @Override
  public void close() {
    application.stop();
    enos.close();
  }
}
