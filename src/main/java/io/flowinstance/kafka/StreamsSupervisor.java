package io.flowinstance.kafka;

import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntFunction;
import java.util.stream.DoubleStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.streams.KafkaClientSupplier;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Runs a topology, and starts it again whatever ended it: Kafka Streams ends for good when a topic
 * or a right is missing or a login fails. Each start makes new clients, with the current
 * credentials.
 */
public final class StreamsSupervisor implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(StreamsSupervisor.class);

  /** After it has run for so long, the last failure is over. */
  private static final long STEADY_NS = TimeUnit.SECONDS.toNanos(10);

  /** Longest time of a rebalance and of the restore that follows it. */
  private static final long LONGEST_REBALANCE_NS = TimeUnit.MINUTES.toNanos(2);

  /** Between two polls it only waits for what it writes, for seconds at most while that works. */
  private static final double LONGEST_WRITE_S = 60;

  /** Longer than max.poll.interval.ms, after which Kafka Streams leaves the group. */
  private static final double LONGEST_PAUSE_S = 600;

  private static final long LONGEST_SILENCE_NS = TimeUnit.MINUTES.toNanos(5);

  /** Set back by less, the clock is reached again before anybody minds. */
  private static final long CLOCK_STEP_MS = 2_000;

  private static final String SOURCE = "streams";

  private final IntFunction<Topology> topology;
  private final Properties settings;
  private final Clients clients;
  private final AdminBrokers brokers;
  private final List<String> topics;
  private final List<String> memory;
  private final KafkaHealth health;
  private final Faults faults;
  private final Duration longestClose;
  private final TransactionTimeouts timeouts;
  private final Clock clock;
  private final Thread thread = new Thread(this::run, "streams-supervisor");
  private volatile KafkaStreams streams;
  private boolean topicsWereMissing;
  private volatile boolean stopping;
  private volatile long aliveAt = System.nanoTime();
  private volatile long lostAt = System.nanoTime();
  private volatile long runningAt = System.nanoTime() - LONGEST_REBALANCE_NS;

  /**
   * @param topology makes the topology for each start, given the number of partitions of the topic
   *     that is read
   * @param settings of Kafka Streams, without those of the connection
   * @param brokers are asked before each start whether the topics are as they must be
   * @param topics that must exist; the first is the one that is read
   * @param memory the topics of its stores, which it makes where they do not exist
   * @param longestClose how long a stop may take
   * @param timeouts of its transactions; what a killed process leaves open keeps others so long
   *     from reading what is behind it
   */
  public StreamsSupervisor(
      IntFunction<Topology> topology,
      Properties settings,
      KafkaClients clients,
      AdminBrokers brokers,
      List<String> topics,
      List<String> memory,
      KafkaHealth health,
      Duration longestClose,
      TransactionTimeouts timeouts,
      Clock clock) {
    this.topology = topology;
    this.settings = settings;
    this.clients = new Clients(clients);
    this.brokers = brokers;
    this.topics = topics;
    this.memory = memory;
    this.health = health;
    this.faults = health.faults();
    this.longestClose = longestClose;
    this.timeouts = timeouts;
    this.clock = clock;
  }

  /** Starts, and returns at once. */
  public void start() {
    thread.start();
  }

  private void run() {
    int failures = 0;
    while (!stopping) {
      long startedAt = System.nanoTime();
      try {
        Throwable failure = runOnce();
        failures = System.nanoTime() - startedAt > 2 * STEADY_NS ? 1 : failures + 1;
        report(failure, failures);
        TimeUnit.NANOSECONDS.sleep(RetryPause.after(failures).toNanos());
      } catch (InterruptedException e) {
        // It is asked to stop.
      }
    }
  }

  /** Runs the topology until it ends, and returns why it did. */
  private Throwable runOnce() throws InterruptedException {
    try {
      return runTopology();
    } catch (RuntimeException | Error e) {
      return e;
    }
  }

  private Throwable runTopology() throws InterruptedException {
    AtomicReference<Throwable> failure = new AtomicReference<>();
    CountDownLatch ended = new CountDownLatch(1);
    KafkaStreams made = null;
    try {
      aliveAt = System.nanoTime();
      String fault = Answers.await(brokers.faultOf(topics, ""));
      if (fault.isEmpty()) {
        fault = Answers.await(brokers.faultOfMemory(memory, topics.get(0)));
      }
      if (!fault.isEmpty()) {
        topicsWereMissing = true;
        return new NotReadyException(fault);
      }
      if (topicsWereMissing) {
        topicsWereMissing = false;
        faults.clear(SOURCE);
      }
      int partitions = Answers.await(brokers.partitions(topics.get(0))).size();
      made = new KafkaStreams(topology.apply(partitions), settings, clients);
      made.setUncaughtExceptionHandler(
          thrown -> {
            failure.compareAndSet(null, thrown);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
          });
      made.setStateListener(
          (now, before) -> {
            if (now == KafkaStreams.State.RUNNING || before == KafkaStreams.State.RUNNING) {
              runningAt = System.nanoTime();
            }
            if (now == KafkaStreams.State.ERROR || now == KafkaStreams.State.NOT_RUNNING) {
              ended.countDown();
            }
          });
      made.start();
      streams = made;
      long steadyAt = 0;
      long clockBefore = clock.millis();
      while (!ended.await(1, TimeUnit.SECONDS)) {
        aliveAt = System.nanoTime();
        long clockNow = clock.millis();
        if (clockNow < clockBefore - CLOCK_STEP_MS) {
          made.close(Duration.ZERO);
          clients.wakeUp();
          return clockWasSetBack(clockBefore - clockNow);
        }
        clockBefore = clockNow;
        clients.clearOldFaults();
        if (made.state() == KafkaStreams.State.RUNNING) {
          steadyAt = steadyAt == 0 ? aliveAt + STEADY_NS : steadyAt;
          if (aliveAt >= steadyAt) {
            faults.clear(SOURCE);
          }
        }
      }
      return failure.get() == null
          ? new KafkaException("Kafka Streams ended without an error.")
          : failure.get();
    } finally {
      streams = null;
      try {
        if (made != null) {
          made.close(longestClose);
        }
      } finally {
        clients.forget();
      }
    }
  }

  /** Commits, heartbeats and punctuations of the old clients would wait until it is reached. */
  private static NotReadyException clockWasSetBack(long millis) {
    return new NotReadyException(
        "The clock was set back by %d s, and Kafka Streams would wait as long."
            .formatted(TimeUnit.MILLISECONDS.toSeconds(millis)));
  }

  private void report(Throwable failure, int failures) {
    Throwable root = KafkaFaults.root(failure);
    boolean isOfKafka =
        root instanceof KafkaException
            || KafkaFaults.isKnown(failure) && !(root instanceof LinkageError);
    LOG.atLevel(isOfKafka || failures > 1 ? Level.DEBUG : Level.ERROR)
        .setCause(failure)
        .log("Kafka Streams ended, and starts again.");
    // A single one may come from a broker that restarts.
    if (failures > 1 || !(KafkaFaults.root(failure) instanceof RetriableException)) {
      faults.report(SOURCE, KafkaFaults.sentence(failure));
    }
  }

  /** Whether it runs, with its partitions assigned and restored, and polls. */
  public boolean isRunning() {
    KafkaStreams now = streams;
    return now != null
        && now.state() == KafkaStreams.State.RUNNING
        && sincePoll() <= LONGEST_WRITE_S;
  }

  /** Seconds since the poll of the thread that has not polled for longest. */
  private double sincePoll() {
    return values("last-poll-seconds-ago").max().orElse(0);
  }

  /** The same, but while Kafka does not answer, it waits for that. */
  private double sincePollOrAnswer() {
    return Math.min(sincePoll(), health.answering().toSeconds());
  }

  /** Says that it does not run, and what to do; empty while it runs or briefly rebalances. */
  public String notRunning() {
    KafkaStreams now = streams;
    if (now == null) {
      return "The change feed is not running. It starts again by itself.";
    }
    if (sincePollOrAnswer() > LONGEST_WRITE_S) {
      return ("Kafka does not take what the change feed writes. Check that all partitions of %s, and"
              + " of the topics whose names begin with %s, have a leader and enough replicas in"
              + " sync (min.insync.replicas). Work goes on by itself.")
          .formatted(
              String.join(", ", topics.subList(1, topics.size())),
              settings.get(StreamsConfig.APPLICATION_ID_CONFIG));
    }
    boolean brief = System.nanoTime() - runningAt < LONGEST_REBALANCE_NS;
    return now.state() == KafkaStreams.State.RUNNING || brief
        ? ""
        : ("The change feed waits for its partitions, or restores what it remembers. If this lasts"
                + " for minutes, check that this login may use the consumer group %1$s and the"
                + " topics whose names begin with it.")
            .formatted(settings.get(StreamsConfig.APPLICATION_ID_CONFIG));
  }

  /** Says that only a restart helps; empty otherwise. */
  public String stuck() {
    boolean hangs = System.nanoTime() - aliveAt > LONGEST_SILENCE_NS;
    return hangs || sincePollOrAnswer() > LONGEST_PAUSE_S
        ? "The change feed no longer polls. Restart the pod: it goes on where it was. A thread dump"
            + " taken before shows where it hangs."
        : "";
  }

  /** Records that are not yet read, over the partitions of this process. */
  public double lag() {
    return values("records-lag").filter(lag -> lag > 0).sum();
  }

  private DoubleStream values(String metric) {
    KafkaStreams now = streams;
    Map<?, ? extends Metric> metrics = now == null ? Map.of() : now.metrics();
    return metrics.values().stream()
        .filter(each -> each.metricName().name().equals(metric))
        .filter(each -> !each.metricName().tags().get("client-id").endsWith("-restore-consumer"))
        .mapToDouble(each -> ((Number) each.metricValue()).doubleValue());
  }

  @Override
  public void close() {
    stopping = true;
    thread.interrupt();
    try {
      thread.join(longestClose.plusSeconds(1).toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Makes the clients of one start after the other. */
  private final class Clients implements KafkaClientSupplier {
    private final KafkaClients clients;
    private final Set<Consumer<?, ?>> polling = ConcurrentHashMap.newKeySet();
    private final Set<String> producers = ConcurrentHashMap.newKeySet();

    Clients(KafkaClients clients) {
      this.clients = clients;
    }

    /** Ends the polls that wait by a clock that was set back: nothing else would. */
    void wakeUp() {
      polling.forEach(Consumer::wakeup);
    }

    /** A producer whose partitions went to another process commits nothing more. */
    void clearOldFaults() {
      if (System.nanoTime() - lostAt > LONGEST_REBALANCE_NS) {
        producers.forEach(faults::clear);
      }
    }

    /** Those of the last start are closed. */
    void forget() {
      polling.clear();
      producers.forEach(faults::clear);
      producers.clear();
      timeouts.clear();
    }

    @Override
    public Admin getAdmin(Map<String, Object> config) {
      return Admin.create(clients.merged(config));
    }

    @Override
    public Producer<byte[], byte[]> getProducer(Map<String, Object> config) {
      String clientId = String.valueOf(config.get(ProducerConfig.CLIENT_ID_CONFIG));
      producers.add(clientId);
      Map<String, Object> timed = clients.merged(config);
      timed.put(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, (int) timeouts.of(clientId).toMillis());
      return new TimedProducer(timed, new Transactions(clientId));
    }

    @Override
    public Consumer<byte[], byte[]> getConsumer(Map<String, Object> config) {
      Map<String, Object> leaving = new HashMap<>(config);
      // What is remembered ends with the process, so others take over its partitions at once.
      leaving.put("internal.leave.group.on.close", true);
      return polling(clients.consumer(leaving));
    }

    private Consumer<byte[], byte[]> polling(Consumer<byte[], byte[]> consumer) {
      polling.add(consumer);
      return consumer;
    }

    @Override
    public Consumer<byte[], byte[]> getRestoreConsumer(Map<String, Object> config) {
      return polling(clients.consumer(config));
    }

    @Override
    public Consumer<byte[], byte[]> getGlobalConsumer(Map<String, Object> config) {
      return getRestoreConsumer(config);
    }
  }

  /** How the transactions of one producer end. */
  private final class Transactions implements TimedProducer.Observer {
    private final String clientId;

    Transactions(String clientId) {
      this.clientId = clientId;
    }

    @Override
    public void committed() {
      timeouts.committed(clientId);
      faults.clear(clientId);
    }

    @Override
    public void lost(long tookMs) {
      if (timeouts.lost(clientId, tookMs)) {
        lostAt = System.nanoTime();
        faults.report(
            clientId,
            ("Transactions of the change feed take longer than kafka.transaction-timeout-ms, and"
                    + " the brokers end them. The next one may take %d ms. Check the link to the"
                    + " brokers.")
                .formatted(timeouts.of(clientId).toMillis()));
      }
    }
  }
}
