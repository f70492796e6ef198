package io.flowinstance.fetch;

import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
import io.flowinstance.metrics.PipelineMetrics;
import io.github.resilience4j.circuitbreaker.CallNotPermittedException;
import java.time.Clock;
import java.time.Duration;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.camel.ExchangeException;
import org.apache.camel.RuntimeCamelException;
import org.apache.camel.Variable;

/**
 * Decides after a failed call of the route {@code fetch-instance}: to ask again, after a while; to
 * hold the id while the API is down; to give up on it. See the table "When it fails" of the README.
 */
public final class Retries {
  private static final String OK = "ok";

  /** What a call comes to, as the metrics name it: {@code ok}, or how it failed. */
  public static final Set<String> ANSWERS =
      Stream.concat(Stream.of(OK), Stream.of(FailureKind.values()).map(Retries::answer))
          .collect(Collectors.toUnmodifiableSet());

  private static final Duration LOOK_AGAIN = Duration.ofMillis(50);

  private final ApiAvailability api;
  private final Duration budget;
  private final PipelineMetrics metrics;
  private final Clock clock;

  /**
   * @param budget time after the first call in which an instance is asked for again
   */
  public Retries(ApiAvailability api, Duration budget, PipelineMetrics metrics, Clock clock) {
    this.metrics = metrics;
    this.api = api;
    this.budget = budget;
    this.clock = clock;
  }

  /** Whether the instance has to be asked for, for the first time or again. */
  public boolean goesOn(@Variable("fetch") Fetch fetch) {
    return fetch.isOpen();
  }

  /** The API gave the instance: nothing is left to ask. */
  public void afterAnswer(@Variable("fetch") Fetch fetch) {
    metrics.called(OK, System.nanoTime() - fetch.lastAttempt());
    api.answered(fetch.query());
    fetch.close();
  }

  /**
   * Returns when the call should be made again.
   *
   * @throws ApiFailure asking again would not change it, or the retry budget is spent
   * @throws CancelledException nobody waits for it any more, or this process is stopping
   */
  public void afterFailure(
      @Variable("fetch") Fetch fetch,
      @Variable("record") FetchScope scope,
      @ExchangeException Exception exception)
      throws InterruptedException {
    ApiFailure failure = ApiFailure.in(exception);
    if (failure == null) {
      if (!(exception instanceof CallNotPermittedException)) {
        throw RuntimeCamelException.wrapRuntimeCamelException(exception);
      }
      hold(fetch, scope);
      return;
    }
    metrics.called(answer(failure.kind()), System.nanoTime() - fetch.lastAttempt());
    switch (failure.kind()) {
      case REJECTED, UNREADABLE -> {
        api.answered(fetch.query());
        throw failure;
      }
      case PASSING -> askLater(fetch, scope, failure);
      case TOKEN -> {
        if (fetch.token() == null || !fetch.renewToken()) {
          api.refused(failure);
          hold(fetch, scope);
        }
      }
      case REFUSED -> {
        api.refused(failure);
        hold(fetch, scope);
      }
    }
  }

  private static String answer(FailureKind kind) {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  private void askLater(Fetch fetch, FetchScope scope, ApiFailure failure)
      throws InterruptedException {
    api.failed(fetch.query(), failure);
    Duration left = budget.minus(fetch.spent(System.nanoTime()));
    if (!left.isNegative() && !left.isZero()) {
      fetch.failed(api.hasAnsweredSince(fetch.lastAttempt()));
      Duration delay =
          Backoff.DEFAULT.delay(
              fetch.attempts(),
              failure.retryAfter(),
              left,
              clock.instant(),
              ThreadLocalRandom.current().nextDouble());
      metrics.retried();
      waitFor(delay, scope);
      return;
    }
    if (!api.answersOthers(fetch.query(), fetch.lastAttempt())) {
      fetch.restartBudget();
      hold(fetch, scope);
      return;
    }
    if (fetch.failedAlone()) {
      throw failure;
    }
    // Its failures so far may be those of an outage that is over: one call more tells.
    fetch.failed(true);
  }

  /** Waits until a call may find the API answering. */
  private void hold(Fetch fetch, FetchScope scope) throws InterruptedException {
    long from = System.nanoTime();
    do {
      waitFor(LOOK_AGAIN, scope);
    } while (!api.isWorthACall());
    fetch.held(System.nanoTime() - from);
  }

  private void waitFor(Duration delay, FetchScope scope) throws InterruptedException {
    long end = System.nanoTime() + delay.toNanos();
    for (long now = System.nanoTime(); now < end; now = System.nanoTime()) {
      if (api.isStopping() || scope.isCancelled()) {
        throw new CancelledException("This process is stopping, or the partition has moved.");
      }
      TimeUnit.NANOSECONDS.sleep(Math.min(end - now, LOOK_AGAIN.toNanos()));
    }
  }
}
