package io.flowinstance.kafka;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.kafka.common.errors.RetriableException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How the consumers of this process are, and whether Kafka answers. No method waits, but for {@link
 * #look} while a client logs in.
 */
public final class KafkaHealth {
  private static final Logger LOG = LoggerFactory.getLogger(KafkaHealth.class);

  /** A connection that broke is made again within this time, if there is a broker. */
  private static final Duration RECONNECT = Duration.ofSeconds(3);

  private static final Duration LONGEST_PUBLISH = Duration.ofSeconds(30);

  /** Nothing that a consumer does between two polls takes longer. */
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(60);

  /** Then a person may want to know which record it is. */
  private static final Duration LONGEST_UNDONE = Duration.ofMinutes(10);

  private static final String TOPIC = "topic";

  private final Brokers brokers;
  private final String servers;
  private final List<String> topics;
  private final LongSupplier nanoTime;
  private final Faults faults = new Faults();
  private final List<ConsumerHealth> consumers = new CopyOnWriteArrayList<>();
  private volatile long answeredAt;
  private volatile long answersSince;
  private volatile boolean unanswered;
  private volatile boolean asking;
  private volatile boolean connecting;
  private volatile boolean asked;

  /**
   * @param servers where the brokers are, for sentences
   * @param topics that are asked for while this process reads none; the first is the one to read
   * @param nanoTime as {@link System#nanoTime()}
   */
  public KafkaHealth(Brokers brokers, String servers, List<String> topics, LongSupplier nanoTime) {
    this.brokers = brokers;
    this.servers = servers;
    this.topics = topics;
    this.nanoTime = nanoTime;
    answeredAt = nanoTime.getAsLong();
    answersSince = answeredAt;
  }

  ConsumerHealth add(int number, InFlight inFlight) {
    ConsumerHealth health = new ConsumerHealth(number, inFlight, faults, nanoTime);
    consumers.add(health);
    return health;
  }

  Faults faults() {
    return faults;
  }

  /** Forgets all consumers, and what was wrong with them: they have ended. */
  void clear() {
    consumers.forEach(ConsumerHealth::forget);
    consumers.clear();
  }

  /** Asks the brokers whether they are there; to be called each second. */
  public void look() {
    if (!asked) {
      asked = true;
      answeredAt = nanoTime.getAsLong();
    }
    if (!asking) {
      asking = true;
      ping().whenComplete(this::answer);
      if (consumers.stream().noneMatch(consumer -> consumer.inFlight().ownsAny())) {
        brokers.faultOf(topics, "").whenComplete(this::topicAnswer);
      } else {
        faults.clear(TOPIC);
      }
    }
    notice();
    consumers.forEach(consumer -> consumer.noticeUndone(LONGEST_UNDONE));
  }

  /** Before it can ask, it may have to log in: as long as that takes, no broker is silent. */
  private CompletionStage<Void> ping() {
    long before = nanoTime.getAsLong();
    connecting = true;
    try {
      return brokers.ping();
    } finally {
      answeredAt += nanoTime.getAsLong() - before;
      connecting = false;
    }
  }

  private void answer(Void answer, Throwable failure) {
    try {
      if (failure == null) {
        answeredAt = nanoTime.getAsLong();
        faults.clear("login");
      } else if (!(Answers.failure(failure) instanceof RetriableException)) {
        // The brokers answered with a fault, or no client can be made.
        answeredAt = nanoTime.getAsLong();
        faults.report("login", KafkaFaults.sentence(failure));
      }
    } finally {
      asking = false;
    }
    notice();
  }

  private void topicAnswer(String fault, Throwable failure) {
    if (failure == null && fault.isEmpty()) {
      faults.clear(TOPIC);
    } else if (failure == null) {
      faults.report(TOPIC, fault);
    }
  }

  /** For how long Kafka has answered without a longer silence; zero while it does not. */
  Duration answering() {
    notice();
    return unanswered ? Duration.ZERO : Duration.ofNanos(nanoTime.getAsLong() - answersSince);
  }

  private synchronized void notice() {
    if (connecting) {
      return;
    }
    boolean silent = nanoTime.getAsLong() - answeredAt > RECONNECT.toNanos();
    if (silent && !unanswered) {
      LOG.warn("Kafka does not answer at {}; trying again.", servers);
    } else if (!silent && unanswered) {
      LOG.info("Kafka answers again.");
      answersSince = nanoTime.getAsLong();
    }
    unanswered = silent;
  }

  /**
   * Whether Kafka does not answer, or refuses something, and what to do; empty when all is well.
   */
  public String unanswered() {
    notice();
    if (unanswered) {
      return ("Kafka does not answer at %s. Nothing is lost, and work goes on by itself. Check the brokers, kafka.bootstrap-servers and kafka.security.*, and"
              + " the network.")
          .formatted(servers);
    }
    return String.join(" ", faults.all());
  }

  /** Whether ids can be read and outcomes published. */
  public boolean isUp() {
    return unanswered().isEmpty() && outsideTheGroup().isEmpty();
  }

  /** Which consumers are not in the group; empty when all are. */
  public String outsideTheGroup() {
    String outside = those(consumer -> !consumer.isMember());
    return outside.isEmpty() || unanswered
        ? ""
        : ("Not in the consumer group: %s. A rebalance takes seconds. If it lasts longer, check"
                + " that this login may read the group and the topic %s.")
            .formatted(outside, topics.get(0));
  }

  /** What else keeps outcomes from being published; empty when nothing does. */
  public String uncommitted() {
    if (unanswered) {
      return "";
    }
    return consumers.stream()
        .map(consumer -> consumer.uncommitted(LONGEST_PUBLISH.toNanos()))
        .filter(sentence -> !sentence.isEmpty())
        .collect(Collectors.joining(" "));
  }

  /** Which consumers no longer poll and never will; empty when all do. */
  public String stuck() {
    String stuck = those(consumer -> consumer.sincePoll() > LONGEST_PAUSE.toNanos());
    return stuck.isEmpty()
        ? ""
        : ("No longer polling: %s. Restart the pod: the ids are polled again. A thread dump"
                + " taken before shows where it hangs.")
            .formatted(stuck);
  }

  private String those(Predicate<ConsumerHealth> condition) {
    return consumers.stream()
        .filter(condition)
        .map(ConsumerHealth::name)
        .collect(Collectors.joining(", "));
  }

  /** Records of the id topic that are not yet polled, over the partitions of this process. */
  public double lag() {
    return consumers.stream().mapToDouble(consumer -> consumer.inFlight().lag()).sum();
  }

  /** Records that are polled and have no published outcome. */
  public double undone() {
    return consumers.stream().mapToDouble(consumer -> consumer.inFlight().size()).sum();
  }

  /** Seconds since the oldest of these was polled; 0 when there is none. */
  public double oldestUndoneSeconds() {
    long now = nanoTime.getAsLong();
    return consumers.stream()
        .map(consumer -> consumer.inFlight().oldest())
        .filter(Objects::nonNull)
        .mapToDouble(oldest -> (now - oldest.polledAt()) / 1e9)
        .max()
        .orElse(0);
  }
}
