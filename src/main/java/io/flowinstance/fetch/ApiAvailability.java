package io.flowinstance.fetch;

import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
import io.flowinstance.enos.InstanceQuery;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.github.resilience4j.core.IntervalFunction;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells an API that is down, or refuses us, from an id that is bad. A circuit breaker over all
 * calls opens when every one of the last calls failed; an id that failed until its budget was spent
 * is judged by what else the API answers meanwhile.
 */
public final class ApiAvailability {
  private static final Logger LOG = LoggerFactory.getLogger(ApiAvailability.class);

  /** Calls that must all have failed before the API counts as down. */
  private static final int WINDOW = 20;

  private static final Duration FIRST_PROBE = Duration.ofMillis(500);
  private static final Duration LONGEST_PROBE = Duration.ofSeconds(5);

  /** So many different ids hardly turn bad at once: the API's clock alone is not believed then. */
  private static final int SUSPICIOUS_IDS = 5;

  private static final long FAILED_PROBE_IS_FRESH = Duration.ofSeconds(1).toNanos();

  private final Predicate<InstanceQuery> instanceProbe;
  private final BooleanSupplier clockProbe;
  private final CircuitBreaker breaker;
  private final Set<InstanceQuery> failing = ConcurrentHashMap.newKeySet();

  private volatile InstanceQuery lastAnswered;
  private volatile long lastAnsweredAt = System.nanoTime();
  private volatile boolean everAnswered;
  private volatile String reason = "";
  private volatile boolean refusing;
  private volatile boolean stopping;
  private boolean probed;
  private long probeBegan;
  private long probeEnded;

  /**
   * @param instanceProbe whether the API answers about an instance that it answered about before
   * @param clockProbe whether the API tells its time
   */
  public ApiAvailability(Predicate<InstanceQuery> instanceProbe, BooleanSupplier clockProbe) {
    this.instanceProbe = instanceProbe;
    this.clockProbe = clockProbe;
    breaker =
        CircuitBreaker.of(
            "enos-api",
            CircuitBreakerConfig.custom()
                .slidingWindowSize(WINDOW)
                .minimumNumberOfCalls(WINDOW)
                .failureRateThreshold(100)
                .permittedNumberOfCallsInHalfOpenState(1)
                .automaticTransitionFromOpenToHalfOpenEnabled(true)
                .waitIntervalFunctionInOpenState(
                    IntervalFunction.ofExponentialBackoff(FIRST_PROBE, 1.5, LONGEST_PROBE))
                .recordException(ApiAvailability::isOutage)
                .ignoreException(ApiAvailability::saysNothing)
                .writableStackTraceEnabled(false)
                .build());
    breaker.getEventPublisher().onStateTransition(event -> log(event.getStateTransition()));
  }

  /** The breaker that the route {@code fetch-instance} calls through. */
  public CircuitBreaker breaker() {
    return breaker;
  }

  /** Whether calls go through; false while the API is down or refuses us. */
  public boolean isUp() {
    return breaker.getState() == CircuitBreaker.State.CLOSED;
  }

  /** Whether it is down because it refuses this application. */
  public boolean isRefusing() {
    return !isUp() && refusing;
  }

  /** Why the API counts as down, one sentence. */
  public String reason() {
    return reason;
  }

  /** Whether this process is asked to stop: nothing is waited for any more. */
  public boolean isStopping() {
    return stopping;
  }

  /** Lets go of everything that waits for the API. */
  public void stop() {
    stopping = true;
  }

  /** Whether a call may find the API answering. */
  boolean isWorthACall() {
    return breaker.getState() != CircuitBreaker.State.OPEN;
  }

  /** The API gave an answer about an instance, be it that it rejects it. */
  void answered(InstanceQuery query) {
    lastAnswered = query;
    lastAnsweredAt = System.nanoTime();
    everAnswered = true;
    if (!failing.isEmpty()) {
      failing.clear();
    }
  }

  /** A call for an instance failed in a way that may pass. */
  void failed(InstanceQuery query, ApiFailure failure) {
    refusing = false;
    reason = failure.getMessage();
    if (failing.size() < SUSPICIOUS_IDS) {
      failing.add(query);
    }
  }

  /** The API refuses this application: there is no use in calling on until that is mended. */
  void refused(ApiFailure failure) {
    refusing = true;
    reason =
        failure.getMessage()
            + " Check enos.app-key, enos.app-secret, enos.user-id, enos.org-id and enos.base-url,"
            + " and that this address may call the API.";
    open();
  }

  /** Whether the API gave an answer about any instance after this {@link System#nanoTime()}. */
  boolean hasAnsweredSince(long time) {
    return everAnswered && lastAnsweredAt - time > 0;
  }

  /**
   * Whether the API answers others since it failed for this instance. If it does not, the breaker
   * is open afterwards.
   *
   * @param lastAttempt when the call began that failed, in {@link System#nanoTime()}
   */
  boolean answersOthers(InstanceQuery query, long lastAttempt) {
    if (hasAnsweredSince(lastAttempt) || isFoundAnswering(query, lastAttempt)) {
      return true;
    }
    open();
    return false;
  }

  private synchronized boolean isFoundAnswering(InstanceQuery query, long since) {
    boolean known =
        probed
            ? probeBegan - since > 0
            : probeEnded != 0 && System.nanoTime() - probeEnded < FAILED_PROBE_IS_FRESH;
    if (!known) {
      InstanceQuery canary = lastAnswered;
      probeBegan = System.nanoTime();
      probed =
          canary != null && !canary.equals(query)
              ? instanceProbe.test(canary)
              : clockProbe.getAsBoolean()
                  && (failing.size() < SUSPICIOUS_IDS || instanceProbe.test(nobodys(query)));
      probeEnded = System.nanoTime();
    }
    if (probed && !isUp()) {
      breaker.transitionToClosedState();
    }
    return probed;
  }

  /** An instance that there is not: an API that is well rejects it. */
  private static InstanceQuery nobodys(InstanceQuery query) {
    return new InstanceQuery("0-0000000000", query.userId(), query.orgId());
  }

  private void open() {
    if (breaker.getState() != CircuitBreaker.State.OPEN) {
      breaker.transitionToOpenState();
    }
  }

  private static boolean isOutage(Throwable failure) {
    FailureKind kind = kind(failure);
    return kind == FailureKind.PASSING || kind == FailureKind.REFUSED;
  }

  private static boolean saysNothing(Throwable failure) {
    FailureKind kind = kind(failure);
    return kind == null || kind == FailureKind.TOKEN;
  }

  private static FailureKind kind(Throwable failure) {
    ApiFailure known = ApiFailure.in(failure);
    return known == null ? null : known.kind();
  }

  private void log(CircuitBreaker.StateTransition transition) {
    switch (transition) {
      case CLOSED_TO_OPEN ->
          LOG.warn("The EnOS API is down or refuses us; ids are held until it answers. {}", reason);
      case HALF_OPEN_TO_CLOSED, OPEN_TO_CLOSED -> LOG.info("The EnOS API answers again.");
      default -> LOG.debug("The EnOS API: {}", transition);
    }
  }
}
