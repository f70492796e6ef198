package io.flowinstance.faults;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.harness.ApplicationProcess;
import io.flowinstance.simulator.EnosSimulator;
import io.flowinstance.simulator.Latency;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * Exactly once, whatever happens: ids of 1 to 50 tasks are fed, each three times, while processes,
 * the broker, the API and the network fail; afterwards a {@code read_committed} reader finds
 * exactly one outcome of every record, and the order of each instance kept. Short by default, at
 * full length with {@code -Pchaos}.
 */
class ExactlyOnceIT {
  private static final boolean FULL = Boolean.getBoolean("chaos");
  private static final int TIMES = 3;
  private static final int IDS = FULL ? 6_000 : 300;
  private static final int RECORDS = IDS * TIMES;

  /** So many ids come once before the first of them comes again. */
  private static final int ROUND = 10;

  private static final Duration FEED = Duration.ofSeconds(FULL ? 60 : 4);
  private static final Duration PATIENCE = Duration.ofMinutes(FULL ? 5 : 2);
  private static final int MOST_TASKS = 50;

  /** What a short run may cost beyond two in a hundred. */
  private static final int FEW_CALLS = FULL ? 0 : 50;

  private static KafkaBroker sharedBroker;
  private static EnosSimulator enos;

  private KafkaBroker broker = sharedBroker;

  private final Random random = new Random(7);
  private final Deque<ApplicationProcess> running = new ArrayDeque<>();
  private final List<String> notFed = new CopyOnWriteArrayList<>();
  private final Map<String, Integer> tasksById = new LinkedHashMap<>();
  private Topics topics;
  private long began;

  @BeforeAll
  static void startBrokerAndApi() {
    sharedBroker = KafkaBroker.launch();
    enos = EnosSimulator.start();
  }

  @AfterAll
  static void stopBrokerAndApi() {
    enos.close();
    sharedBroker.close();
  }

  @AfterEach
  void killWhatStillRuns() {
    running.forEach(ApplicationProcess::close);
    enos.faults().latency(Latency.none());
  }

  /** Of each partition some calls are always under way, and what is behind them is done. */
  private void someCallsAreSlow() {
    enos.faults()
        .latency(
            () ->
                TimeUnit.MILLISECONDS.toNanos(
                    ThreadLocalRandom.current().nextInt(20) == 0 ? 2_000 : 5));
  }

  private ApplicationProcess launch(String bootstrapServers) {
    Map<String, String> environment = topics.environment(bootstrapServers, enos);
    environment.put("KAFKA_SESSION_TIMEOUT_MS", "6000");
    ApplicationProcess process = ApplicationProcess.start(environment);
    running.push(process);
    return process;
  }

  private void begin(String scenario) {
    topics = Topics.create(broker, scenario);
    began = System.nanoTime();
  }

  private static List<String> inTheOrderOfTheFeed(List<String> ids) {
    List<String> all = new ArrayList<>();
    for (int from = 0; from < ids.size(); from += ROUND) {
      for (int time = 0; time < TIMES; time++) {
        all.addAll(ids.subList(from, Math.min(ids.size(), from + ROUND)));
      }
    }
    return all;
  }

  /** Feeds the ids evenly over the time of the feed, in the background. */
  private Thread feed() {
    for (int i = 0; i < IDS; i++) {
      int tasks = 1 + i % MOST_TASKS;
      tasksById.put("%d-%010d".formatted(100_000 + tasks, i), tasks);
    }
    Thread feeder =
        new Thread(
            () -> {
              try (KafkaProducer<String, String> producer =
                  new KafkaProducer<>(
                      Map.of(
                          "bootstrap.servers", broker.bootstrapServers(),
                          "delivery.timeout.ms", "120000",
                          // On a new partition, a batch that has to be sent again while the next
                          // is through would be refused, and an id would never be fed.
                          "max.in.flight.requests.per.connection", "1",
                          "linger.ms", "5"),
                      new StringSerializer(),
                      new StringSerializer())) {
                long start = System.nanoTime();
                int sent = 0;
                for (String id : inTheOrderOfTheFeed(List.copyOf(tasksById.keySet()))) {
                  producer.send(
                      new ProducerRecord<>(topics.ids(), id, id),
                      (place, failure) -> {
                        if (failure != null) {
                          notFed.add(id + ": " + failure);
                        }
                      });
                  long due = start + FEED.toNanos() * ++sent / RECORDS;
                  if (due > System.nanoTime()) {
                    TimeUnit.NANOSECONDS.sleep(due - System.nanoTime());
                  }
                }
                producer.flush();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            },
            "feeder");
    feeder.start();
    return feeder;
  }

  private void pause(long leastMs, long mostMs) throws InterruptedException {
    TimeUnit.MILLISECONDS.sleep(leastMs + random.nextInt((int) (mostMs - leastMs + 1)));
  }

  /** How many answers of the API were published. */
  private int audit(String what, Thread feeder) throws InterruptedException {
    feeder.join();
    assertEquals(List.of(), notFed);
    try (Audit audit = new Audit(broker.bootstrapServers(), topics)) {
      audit.readAll(RECORDS, PATIENCE);
      List<String> faults = audit.faults(tasksById, TIMES);
      System.out.printf(
          "%s: %d records, %d faults, %d task events, dead letters %s, %.1f s%n",
          what,
          RECORDS,
          faults.size(),
          audit.taskEvents(),
          audit.deadLettersByReason(),
          (System.nanoTime() - began) / 1e9);
      assertEquals(List.of(), faults.subList(0, Math.min(10, faults.size())));
      assertEquals(Map.of(), audit.deadLettersByReason());
      return audit.fetches();
    }
  }

  @Test
  void survivesKillsOfThePipeline() throws Exception {
    begin("kills");
    Thread feeder = feed();
    ApplicationProcess process = launch(broker.bootstrapServers());
    int kills = FULL ? 20 : 2;
    for (int i = 0; i < kills; i++) {
      process.awaitReady();
      pause(0, 2_000);
      process.kill();
      process = launch(broker.bootstrapServers());
    }
    audit("kill -9 of the pipeline, %d times".formatted(kills), feeder);
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void survivesKillsWhileSlowCallsKeepMetadataInUse() throws Exception {
    survivesKillsWithSlowCalls("slow");
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void survivesKillsWhileTheBrokerTakesOnlyShortMetadata() throws Exception {
    try (KafkaBroker small =
        KafkaBroker.launch(KafkaBroker.QUICK_START, Map.of("offset.metadata.max.bytes", "64"))) {
      broker = small;
      survivesKillsWithSlowCalls("short");
    }
  }

  private void survivesKillsWithSlowCalls(String scenario) throws Exception {
    someCallsAreSlow();
    begin(scenario);
    Thread feeder = feed();
    ApplicationProcess process = launch(broker.bootstrapServers());
    int kills = FULL ? 20 : 3;
    for (int i = 0; i < kills; i++) {
      process.awaitReady();
      if (i == 0) {
        await("a commit has metadata").atMost(PATIENCE).until(() -> topics.hasMetadata(broker));
      } else {
        pause(500, 2_500);
      }
      process.kill();
      process = launch(broker.bootstrapServers());
    }
    audit(
        "kill -9 of the pipeline with slow calls (%s), %d times".formatted(scenario, kills),
        feeder);
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void survivesOffsetsThatAToolHasMovedWithTheirMetadata() throws Exception {
    someCallsAreSlow();
    begin("moved");
    Thread feeder = feed();
    ApplicationProcess process = launch(broker.bootstrapServers()).awaitReady();
    await()
        .atMost(PATIENCE)
        .until(
            () ->
                topics.committed(broker).values().stream()
                    .anyMatch(commit -> commit.offset() > 10));
    process.kill();
    topics.moveBack(broker, 3);
    process = launch(broker.bootstrapServers());
    feeder.join();
    try (Audit audit = new Audit(broker.bootstrapServers(), topics)) {
      audit.readAll(RECORDS, PATIENCE);
      assertEquals(List.of(), audit.without(tasksById.keySet()));
    }
    String output = process.output();
    assertTrue(output.contains("belong to another offset and are ignored"), output);
  }

  @Test
  void survivesKillsOfTheBroker() throws Exception {
    begin("broker-kills");
    Thread feeder = feed();
    ApplicationProcess process = launch(broker.bootstrapServers()).awaitReady();
    // A process that starts on a busy machine may hear of Kafka late, and says so.
    int start = process.output().length();
    int kills = FULL ? 5 : 1;
    for (int i = 0; i < kills; i++) {
      pause(500, 3_000);
      broker.kill();
      broker.start();
    }
    audit("kill -9 of the broker, %d times".formatted(kills), feeder);
    String sinceReady = process.output().substring(start);
    // A broker that is back within three seconds is not missed.
    int missed = count("Kafka does not answer at ", sinceReady);
    assertTrue(missed <= kills, process::output);
    assertEquals(missed, count("Kafka answers again.", sinceReady), process::output);
    assertEquals(0, process.stop(Duration.ofSeconds(30)), process::output);
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void survivesScaling() throws Exception {
    begin("scaling");
    enos.faults().latency(Latency.fixed(Duration.ofMillis(50)));
    int callsBefore = enos.traffic().calls();
    Thread feeder = feed();
    ApplicationProcess first = launch(broker.bootstrapServers()).awaitReady();
    for (int i = 0; i < (FULL ? 2 : 1); i++) {
      ApplicationProcess second = launch(broker.bootstrapServers());
      ApplicationProcess third = launch(broker.bootstrapServers());
      second.awaitReady();
      third.awaitReady();
      pause(FULL ? 10_000 : 200, FULL ? 10_000 : 2_000);
      assertEquals(0, second.stop(Duration.ofSeconds(30)), second::output);
      assertEquals(0, third.stop(Duration.ofSeconds(30)), third::output);
    }
    int published = audit("1 to 3 processes and back", feeder);
    int calls = enos.traffic().calls() - callsBefore;
    System.out.printf("%d calls, %d published answers, %d records%n", calls, published, RECORDS);
    assertTrue(calls <= published * 102L / 100 + FEW_CALLS, calls + " calls for " + published);
    assertEquals(0, first.stop(Duration.ofSeconds(30)), first::output);
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void survivesAProcessThatSleepsPastItsSession() throws Exception {
    begin("sleeper");
    Thread feeder = feed();
    ApplicationProcess sleeper = launch(broker.bootstrapServers()).awaitReady();
    launch(broker.bootstrapServers()).awaitReady();
    pause(500, 1_500);
    sleeper.signal("STOP");
    TimeUnit.SECONDS.sleep(9);
    sleeper.signal("CONT");
    audit("SIGSTOP past the session timeout", feeder);
  }

  @Test
  void survivesAnOutageOfTheApi() throws Exception {
    begin("outage");
    Thread feeder = feed();
    launch(broker.bootstrapServers()).awaitReady();
    pause(500, 1_500);
    enos.goDown();
    try {
      TimeUnit.SECONDS.sleep(FULL ? 60 : 3);
      // One consumer may be outside the group, while the other one still has its partitions.
      String ready = running.peek().health("ready");
      assertTrue(ready.startsWith("503 ") && ready.contains("\"name\":\"enos-api\""), ready);
      assertTrue(running.peek().health("live").startsWith("200 "));
    } finally {
      enos.comeUp();
    }
    audit("the API gone", feeder);
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void survivesACutNetwork() throws Exception {
    begin("cut");
    try (NetworkCut network = new NetworkCut(broker.cutPort(), broker.behindCutPort())) {
      Thread feeder = feed();
      launch("127.0.0.1:" + broker.cutPort()).awaitReady();
      for (int i = 0; i < (FULL ? 3 : 1); i++) {
        pause(500, 2_000);
        network.cut();
        TimeUnit.SECONDS.sleep(FULL ? 15 : 3);
        awaitOnlyDown("kafka", running.peek());
        network.restore();
      }
      audit("network cut between pipeline and broker", feeder);
    }
    assertTrue(running.peek().health("live").startsWith("200 "));
  }

  private static void awaitOnlyDown(String check, ApplicationProcess process) {
    await(check + " alone is down")
        .atMost(Duration.ofSeconds(15))
        .until(
            () -> process.health("ready"),
            ready ->
                ready.startsWith("503 ")
                    && ready.contains("{\"name\":\"" + check + "\"")
                    && count("\"name\":", ready) == 1);
    assertTrue(process.health("live").startsWith("200 "), process.health("live"));
  }

  private static int count(String words, String text) {
    return text.split(Pattern.quote(words), -1).length - 1;
  }
}
