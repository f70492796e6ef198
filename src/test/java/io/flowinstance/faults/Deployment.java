package io.flowinstance.faults;

import static org.awaitility.Awaitility.await;

import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.faults.Outcomes.Outcome;
import io.flowinstance.harness.ApplicationProcess;
import io.flowinstance.simulator.EnosSimulator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.IntUnaryOperator;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.awaitility.core.ConditionTimeoutException;

/**
 * A packaged pipeline with topics of its own: what it was sent, what came of it, and what its
 * readiness said meanwhile.
 */
final class Deployment implements AutoCloseable {
  private static final Duration READINESS_INTERVAL = Duration.ofMillis(200);
  private static final int WARM_UP_ROUNDS = AvailabilityBed.THIN ? 2 : 10;
  private static final long WARM_MS = 200;
  private static final Duration LEAST_PATIENCE = Duration.ofMillis(100);
  private static final AtomicInteger DEPLOYMENTS = new AtomicInteger();

  /** The ids of all deployments differ: they share the API. */
  private static final AtomicInteger IDS = new AtomicInteger();

  /**
   * An id record that was sent.
   *
   * @param sentAt by {@link System#nanoTime()}
   */
  record SentId(String id, String value, int partition, long sentAt) {}

  /**
   * What readiness said.
   *
   * @param at by {@link System#nanoTime()}
   * @param answer the HTTP status and the body; "" when nobody answered
   */
  record Readiness(long at, String answer) {}

  /** Ids that are being sent, at a rate, by a thread of their own. */
  final class Feed {
    private final List<SentId> sent = new CopyOnWriteArrayList<>();
    private final Thread thread;

    private Feed(int most, double perSecond, IntUnaryOperator partition, BooleanSupplier over) {
      thread =
          new Thread(
              () -> {
                long start = System.nanoTime();
                for (int i = 0; i < most && !over.getAsBoolean(); i++) {
                  parkUntil(start + (long) (i * 1e9 / perSecond));
                  sent.add(send(newId(), partition.applyAsInt(i)));
                }
              },
              "feed");
      thread.setDaemon(true);
      thread.start();
    }

    /** What was sent so far. */
    List<SentId> sent() {
      return List.copyOf(sent);
    }

    /** Waits until everything is sent; all of it. */
    List<SentId> join() throws InterruptedException {
      thread.join();
      return sent();
    }
  }

  private final Topics topics;
  private final Map<String, String> environment;
  private final Outcomes outcomes;
  private final KafkaProducer<String, String> producer;
  private final List<Readiness> readiness = new CopyOnWriteArrayList<>();
  private final ScheduledExecutorService watch =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "readiness");
            thread.setDaemon(true);
            return thread;
          });
  private volatile ApplicationProcess process;

  private Deployment(KafkaBroker broker, Topics topics, Map<String, String> environment) {
    this.topics = topics;
    this.environment = environment;
    outcomes = new Outcomes(broker.bootstrapServers(), topics);
    producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", broker.bootstrapServers()),
            new StringSerializer(),
            new StringSerializer());
  }

  /**
   * Makes the topics; {@link #start} starts the process.
   *
   * @param settings environment variables of the process, beside those for broker, topics and API
   */
  static Deployment prepare(KafkaBroker broker, EnosSimulator enos, Map<String, String> settings) {
    Topics topics = Topics.create(broker, "availability-" + DEPLOYMENTS.incrementAndGet());
    Map<String, String> environment = new HashMap<>(topics.environment());
    environment.put("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrapServers());
    environment.put("ENOS_BASE_URL", enos.baseUrl());
    environment.put("ENOS_APP_KEY", enos.tokens().appKey());
    environment.put("ENOS_APP_SECRET", enos.tokens().appSecret());
    environment.put("ENOS_USER_ID", "u");
    environment.put("ENOS_ORG_ID", "o");
    environment.putAll(settings);
    return new Deployment(broker, topics, environment);
  }

  /** Starts the process; does not wait until it is ready. */
  Deployment start() {
    process = ApplicationProcess.start(environment);
    watch.scheduleWithFixedDelay(
        () -> readiness.add(new Readiness(System.nanoTime(), process.health("ready"))),
        0,
        READINESS_INTERVAL.toMillis(),
        TimeUnit.MILLISECONDS);
    return this;
  }

  ApplicationProcess process() {
    return process;
  }

  /** An id that no deployment was sent before; its instance has three tasks. */
  static String newId() {
    return "100003-%010d".formatted(IDS.incrementAndGet());
  }

  /** Sends a bare id. */
  SentId send(String id, int partition) {
    return send(id, id, partition);
  }

  /** Sends an id record of any form. */
  SentId send(String id, String value, int partition) {
    SentId sent = new SentId(id, value, partition, System.nanoTime());
    producer.send(new ProducerRecord<>(topics.ids(), partition, id, value));
    return sent;
  }

  /** Sends this many new ids, the i-th to this partition, so many in a second. */
  Feed feed(int ids, double perSecond, IntUnaryOperator partition) {
    return new Feed(ids, perSecond, partition, () -> false);
  }

  /** The same, until it is over. */
  Feed feedUntil(BooleanSupplier over, double perSecond, IntUnaryOperator partition) {
    return new Feed(Integer.MAX_VALUE, perSecond, partition, over);
  }

  /** The outcomes so far of what was sent; exactly one is right. */
  List<Outcome> outcomes(SentId sent) {
    List<Outcome> found = new ArrayList<>(outcomes.of(sent.id()));
    if (!sent.value().equals(sent.id())) {
      found.addAll(outcomes.of(sent.value()));
    }
    return found;
  }

  /** The ids of all scenarios so far that have more than one outcome. */
  List<String> repeated() {
    return outcomes.repeated();
  }

  boolean hasOutcome(SentId sent) {
    return !outcomes(sent).isEmpty();
  }

  /** Whether it had an outcome by then, in {@link System#nanoTime()}. */
  boolean hasOutcomeBefore(SentId sent, long nanoTime) {
    return outcomes(sent).stream().anyMatch(outcome -> outcome.readAt() - nanoTime < 0);
  }

  boolean isDeadLetter(SentId sent) {
    return outcomes(sent).stream().anyMatch(Outcome::isDeadLetter);
  }

  /** Waits until all have an outcome, or the time is over; how many have none. */
  int awaitOutcomes(Collection<SentId> sent, Duration patience) {
    try {
      await()
          .pollInterval(Duration.ofMillis(20))
          .atMost(patience.compareTo(LEAST_PATIENCE) > 0 ? patience : LEAST_PATIENCE)
          .until(() -> sent.stream().allMatch(this::hasOutcome));
      return 0;
    } catch (ConditionTimeoutException e) {
      return (int) sent.stream().filter(id -> !hasOutcome(id)).count();
    }
  }

  /**
   * Milliseconds from the sending to the reading of the outcome, ascending; those that have one.
   */
  long[] ages(Collection<SentId> sent) {
    return sent.stream()
        .filter(this::hasOutcome)
        .mapToLong(id -> (outcomes(id).get(0).readAt() - id.sentAt()) / 1_000_000)
        .sorted()
        .toArray();
  }

  /** What readiness said from then until now. */
  List<Readiness> readinessSince(long nanoTime) {
    return readiness.stream().filter(said -> said.at() - nanoTime >= 0).toList();
  }

  /** What readiness said last. */
  String readinessNow() {
    return readiness.isEmpty() ? "" : readiness.get(readiness.size() - 1).answer();
  }

  /** The lines of its log so far. */
  List<String> log() {
    return process.output().lines().toList();
  }

  /** Waits until it is ready, and serves ids; throws IllegalStateException when it does not. */
  Deployment awaitServing() throws InterruptedException {
    process.awaitReady();
    served(feed(Topics.PARTITIONS, 1_000, i -> i).join());
    return this;
  }

  /** Waits until it serves ids at its usual speed, or the machine is too busy for that. */
  Deployment warmUp() throws InterruptedException {
    awaitServing();
    for (int round = 0; round < WARM_UP_ROUNDS; round++) {
      long[] ages = served(feed(200, 100, i -> i % Topics.PARTITIONS).join());
      if (ages[ages.length * 98 / 100] < WARM_MS) {
        break;
      }
    }
    return this;
  }

  private long[] served(List<SentId> sent) {
    int without = awaitOutcomes(sent, Duration.ofSeconds(30));
    if (without > 0) {
      throw new IllegalStateException(
          "%d of %d ids of the warm-up have no outcome: %s"
              .formatted(without, sent.size(), process.output()));
    }
    return ages(sent);
  }

  static void parkUntil(long nanoTime) {
    for (long left; (left = nanoTime - System.nanoTime()) > 0; ) {
      LockSupport.parkNanos(left);
    }
  }

  @Override
  public void close() {
    watch.shutdownNow();
    if (process != null) {
      process.close();
    }
    producer.close(Duration.ZERO);
    outcomes.close();
  }
}
