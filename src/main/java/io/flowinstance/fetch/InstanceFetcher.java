package io.flowinstance.fetch;

import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.enos.AccessTokens;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
import io.flowinstance.enos.Identity;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.metrics.PipelineMetrics;
import io.github.resilience4j.ratelimiter.RateLimiter;
import java.time.Clock;
import java.time.Duration;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinWorkerThread;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.camel.AsyncCallback;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.spi.ExecutorServiceManager;
import org.apache.camel.spi.ThreadPoolProfile;
import org.apache.camel.support.AsyncProcessorSupport;
import org.slf4j.MDC;

/**
 * The step that fetches an instance: an {@link InstanceQuery} in, the data of the API's answer out.
 * It repeats a failed call as long as that makes sense, and fails the exchange with an {@link
 * ApiFailure} when the instance is to blame, or with a {@link CancelledException}. What waits takes
 * no thread.
 *
 * <p>The variable {@code record} is the {@link FetchScope} of a fetch; its {@link FetchState}
 * becomes the variable {@code fetch}.
 */
public final class InstanceFetcher extends AsyncProcessorSupport {
  private static final String OK = "ok";

  /** What a call comes to, as the metrics name it: {@code ok}, or how it failed. */
  public static final Set<String> ANSWERS =
      Stream.concat(Stream.of(OK), Stream.of(FailureKind.values()).map(InstanceFetcher::answer))
          .collect(Collectors.toUnmodifiableSet());

  private static final String INSTANCE_ID = "instanceId";
  private static final long SWEEP_MS = 250;

  /**
   * An id that spent its retry budget needs no more; one that is refused at once needs a pattern.
   */
  private static final int FAILURES_OVER_A_BUDGET = 2;

  private static final int FAILURES_AT_ONCE = 3;

  /** Where so many are needed, a limited rate is everybody's. */
  private static final int FAILURES_OF_A_RATE_LIMIT = 6;

  /** The last call of a budget begins within it, even if it has to wait for its turn. */
  private static final double USABLE_BUDGET = 0.97;

  private final ProducerTemplate template;
  private final CallQueue queue;
  private final Verdict verdict;
  private final OutageDetector detector;
  private final ScheduledExecutorService timer;
  private final Executor answers;
  private final Identity configured;
  private final Duration budget;
  private final PipelineMetrics metrics;
  private final Clock clock;
  private final LatestInstances rateLimited = new LatestInstances();
  private final Set<Fetch> backingOff = ConcurrentHashMap.newKeySet();
  private volatile boolean stopping;

  /**
   * How instances are fetched.
   *
   * @param concurrency most calls in flight
   * @param budget the time of calls and waits within which a failed call is repeated
   * @param configured the user and organization of the settings
   * @param limiter bounds the calls per second, or null
   */
  public record Options(
      int concurrency, Duration budget, Identity configured, RateLimiter limiter) {}

  /**
   * Makes the step, and the threads that it needs.
   *
   * @param context has the routes {@code call-api} and {@code probe-clock}
   * @param tokens where access tokens come from, or null when calls are not signed
   * @param onOutage runs when an outage begins
   */
  public InstanceFetcher(
      CamelContext context,
      Options options,
      AccessTokens tokens,
      Runnable onOutage,
      PipelineMetrics metrics,
      Clock clock) {
    this.metrics = metrics;
    this.clock = clock;
    configured = options.configured();
    budget = options.budget();
    template = context.createProducerTemplate();
    verdict = new Verdict(configured);
    ExecutorServiceManager executors = context.getExecutorServiceManager();
    timer = executors.newSingleThreadScheduledExecutor(this, "fetch-timer");
    Executor threads = threads(executors, options.concurrency());
    answers = answerThreads();
    queue =
        new CallQueue(options.concurrency(), options.limiter(), threads, timer, System::nanoTime);
    detector =
        new OutageDetector(
            verdict,
            configured,
            new Canaries(template, options.limiter(), tokens),
            threads,
            executors.newCachedThreadPool(this, "probe"),
            timer,
            System::nanoTime,
            onOutage);
    timer.scheduleWithFixedDelay(this::removeCancelled, SWEEP_MS, SWEEP_MS, TimeUnit.MILLISECONDS);
  }

  /** Beyond the calls, some threads decode what the last ones brought. */
  private Executor threads(ExecutorServiceManager executors, int concurrency) {
    int size = concurrency + Runtime.getRuntime().availableProcessors();
    ThreadPoolProfile profile = new ThreadPoolProfile("fetch");
    profile.setPoolSize(size);
    profile.setMaxPoolSize(size);
    profile.setMaxQueueSize(Integer.MAX_VALUE);
    return executors.newThreadPool(this, "fetch", profile);
  }

  /**
   * No more answers at once than processors become trees and messages. What waits for heap
   * meanwhile is made up for by another thread, and keeps no call from being made.
   */
  private static ForkJoinPool answerThreads() {
    int processors = Runtime.getRuntime().availableProcessors();
    return new ForkJoinPool(
        processors,
        pool -> {
          ForkJoinWorkerThread thread =
              ForkJoinPool.defaultForkJoinWorkerThreadFactory.newThread(pool);
          thread.setName("answer-" + thread.getPoolIndex());
          return thread;
        },
        null,
        true,
        processors,
        Short.MAX_VALUE,
        processors,
        null,
        1,
        TimeUnit.MINUTES);
  }

  /** Tells whether the API serves instances. */
  public OutageDetector outageDetector() {
    return detector;
  }

  /** Most calls in flight; fewer than asked for while the gateway limits the rate. */
  public int concurrency() {
    return queue.limit();
  }

  @Override
  public boolean process(Exchange exchange, AsyncCallback callback) {
    FetchState state = new FetchState(exchange.getMessage().getBody(InstanceQuery.class));
    exchange.setVariable("fetch", state);
    new Fetch(exchange, callback, exchange.getVariable("record", FetchScope.class), state).start();
    return false;
  }

  /** Ends every fetch that waits for a repeated call or for the API, now and from now on. */
  public void cancelWaiting() {
    stopping = true;
    detector.stop();
    removeCancelled();
  }

  private void removeCancelled() {
    queue.removeCancelled();
    detector.removeCancelled();
    for (Fetch fetch : backingOff) {
      if (stopping || fetch.isCancelled()) {
        fetch.cancel();
      }
    }
  }

  private static String answer(FailureKind kind) {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  /** One instance that is fetched. */
  private final class Fetch implements CallQueue.Call, OutageDetector.Waiter {
    private final Exchange exchange;
    private final AsyncCallback callback;
    private final FetchScope scope;
    private final FetchState state;
    private final AtomicBoolean ended = new AtomicBoolean();
    private volatile long notBefore;

    Fetch(Exchange exchange, AsyncCallback callback, FetchScope scope, FetchState state) {
      this.exchange = exchange;
      this.callback = callback;
      this.scope = scope;
      this.state = state;
    }

    void start() {
      if (detector.admits(state.query())) {
        queue.addFirst(this);
      } else {
        state.skipCall(System.nanoTime());
        detector.await(this);
      }
    }

    @Override
    public InstanceQuery query() {
      return state.query();
    }

    @Override
    public long since() {
      return state.ended();
    }

    @Override
    public ApiFailure failure() {
      return state.failure();
    }

    @Override
    public boolean isCancelled() {
      return scope.isCancelled();
    }

    @Override
    public boolean tryAcquire(Runnable available) {
      return scope.tryAcquire(available);
    }

    @Override
    public Runnable run() {
      if (scope.isCancelled()) {
        scope.release();
        return this::cancel;
      }
      return inLog(this::call);
    }

    private Runnable call() {
      long from = System.nanoTime();
      Exchange call;
      AnswerHeap.begin(scope);
      try {
        call =
            template.send(
                "direct:call-api",
                asked -> {
                  asked.setVariable("fetch", state);
                  asked.setVariable("record", scope);
                });
      } finally {
        AnswerHeap.end();
      }
      long now = System.nanoTime();
      if (call.getException() == null) {
        metrics.called(OK, now - state.began());
        queue.speedUp();
        JsonNode data = call.getMessage().getBody(JsonNode.class);
        return () -> {
          verdict.served(state.query(), state.began(), state.failures(detector.outages()), now);
          detector.served(state.query(), state.began());
          exchange.getMessage().setBody(data);
          end();
        };
      }
      scope.release();
      if (NoHeapException.isIn(call.getException())) {
        metrics.retried();
        return () -> queue.addRetry(this);
      }
      ApiFailure failure = ApiFailure.in(call.getException());
      if (failure == null) {
        return () -> end(call.getException());
      }
      if (failure.isOfTokenService()) {
        return () -> {
          state.failWithoutCall(failure, now);
          metrics.called(answer(failure.kind()), now - from);
          backOff(failure);
        };
      }
      metrics.called(answer(failure.kind()), now - state.began());
      return () -> failed(failure, now);
    }

    private void failed(ApiFailure failure, long now) {
      state.end(now);
      if (failure.isAboutTheInstance()) {
        verdict.rejected(state.query(), state.began(), state.failures(detector.outages()), now);
        detector.served(state.query(), state.began());
        end(failure);
        return;
      }
      switch (failure.kind()) {
        case REJECTED, UNREADABLE -> {
          end(failure);
          return;
        }
        case ACCESS_DENIED -> {
          if (failure.isUnknownIdentity() && !state.query().identity().equals(configured)) {
            end(failure);
            return;
          }
        }
        case ACCESS_TOKEN -> {
          if (state.token() != null && state.renewToken()) {
            state.othersServedBefore(false);
            queue.addRetry(this);
            return;
          }
        }
        default -> {
          // As any failure of the way there.
        }
      }
      state.fail(failure, detector.outages());
      verdict.failed(state.query());
      if (failure.kind() == FailureKind.RATE_LIMITED && isForAll(now)) {
        queue.slowDown(delay(failure, Backoff.DEFAULT.longestAsked()));
      }
      backOff(failure);
    }

    /**
     * Whether the rate is limited for several instances, as far as this one can tell: it says no
     * more once it was refused again and again while others were served.
     */
    private boolean isForAll(long now) {
      synchronized (rateLimited) {
        rateLimited.add(state.query(), now);
        return state.failuresBetweenServed() < FAILURES_AT_ONCE
            && rateLimited.anotherSince(state.query(), now - budget.toNanos());
      }
    }

    private Duration delay(ApiFailure failure, Duration longest) {
      return Backoff.DEFAULT.delay(
          state.attempts(),
          failure.retryAfter(),
          longest,
          clock.instant(),
          ThreadLocalRandom.current().nextDouble());
    }

    /** Repeats the call after a pause, and not before another instance was served. */
    private void backOff(ApiFailure failure) {
      Duration left = usable().minus(state.used());
      Duration delay = delay(failure, isPositive(left) ? left : Backoff.DEFAULT.longest());
      state.waits(delay);
      notBefore = System.nanoTime() + delay.toNanos();
      detector.await(this);
    }

    private Duration usable() {
      return Duration.ofNanos((long) (budget.toNanos() * USABLE_BUDGET));
    }

    private static boolean isPositive(Duration duration) {
      return !duration.isNegative() && !duration.isZero();
    }

    /** Whether it has failed so often that it is to blame, if another is served once more. */
    private boolean isToBlame() {
      FailureKind kind = state.failure().kind();
      boolean atOnce = kind != FailureKind.TRANSIENT && kind != FailureKind.RATE_LIMITED;
      if (!atOnce && isPositive(usable().minus(state.used()))) {
        return false;
      }
      int needed =
          verdict.failuresToBlame(
              atOnce ? FAILURES_AT_ONCE : FAILURES_OVER_A_BUDGET, System.nanoTime());
      if (kind == FailureKind.RATE_LIMITED && needed > FAILURES_OF_A_RATE_LIMIT) {
        // Others are refused too and served later: there are too many calls.
        return false;
      }
      return state.failuresBetweenServed() >= needed;
    }

    @Override
    public void othersAreServed() {
      if (state.attempts() == 0 && state.failure() == null) {
        queue.addFirst(this);
        return;
      }
      if (state.failures(detector.outages()) > 0 && isToBlame()) {
        end(state.failure().whileOthersAreServed());
        return;
      }
      state.othersServedBefore(true);
      metrics.retried();
      long wait = notBefore - System.nanoTime();
      if (wait <= 0) {
        queue.addRetry(this);
        return;
      }
      backingOff.add(this);
      if (stopping) {
        cancel();
        return;
      }
      timer.schedule(
          () -> {
            if (backingOff.remove(this)) {
              queue.addRetry(this);
            }
          },
          wait,
          TimeUnit.NANOSECONDS);
    }

    @Override
    public void tryOnce() {
      state.forgetFailures();
      state.othersServedBefore(false);
      queue.addRetry(this);
    }

    @Override
    public void cancel() {
      end(
          new CancelledException(
              stopping ? "This process is stopping." : "Nobody waits for it any more."));
    }

    private void end(Exception failure) {
      exchange.setException(failure);
      end();
    }

    private void end() {
      backingOff.remove(this);
      if (ended.compareAndSet(false, true)) {
        answers.execute(
            () ->
                inLog(
                    () -> {
                      callback.done(false);
                      return null;
                    }));
      }
    }

    /** Names the instance in every log line of this work, and in none of the thread's next. */
    private <T> T inLog(Supplier<T> work) {
      MDC.put(INSTANCE_ID, state.query().instanceId());
      try {
        return work.get();
      } finally {
        MDC.remove(INSTANCE_ID);
      }
    }
  }
}
