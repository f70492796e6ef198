package io.flowinstance.app;

import io.flowinstance.discover.Discovery;
import io.flowinstance.discover.Watermark;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.fetch.CancelledException;
import io.flowinstance.fetch.EnosClient;
import io.flowinstance.kafka.Faults;
import io.flowinstance.kafka.KafkaFaults;
import io.flowinstance.kafka.WatermarkTopic;
import io.flowinstance.metrics.DiscoverMetrics;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import org.apache.camel.Body;
import org.apache.camel.Exchange;
import org.apache.camel.spi.ExceptionHandler;
import org.apache.kafka.common.KafkaException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The steps of {@code discover}. A round that fails is reported; the next one repeats it. */
public final class DiscoverSteps implements ExceptionHandler {
  private static final Logger LOG = LoggerFactory.getLogger(DiscoverSteps.class);

  private static final String ROUND = "round";

  /** The list of EnOS may change while its pages are read, but not each time. */
  private static final int INCOMPLETE_IN_A_ROW = 3;

  private final WatermarkTopic topic;
  private final Discovery discovery;
  private final EnosClient enos;
  private final DiscoverMetrics metrics;
  private final Faults faults;
  private final Faults incompleteRounds;
  private final long intervalNanos;
  private final Clock clock;

  /** The watermark that the last round began with, or published. */
  private Watermark known;

  /** When the next round is due, unless somebody else moves the watermark. */
  private long nextAt;

  private int incomplete;
  private Thread searching;
  private volatile boolean stopping;

  /**
   * @param faults is told why a round failed
   * @param incompleteRounds is told what is left out again and again, and that EnOS counts more
   *     than it gives
   * @param interval from the begin of a round to that of the next
   */
  public DiscoverSteps(
      WatermarkTopic topic,
      Discovery discovery,
      EnosClient enos,
      DiscoverMetrics metrics,
      Faults faults,
      Faults incompleteRounds,
      Duration interval,
      Clock clock) {
    this.topic = topic;
    this.discovery = discovery;
    this.enos = enos;
    this.metrics = metrics;
    this.faults = faults;
    this.incompleteRounds = incompleteRounds;
    intervalNanos = interval.toNanos();
    this.clock = clock;
  }

  /**
   * The watermark to begin with, or null if another process searches or no round is due. Whoever
   * takes over begins at once.
   */
  public Watermark watermark() {
    Watermark watermark = topic.current();
    long now = System.nanoTime();
    if (watermark == null) {
      faults.clear(ROUND);
      incompleteRounds.clear(ROUND);
      incomplete = 0;
      return null;
    }
    if (watermark.equals(known) && now - nextAt < 0) {
      return null;
    }
    known = watermark;
    nextAt = now + intervalNanos;
    return watermark;
  }

  /**
   * Searches EnOS, all pages.
   *
   * @throws ApiFailure if a page cannot be read
   */
  public Discovery.Round search(@Body Watermark watermark) {
    begin();
    try {
      Instant now = clock.instant();
      if (discovery.isAhead(watermark, now)) {
        LOG.warn(
            "Discover was to begin at {}, which is yet to come: discover.from is wrong, the clock of"
                + " another process was ahead, or ours is behind. Instances may be missing:"
                + " send-ids --from finds them.",
            discovery.from(watermark));
      }
      return discovery.round(watermark, now, search -> enos.find(search, DiscoverSteps::goOn));
    } catch (InterruptedException e) {
      throw new CancelledException("This process is stopping.");
    } finally {
      end();
    }
  }

  private static void goOn(int found, Long count) {
    if (Thread.currentThread().isInterrupted()) {
      throw new CancelledException("This process is stopping.");
    }
  }

  private synchronized void begin() {
    if (stopping) {
      throw new CancelledException("This process is stopping.");
    }
    searching = Thread.currentThread();
  }

  private synchronized void end() {
    searching = null;
    Thread.interrupted();
  }

  /** Ends the current search, and starts no other. */
  public synchronized void stop() {
    stopping = true;
    if (searching != null) {
      searching.interrupt();
    }
  }

  /** Publishes the ids of a round and its watermark, unless another process has taken over. */
  public void publish(@Body Discovery.Round round) {
    Watermark now = topic.publish(round);
    if (now != null) {
      discovery.published(round, now);
      known = now;
      metrics.round(round.found(), round.ids().size());
      faults.clear(ROUND);
      incomplete = round.isComplete() && round.fault().isEmpty() ? 0 : incomplete + 1;
      if (incomplete < INCOMPLETE_IN_A_ROW) {
        incompleteRounds.clear(ROUND);
      } else {
        incompleteRounds.report(ROUND, incomplete(round));
      }
      if (round.isBehind()) {
        nextAt = System.nanoTime();
      }
    }
  }

  private static String incomplete(Discovery.Round round) {
    String why =
        round.fault().isEmpty()
            ? "EnOS counts more instances than its pages contain"
            : round.fault() + " Discover leaves it out";
    return round.isComplete()
        ? why + "."
        : ("%s, so discover's watermark stays at %s. What was found is sent; send-ids with shorter"
                + " spans may find the rest. Of what was triggered later, the first and the last day"
                + " are searched.")
            .formatted(why, round.watermark());
  }

  @Override
  public void handleException(Throwable exception) {
    if (!stopping) {
      metrics.failed();
      faults.report(ROUND, sentence(exception));
    }
  }

  private static String sentence(Throwable exception) {
    ApiFailure failure = ApiFailure.in(exception);
    if (failure != null) {
      return "The EnOS API cannot be searched for new instances. %s %s"
          .formatted(failure.getMessage(), failure.kind().remedy())
          .strip();
    }
    return exception instanceof KafkaException
        ? "The ids of new instances cannot be published. " + KafkaFaults.sentence(exception)
        : "The search for new instances failed: " + exception;
  }

  @Override
  public void handleException(String message, Throwable exception) {
    handleException(exception);
  }

  @Override
  public void handleException(String message, Exchange exchange, Throwable exception) {
    handleException(exception);
  }
}
