package io.flowinstance.faults;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.event.Times;
import io.flowinstance.harness.ApplicationProcess;
import io.flowinstance.simulator.EnosSimulator;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The change feed as a process, without the pipeline: the test writes what it observes. */
@Timeout(300)
@EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
class WatchFaultsIT {
  private static final Duration PATIENCE = Duration.ofSeconds(90);
  private static final Duration SOON = Duration.ofSeconds(10);

  private static final AtomicInteger OBSERVATIONS = new AtomicInteger();

  private static KafkaBroker broker;
  private static KafkaProducer<byte[], byte[]> producer;
  private final List<ApplicationProcess> processes = new ArrayList<>();

  @BeforeAll
  static void start() {
    broker = KafkaBroker.launch(KafkaBroker.QUICK_START, Map.of("message.max.bytes", "20000000"));
    producer =
        new KafkaProducer<>(
            Map.of(
                "bootstrap.servers",
                broker.bootstrapServers(),
                "compression.type",
                "lz4",
                "linger.ms",
                "5",
                "max.request.size",
                "20000000"),
            new ByteArraySerializer(),
            new ByteArraySerializer());
  }

  @AfterAll
  static void stop() {
    producer.close();
    broker.close();
  }

  @AfterEach
  void stopProcesses() {
    processes.forEach(ApplicationProcess::close);
  }

  private static Topics topics(String scenario) {
    Topics topics = Topics.create(broker, scenario);
    broker.createTopics(Topics.PARTITIONS, transitions(topics));
    return topics;
  }

  private static String transitions(Topics topics) {
    return topics.ids() + ".transitions";
  }

  private ApplicationProcess launch(int heap, Topics topics, String... settings) {
    Map<String, String> environment = new HashMap<>(topics.environment());
    environment.put("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrapServers());
    environment.put("TOPIC_TRANSITIONS", transitions(topics));
    environment.put("KAFKA_SESSION_TIMEOUT_MS", "6000");
    for (int i = 0; i < settings.length; i += 2) {
      environment.put(settings[i], settings[i + 1]);
    }
    ApplicationProcess process = ApplicationProcess.start(heap, environment, "watch");
    processes.add(process);
    return process;
  }

  private static double metric(ApplicationProcess process, String name) {
    Matcher line =
        Pattern.compile("^flow_instance_watch_" + name + " (\\S+)", Pattern.MULTILINE)
            .matcher(process.metrics());
    return line.find() ? Double.parseDouble(line.group(1)) : -1;
  }

  private static void awaitMetric(ApplicationProcess process, String name, double value) {
    await(name)
        .atMost(PATIENCE)
        .pollInterval(Duration.ofMillis(100))
        .untilAsserted(() -> assertEquals(value, metric(process, name)));
  }

  private static byte[] observation(String id, String status, String tasks, Instant fetchedAt) {
    return """
        {"instanceId":"%s","statusDesc":"%s","graph":{"tasks":[%s],"unreadableTasks":[]},\
        "enrichment":{"settled":false,"userId":"u","orgId":"o","observationId":"x-0-%d",\
        "fetchedAt":"%s"}}"""
        .formatted(id, status, tasks, OBSERVATIONS.incrementAndGet(), Times.text(fetchedAt))
        .getBytes(UTF_8);
  }

  private static void observe(Topics topics, String id, String status, Instant fetchedAt) {
    byte[] value =
        observation(
            id, status, "{\"taskInstId\":\"a\",\"status\":\"%s\"}".formatted(status), fetchedAt);
    producer.send(new ProducerRecord<>(topics.instances(), id.getBytes(UTF_8), value));
  }

  @Test
  void aBlockOfGarbageHoldsUpNothing() {
    Topics topics = topics("garbage");
    List<byte[]> garbage = new ArrayList<>();
    garbage.add(null);
    garbage.add(new byte[] {(byte) 0xff, (byte) 0xfe, (byte) 0xc0});
    for (String value :
        List.of("", "no JSON", "{}", "[]", "\u0000", "{\"instanceId\":7,\"graph\":\"x\"}")) {
      garbage.add(value.getBytes(UTF_8));
    }
    int good = 0;
    for (int i = 0; i < 10_000; i++) {
      skipped(topics, i % 3 == 0 ? null : new byte[] {(byte) i}, garbage.get(i % garbage.size()));
      if (i % 100 == 50) {
        observe(topics, "good-" + ++good, "RUNNING", Instant.now());
      }
    }
    for (int i = 0; i < 60; i++) {
      skipped(topics, null, "x".repeat(900_000).getBytes(UTF_8));
    }
    skipped(topics, null, ("[" + "1,".repeat(1_100_000) + "1]").getBytes(UTF_8));
    for (int number : List.of(33_000, 33_000, 33_000, 33_000, 240_000)) {
      byte[] large = observation("large", "RUNNING", tasks(number), Instant.now());
      producer.send(new ProducerRecord<>(topics.instances(), large));
    }
    byte[] timeless = observation("timeless", "RUNNING", "", Instant.now());
    producer.send(
        new ProducerRecord<>(topics.instances(), timeless) {
          @Override
          public Long timestamp() {
            return -1L;
          }
        });
    observe(topics, "last", "RUNNING", Instant.now());
    producer.flush();

    ApplicationProcess watch = launch(256, topics, "WATCH_FROM", "earliest");
    awaitMetric(watch, "unreadable_total", 10_061);
    awaitMetric(watch, "watched", good + 2);
    awaitMetric(watch, "not_watched_total", 5);
    awaitMetric(watch, "lag_records", 0);
    watch.awaitReady();
    assertEquals(0, watch.stop(SOON), watch::output);
    // In each partition the first alone of what is skipped, and of what is not watched.
    List<String> warnings = watch.output().lines().filter(line -> line.contains(" WARN ")).toList();
    long skipped = warnings.stream().filter(line -> line.contains(" - Skipped ")).count();
    long notWatched = warnings.stream().filter(line -> line.contains(" not watched: ")).count();
    assertEquals(Topics.PARTITIONS, skipped, watch::output);
    assertTrue(notWatched >= 1 && notWatched <= Topics.PARTITIONS, watch::output);
    assertEquals(skipped + notWatched, warnings.size(), watch::output);
    assertEquals(
        10_061 + good + 7,
        topics.committedByWatch(broker).values().stream()
            .mapToLong(OffsetAndMetadata::offset)
            .sum());
  }

  @Test
  void aTopicOfNothingButGarbageIsReadToItsEndAtTheStartUnderLoadAndWhileStopping() {
    Topics topics = topics("only-garbage");
    int atOnce = 20_000;
    sendGarbage(topics, atOnce);
    ApplicationProcess watch = launch(256, topics, "WATCH_FROM", "earliest");
    awaitMetric(watch, "unreadable_total", atOnce);
    awaitMetric(watch, "lag_records", 0);
    watch.awaitReady();

    sendGarbage(topics, atOnce);
    awaitMetric(watch, "unreadable_total", 2 * atOnce);
    assertEquals(0, metric(watch, "watched"));

    sendGarbage(topics, atOnce);
    assertEquals(0, watch.stop(SOON), watch::output);

    watch = launch(256, topics, "WATCH_FROM", "earliest");
    awaitMetric(watch, "running", 1);
    awaitMetric(watch, "lag_records", 0);
    observe(topics, "good", "RUNNING", Instant.now());
    producer.flush();
    awaitMetric(watch, "watched", 1);
    try (TransitionAudit audit =
        new TransitionAudit(broker.bootstrapServers(), topics, transitions(topics))) {
      awaitTransitions(audit, 2);
    }
    assertEquals(0, watch.stop(SOON), watch::output);
    assertEquals(
        3 * atOnce + 1,
        topics.committedByWatch(broker).values().stream()
            .mapToLong(OffsetAndMetadata::offset)
            .sum());
  }

  private static void sendGarbage(Topics topics, int records) {
    for (int i = 0; i < records; i++) {
      skipped(topics, null, "no JSON".getBytes(UTF_8));
    }
    producer.flush();
  }

  private static void skipped(Topics topics, byte[] key, byte[] value) {
    Header header = new RecordHeader("traceparent", new byte[] {(byte) 0xff, (byte) 0xc0});
    producer.send(new ProducerRecord<>(topics.instances(), null, key, value, List.of(header)));
  }

  private static String tasks(int number) {
    return IntStream.range(0, number)
        .mapToObj("{\"taskInstId\":\"%d\"}"::formatted)
        .collect(Collectors.joining(","));
  }

  @Test
  void eachTransitionComesOnceThoughTheFeedIsStoppedUnderLoad() {
    Topics topics = topics("stopped");
    AtomicInteger sent = new AtomicInteger();
    ScheduledExecutorService load = Executors.newSingleThreadScheduledExecutor();
    ApplicationProcess watch = launch(256, topics, "WATCH_FROM", "earliest");
    load.scheduleAtFixedRate(
        () -> {
          int n = sent.getAndIncrement();
          String status = n / 100 % 2 == 0 ? "RUNNING" : "SUSPEND";
          observe(topics, "i-" + n % 100, status, Instant.now());
        },
        0,
        10,
        TimeUnit.MILLISECONDS);
    try {
      for (int stop = 0; stop < 5; stop++) {
        awaitMetric(watch, "running", 1);
        int enough = sent.get() + 100;
        await().atMost(PATIENCE).until(() -> sent.get() > enough);
        assertEquals(0, watch.stop(SOON), watch::output);
        watch = launch(256, topics, "WATCH_FROM", "earliest");
      }
    } finally {
      load.shutdownNow();
    }
    producer.flush();
    try (TransitionAudit audit =
        new TransitionAudit(broker.bootstrapServers(), topics, transitions(topics))) {
      awaitTransitions(audit, 2 * sent.get());
      assertEquals(List.of(), audit.faults());
      for (int i = 0; i < 100; i++) {
        assertEquals(List.of(), audit.faults("i-" + i));
      }
    }
  }

  private static void awaitTransitions(TransitionAudit audit, int expected) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              audit.readToTheEnd();
              assertEquals(expected, audit.transitions());
            });
  }

  @Test
  void aStopOrKillWhileItRestoresCostsNothing() {
    Topics topics = topics("restored");
    int instances = 200_000;
    Instant past = Instant.now().minusSeconds(3600);
    for (int i = 0; i < instances; i++) {
      observe(topics, "i-" + i, "RUNNING", past);
    }
    producer.flush();
    ApplicationProcess watch = launch(1024, topics);
    awaitMetric(watch, "watched", instances);
    awaitMetric(watch, "lag_records", 0);
    assertEquals(0, watch.stop(SOON), watch::output);

    for (int part = 0; part < 6; part++) {
      watch = launch(1024, topics);
      watch.awaitUnready(PATIENCE, "restores what it remembers");
      assertTrue(watch.health("live").startsWith("200 "));
      assertTrue(watch.health("started").startsWith("200 "));
      long until = System.nanoTime() + Duration.ofMillis(400).toNanos() * part;
      await()
          .atMost(PATIENCE)
          .pollInterval(Duration.ofMillis(10))
          .until(() -> System.nanoTime() > until);
      if (part % 2 == 0) {
        assertEquals(0, watch.stop(SOON), watch::output);
      } else {
        watch.kill();
      }
    }

    watch = launch(1024, topics);
    awaitMetric(watch, "watched", instances);
    observe(topics, "i-7", "SUSPEND", Instant.now());
    try (TransitionAudit audit =
        new TransitionAudit(broker.bootstrapServers(), topics, transitions(topics))) {
      // History is not published.
      awaitTransitions(audit, 2);
    }
    assertEquals(0, watch.stop(SOON), watch::output);
  }

  @Test
  void anInstanceWhoseIdentityIsNoLongerAllowedIsGivenUp() {
    Topics topics = topics("identity");
    String id = "7-20260101000000";
    String observed = new String(observation(id, "RUNNING", "", Instant.now()), UTF_8);
    byte[] formerly = observed.replace("\"orgId\":\"o\"", "\"orgId\":\"former\"").getBytes(UTF_8);
    producer.send(new ProducerRecord<>(topics.instances(), id.getBytes(UTF_8), formerly));
    producer.flush();
    try (EnosSimulator enos = EnosSimulator.start()) {
      Map<String, String> environment = topics.environment(broker.bootstrapServers(), enos);
      ApplicationProcess pipeline = ApplicationProcess.start(environment);
      processes.add(pipeline);
      ApplicationProcess watch =
          launch(
              256,
              topics,
              "WATCH_FROM",
              "earliest",
              "WATCH_INTERVAL_MS",
              "1000",
              "WATCH_LONGEST_INTERVAL_MS",
              "1000",
              "WATCH_GIVE_UP_MS",
              "2000");
      awaitMetric(watch, "given_up_total", 1);
      assertEquals(2, metric(watch, "sent_total"));
      awaitMetric(watch, "watched", 0);
      assertEquals(0, enos.traffic().callsOf(id));
      assertTrue(
          Pattern.compile("_outcomes_total\\{.*IDENTITY_NOT_ALLOWED.*} 2.0")
              .matcher(pipeline.metrics())
              .find(),
          pipeline::metrics);
    }
  }
}
