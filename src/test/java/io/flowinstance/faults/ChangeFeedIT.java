package io.flowinstance.faults;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.faults.TransitionAudit.Period;
import io.flowinstance.harness.ApplicationProcess;
import io.flowinstance.simulator.EnosSimulator;
import io.flowinstance.simulator.StatusChange;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * The change feed from end to end: instances go on by a script, are found by discover, fetched by
 * the pipeline and followed by watch, while processes of both are killed, stopped or added. A tenth
 * of the instances at eight times the speed unless {@code -Pchaos} is set.
 */
class ChangeFeedIT {
  private static final boolean FULL = Boolean.getBoolean("chaos");
  private static final int INSTANCES = FULL ? 2_000 : 100;
  private static final int HISTORY = INSTANCES / 10;

  /** What the times of the script are counted in. */
  private static final Duration UNIT = Duration.ofSeconds(FULL ? 8 : 1);

  private static final Duration INTERVAL = UNIT;
  private static final Duration LONGEST_INTERVAL = UNIT.multipliedBy(4);
  private static final Duration SETTLE = UNIT.multipliedBy(2);

  /** Discover's: all that do not run on and on were triggered within it. */
  private static final Duration MARGIN = Duration.ofSeconds(INSTANCES + 600);

  /** How long after a kill a status may pass unseen: a member's session and transaction end. */
  private static final Duration OUTAGE = Duration.ofSeconds(15);

  /** How long an id may be on its way to its call. */
  private static final Duration ON_ITS_WAY = Duration.ofSeconds(1);

  private static final DateTimeFormatter SUFFIX =
      DateTimeFormatter.ofPattern("yyyyMMddHHmmss").withZone(ZoneOffset.UTC);

  private final KafkaBroker broker = KafkaBroker.launch();
  private final EnosSimulator enos = EnosSimulator.start();
  private final Topics topics = Topics.create(broker, "change-feed");
  private final String transitions = "change-feed.transitions";
  private final Deque<ApplicationProcess> started = new ArrayDeque<>();
  private final Deque<ApplicationProcess> pipeline = new ArrayDeque<>();
  private final Deque<ApplicationProcess> watch = new ArrayDeque<>();
  private final List<Instant> disturbances = new ArrayList<>();

  @AfterEach
  void stop() {
    started.forEach(ApplicationProcess::close);
    enos.close();
    broker.close();
  }

  @Test
  void everyChangeIsSeenOnceAndInOrderWhateverIsKilled() {
    assertEachChangeIsSeenOnceAndInOrder(this::kill);
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void everyChangeIsSeenOnceAndInOrderWhileProcessesComeAndGo() {
    assertEachChangeIsSeenOnceAndInOrder(this::scale);
  }

  private void kill(Instant begin) {
    for (int round = 0; round < (FULL ? 2 : 1); round++) {
      awaitUnits(begin, 3 + 5 * round);
      end(watch.removeFirst(), ApplicationProcess::kill);
      watch.add(launch("watch"));
      awaitUnits(begin, 5 + 5 * round);
      end(pipeline.removeFirst(), ApplicationProcess::kill);
      pipeline.add(launch());
    }
  }

  /** From two processes of watch to three, one and three, and from one pipeline to two and one. */
  private void scale(Instant begin) {
    awaitUnits(begin, 2);
    watch.add(launch("watch"));
    pipeline.add(launch());
    awaitUnits(begin, 5);
    end(watch.removeFirst(), ChangeFeedIT::stop);
    end(watch.removeFirst(), ChangeFeedIT::stop);
    awaitUnits(begin, 7);
    watch.add(launch("watch"));
    watch.add(launch("watch"));
    end(pipeline.removeFirst(), ChangeFeedIT::stop);
  }

  private static void stop(ApplicationProcess process) {
    assertEquals(0, process.stop(Duration.ofSeconds(30)), process::output);
  }

  private void end(ApplicationProcess process, Consumer<ApplicationProcess> how) {
    how.accept(process);
    disturbances.add(Instant.now());
  }

  private void assertEachChangeIsSeenOnceAndInOrder(Consumer<Instant> disturb) {
    broker.createTopics(Topics.PARTITIONS, transitions);
    broker.createTopics(1, "change-feed.watermark");
    pipeline.add(launch().awaitReady());
    List<String> history = history();
    watch.addAll(List.of(launch("watch"), launch("watch")));
    watch.forEach(ApplicationProcess::awaitReady);

    Instant begin = Instant.now();
    List<String> stable = new ArrayList<>();
    Map<String, String> ends = script(begin, stable);
    disturb.accept(begin);

    try (TransitionAudit audit =
        new TransitionAudit(broker.bootstrapServers(), topics, transitions)) {
      awaitEnds(audit, ends);
      Instant resting = Instant.now().plus(SETTLE).plus(INTERVAL);
      rerun(ends, resting);
      awaitEnds(audit, ends);
      Instant end = Instant.now();
      audit.readToTheEnd();
      List<String> faults = new ArrayList<>(audit.faults());
      for (String id : ends.keySet()) {
        Instant found = calls(id).get(0);
        List<StatusChange> changes = enos.instances().changes(id, end);
        faults.addAll(
            audit.faults(id, changes, period -> period.isLast() || outlived(period, found)));
      }
      assertTrue(faults.isEmpty(), faults.size() + " such as " + firstOf(faults));
      assertTrue(audit.transitions() > 8 * INSTANCES, audit.transitions() + " transitions");
      for (String id : history) {
        assertFalse(audit.hasSeen(id), id);
        assertEquals(1, enos.traffic().callsOf(id), id);
      }
      assertCallsAreRare(stable, resting, end);
    }
  }

  /** Instances that were fetched before there was a feed; half of them still run. */
  private List<String> history() {
    List<String> ids =
        IntStream.range(0, HISTORY).mapToObj(i -> "1003-20250101%06d".formatted(i)).toList();
    Map<String, Integer> tasks = new HashMap<>();
    try (KafkaProducer<String, String> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", broker.bootstrapServers()),
            new StringSerializer(),
            new StringSerializer())) {
      for (int i = 0; i < HISTORY; i++) {
        Duration ago = Duration.ofHours(i % 2 == 0 ? 1 : 24);
        enos.instances().start(ids.get(i), Instant.now().minus(ago), Duration.ofMinutes(40));
        tasks.put(ids.get(i), 4);
        producer.send(new ProducerRecord<>(topics.ids(), ids.get(i), ids.get(i)));
      }
    }
    try (Audit audit = new Audit(broker.bootstrapServers(), topics)) {
      audit.readAll(HISTORY, Duration.ofSeconds(30));
      assertEquals(List.of(), audit.faults(tasks, 1));
    }
    return ids;
  }

  /**
   * Starts the instances: a tenth runs on and on, triggered long before discover's margin; the
   * others end.
   *
   * @return how each ends, and in which attempt
   */
  private Map<String, String> script(Instant begin, List<String> stable) {
    Map<String, String> ends = new LinkedHashMap<>();
    for (int i = 0; i < INSTANCES; i++) {
      String trigger = "-" + SUFFIX.format(begin.minusSeconds(i));
      Instant start = begin.minus(UNIT.multipliedBy(i % 20).dividedBy(20));
      if (i % 10 == 0) {
        String id = "1001-" + SUFFIX.format(begin.minus(MARGIN.multipliedBy(2)).minusSeconds(i));
        enos.instances().start(id, begin.minus(Duration.ofMinutes(90)), Duration.ofHours(1));
        stable.add(id);
        ends.put(id, "RUNNING 1");
      } else if (i % 2 == 0) {
        enos.instances().start("1003" + trigger, start, UNIT.multipliedBy(2));
        ends.put("1003" + trigger, "SUCCESS 1");
      } else {
        boolean fails = i % 4 == 1;
        String id = (fails ? 1005 : 7) + trigger;
        enos.instances().start(id, start, UNIT.multipliedBy(fails ? 1 : 3));
        ends.put(id, fails ? "FAIL 1" : "SUCCESS 1");
      }
    }
    return ends;
  }

  /** Runs all that failed again, and those of a single task, when they rest. */
  private void rerun(Map<String, String> ends, Instant resting) {
    ends.replaceAll(
        (id, end) -> {
          if (!id.startsWith("1005-") && !id.startsWith("7-")) {
            return end;
          }
          enos.instances().rerun(id, resting);
          return "SUCCESS 2";
        });
  }

  private ApplicationProcess launch(String... arguments) {
    Map<String, String> environment = topics.environment(broker.bootstrapServers(), enos);
    environment.put("TOPIC_TRANSITIONS", transitions);
    environment.put("TOPIC_DISCOVER_WATERMARK", "change-feed.watermark");
    environment.put("KAFKA_SESSION_TIMEOUT_MS", "6000");
    environment.put("DISCOVER_ENABLED", "true");
    environment.put("DISCOVER_INTERVAL_MS", String.valueOf(INTERVAL.toMillis()));
    environment.put("DISCOVER_MARGIN_MS", String.valueOf(MARGIN.toMillis()));
    environment.put("DISCOVER_HORIZON_MS", "86400000");
    environment.put("WATCH_INTERVAL_MS", String.valueOf(INTERVAL.toMillis()));
    environment.put("WATCH_LONGEST_INTERVAL_MS", String.valueOf(LONGEST_INTERVAL.toMillis()));
    environment.put("WATCH_SETTLE_MS", String.valueOf(SETTLE.toMillis()));
    environment.put("WATCH_MAX_IDS_PER_SECOND", "1000");
    ApplicationProcess process = ApplicationProcess.start(environment, arguments);
    started.push(process);
    return process;
  }

  private static void awaitUnits(Instant begin, int units) {
    Instant time = begin.plus(UNIT.multipliedBy(units));
    await()
        .atMost(UNIT.multipliedBy(units).plusSeconds(10))
        .pollInterval(Duration.ofMillis(20))
        .until(() -> Instant.now().isAfter(time));
  }

  private static void awaitEnds(TransitionAudit audit, Map<String, String> ends) {
    await()
        .atMost(UNIT.multipliedBy(30).plusSeconds(60))
        .pollInterval(Duration.ofMillis(200))
        .untilAsserted(
            () -> {
              audit.read(Duration.ofMillis(100));
              List<String> others =
                  ends.entrySet().stream()
                      .filter(end -> !end.getValue().equals(audit.latest(end.getKey())))
                      .map(end -> end + ", not " + audit.latest(end.getKey()))
                      .toList();
              assertTrue(others.isEmpty(), others.size() + " such as " + firstOf(others));
            });
  }

  private static String firstOf(List<String> sentences) {
    return String.join("\n", sentences.subList(0, Math.min(10, sentences.size())));
  }

  private List<Instant> calls(String id) {
    long nanos = System.nanoTime();
    Instant now = Instant.now();
    return Arrays.stream(enos.traffic().callTimesOf(id))
        .mapToObj(time -> now.minusNanos(nanos - time))
        .toList();
  }

  /**
   * Whether the status outlived two of the intervals then due, the outages and the time before the
   * instance was found aside.
   */
  private boolean outlived(Period period, Instant found) {
    Duration unchanged =
        period.changedBefore().equals(Instant.MIN)
            ? Duration.ZERO
            : Duration.between(period.changedBefore(), period.from()).dividedBy(2);
    Duration due =
        unchanged.compareTo(INTERVAL) < 0
            ? INTERVAL
            : unchanged.compareTo(LONGEST_INTERVAL) < 0 ? unchanged : LONGEST_INTERVAL;
    Instant begin = found.isAfter(period.from()) ? found : period.from();
    Duration length = Duration.between(begin, period.to());
    for (Instant time : disturbances) {
      Instant from = time.isAfter(begin) ? time : begin;
      Instant to = time.plus(OUTAGE).isBefore(period.to()) ? time.plus(OUTAGE) : period.to();
      length = from.isBefore(to) ? length.minus(Duration.between(from, to)) : length;
    }
    return length.compareTo(due.multipliedBy(2).plus(ON_ITS_WAY)) >= 0;
  }

  /** Instances that have long stayed the same are asked for at the longest interval. */
  private void assertCallsAreRare(List<String> ids, Instant from, Instant to) {
    long millis = LONGEST_INTERVAL.toMillis() * 8 / 10;
    long most = Duration.between(from, to).toMillis() / millis + 1;
    for (String id : ids) {
      List<Instant> calls = calls(id).stream().filter(from::isBefore).filter(to::isAfter).toList();
      assertTrue(calls.size() <= most, id + " was asked for at " + calls);
    }
  }
}
