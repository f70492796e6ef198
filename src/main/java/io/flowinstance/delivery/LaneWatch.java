package io.flowinstance.delivery;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.camel.component.kafka.KafkaClientFactory;
import org.apache.camel.component.kafka.KafkaConfiguration;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.Metric;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/**
 * The lanes of this process and how they are. A lane is a thread that polls; Camel gives it a new
 * consumer after a failure. What is told here stands in the metrics of the consumers: no broker is
 * asked, and no lane is waited for.
 *
 * @see <a href="https://kafka.apache.org/39/documentation.html#consumer_monitoring">Kafka: consumer
 *     monitoring</a>
 */
public final class LaneWatch implements KafkaClientFactory {
  private static final Logger LOG = LoggerFactory.getLogger(LaneWatch.class);

  /** A connection that broke is made again within this time, if there is a broker. */
  private static final Duration RECONNECT = Duration.ofSeconds(2);

  private final KafkaClientFactory clients;
  private final Bounds bounds;
  private final LongSupplier nanoTime;
  private final List<Watched> lanes = new ArrayList<>();
  private boolean unanswered;

  /**
   * How long a lane may be silent.
   *
   * @param session without a sign of life, after which the group puts a consumer out
   * @param pause between two polls, whatever happens to a batch
   */
  public record Bounds(Duration session, Duration pause) {}

  /**
   * @param clients makes the consumers
   * @param nanoTime as {@link System#nanoTime()}
   */
  public LaneWatch(KafkaClientFactory clients, Bounds bounds, LongSupplier nanoTime) {
    this.clients = clients;
    this.bounds = bounds;
    this.nanoTime = nanoTime;
  }

  /** Makes the consumer of the lane whose thread calls. */
  @Override
  @SuppressWarnings("unchecked")
  public Consumer<Object, Object> getConsumer(Properties ofTheRoute) {
    Watched lane = ofThisThread();
    MDC.put(IdInLog.LANE, Integer.toString(lane.number));
    try {
      Consumer<Object, Object> consumer = clients.getConsumer(ofTheRoute);
      lane.goOnWith(consumer, nanoTime.getAsLong());
      return consumer;
    } catch (RuntimeException e) {
      lane.failure = e.getCause() == null ? e.getMessage() : e.getCause().getMessage();
      throw e;
    }
  }

  @Override
  @SuppressWarnings("unchecked")
  public Producer<Object, Object> getProducer(Properties ofTheRoute) {
    return clients.getProducer(ofTheRoute);
  }

  @Override
  public String getBrokers(KafkaConfiguration configuration) {
    return clients.getBrokers(configuration);
  }

  /** The number of the lane whose thread calls, from 0. */
  int current() {
    return ofThisThread().number;
  }

  private synchronized Watched ofThisThread() {
    Thread thread = Thread.currentThread();
    for (Watched lane : lanes) {
      if (lane.thread == thread) {
        return lane;
      }
    }
    Watched lane = new Watched(thread, lanes.size(), nanoTime.getAsLong());
    lanes.add(lane);
    return lane;
  }

  /** Records of the id topic that are not yet polled, over the partitions of this process. */
  public synchronized double lag() {
    return lanes.stream().mapToDouble(lane -> lane.read().lag).sum();
  }

  /** Looks how the lanes are, and logs when Kafka falls silent or answers again; cheap. */
  public synchronized void look() {
    lanes.forEach(lane -> lane.look(nanoTime.getAsLong(), bounds.session));
    String silent = those(lane -> lane.unanswered);
    if (!silent.isEmpty() && !unanswered) {
      LOG.warn("Kafka does not answer at {}; trying again.{}", getBrokers(null), failures());
    } else if (silent.isEmpty() && unanswered) {
      LOG.info("Kafka answers again.");
    }
    unanswered = !silent.isEmpty();
  }

  /** Which lanes have no answer from Kafka, and what to do; empty when all have. */
  public synchronized String unanswered() {
    look();
    String silent = those(lane -> lane.unanswered);
    return silent.isEmpty()
        ? ""
        : ("Kafka does not answer %s at %s; ids wait, none is lost, and it goes on by itself.%s"
                + " Look at the brokers, at kafka.bootstrap-servers and kafka.security, and at the"
                + " way there.")
            .formatted(silent, getBrokers(null), failures());
  }

  /** Which lanes have an answer from Kafka and are not in the group; empty when all are. */
  public synchronized String outsideTheGroup() {
    look();
    String outside = those(lane -> !lane.unanswered && !isMember(lane));
    return outside.isEmpty()
        ? ""
        : ("Not in the consumer group: %s. A rebalance puts that right within seconds. If it lasts,"
                + " see that the user may read the group and the topic of the ids, and that the"
                + " topic is there.")
            .formatted(outside);
  }

  /** Which lanes no longer poll and never will; empty when all do. */
  public synchronized String stuck() {
    look();
    String stuck = those(this::isStuck);
    return stuck.isEmpty()
        ? ""
        : ("No longer polling: %s. Nothing that an id waits for takes longer than %d s. A restart"
                + " frees it, and its ids are polled again. A thread dump taken before shows where"
                + " it hangs.")
            .formatted(stuck, bounds.pause.toSeconds());
  }

  private boolean isMember(Watched lane) {
    Reading reading = lane.reading;
    // A heartbeat follows a rebalance after three seconds.
    double signOfLife =
        reading.sinceHeartbeat < 0
            ? reading.sinceRebalance
            : Math.min(reading.sinceRebalance, reading.sinceHeartbeat);
    return reading.sinceRebalance >= 0 && signOfLife <= bounds.session.toSeconds();
  }

  private boolean isStuck(Watched lane) {
    // Without a consumer it is the way to Kafka that is to be mended.
    return lane.failure == null && nanoTime.getAsLong() - lane.polledAt > bounds.pause.toNanos();
  }

  private String those(Predicate<Watched> condition) {
    return lanes.stream()
        .filter(condition)
        .map(lane -> "lane " + lane.number)
        .collect(Collectors.joining(", "));
  }

  private String failures() {
    return lanes.stream()
        .filter(lane -> lane.failure != null)
        .map(lane -> " " + lane.failure + ".")
        .distinct()
        .collect(Collectors.joining());
  }

  private static final class Watched {
    private final Thread thread;
    private final int number;
    private volatile Consumer<?, ?> consumer;
    private volatile long madeAt;
    private volatile String failure;
    private Reading reading = Reading.NONE;
    private double bytes;
    private long answeredAt;
    private long polledAt;
    private boolean unanswered;

    Watched(Thread thread, int number, long now) {
      this.thread = thread;
      this.number = number;
      madeAt = now;
      answeredAt = now;
      polledAt = now;
    }

    void goOnWith(Consumer<?, ?> fresh, long now) {
      madeAt = now;
      consumer = fresh;
      failure = null;
    }

    Reading read() {
      return consumer == null ? Reading.NONE : Reading.of(consumer);
    }

    /** Keeps what a consumer that is closed later no longer tells. */
    void look(long now, Duration session) {
      reading = read();
      if (reading.bytes > bytes) {
        answeredAt = now;
        unanswered = false;
      } else if (now - answeredAt > session.toNanos() || isCutOff(now)) {
        unanswered = true;
      }
      bytes = reading.bytes;
      if (reading.sincePoll >= 0) {
        polledAt = now - TimeUnit.SECONDS.toNanos((long) reading.sincePoll);
      }
    }

    /** A consumer that is closed, or has not polled yet, has no connection by rights. */
    private boolean isCutOff(long now) {
      return (reading.sincePoll >= 0 || failure != null)
          && reading.connections == 0
          && now - answeredAt > RECONNECT.toNanos()
          && now - madeAt > RECONNECT.toNanos();
    }
  }

  /**
   * What a consumer's metrics say at a time.
   *
   * @param connections to brokers
   * @param bytes that came in from them, ever
   * @param sincePoll seconds; negative before the first one, and when the consumer is closed
   * @param sinceHeartbeat seconds; negative before the first one
   * @param sinceRebalance seconds since one that took this consumer in; negative before the first
   * @param lag records that are not yet polled
   */
  private record Reading(
      double connections,
      double bytes,
      double sincePoll,
      double sinceHeartbeat,
      double sinceRebalance,
      double lag) {
    static final Reading NONE = new Reading(0, 0, -1, -1, -1, 0);

    static Reading of(Consumer<?, ?> consumer) {
      double connections = 0;
      double bytes = 0;
      double sincePoll = -1;
      double sinceHeartbeat = -1;
      double sinceRebalance = -1;
      double lag = 0;
      for (Metric metric : consumer.metrics().values()) {
        switch (metric.metricName().group() + " " + metric.metricName().name()) {
          case "consumer-metrics connection-count" -> connections = value(metric);
          case "consumer-metrics incoming-byte-total" -> bytes = value(metric);
          case "consumer-metrics last-poll-seconds-ago" -> sincePoll = value(metric);
          case "consumer-coordinator-metrics last-heartbeat-seconds-ago" ->
              sinceHeartbeat = value(metric);
          case "consumer-coordinator-metrics last-rebalance-seconds-ago" ->
              sinceRebalance = value(metric);
          case "consumer-fetch-manager-metrics records-lag" -> lag += value(metric);
          default -> {}
        }
      }
      return new Reading(connections, bytes, sincePoll, sinceHeartbeat, sinceRebalance, lag);
    }

    private static double value(Metric metric) {
      return ((Number) metric.metricValue()).doubleValue();
    }
  }
}
