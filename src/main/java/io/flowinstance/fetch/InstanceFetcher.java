package io.flowinstance.fetch;

import com.fasterxml.jackson.databind.JsonNode;
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
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinWorkerThread;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.camel.AsyncCallback;
import org.apache.camel.CamelContext;
import org.apache.camel.Endpoint;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.spi.ExecutorServiceManager;
import org.apache.camel.spi.ThreadPoolProfile;
import org.apache.camel.support.AsyncProcessorSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
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
  private static final Logger LOG = LoggerFactory.getLogger(InstanceFetcher.class);

  private static final String OK = "ok";

  /** What a call comes to, as the metrics name it: {@code ok}, or how it failed. */
  public static final Set<String> ANSWERS =
      Stream.concat(Stream.of(OK), Stream.of(FailureKind.values()).map(InstanceFetcher::answer))
          .collect(Collectors.toUnmodifiableSet());

  private static final String INSTANCE_ID = "instanceId";
  private static final long SWEEP_MS = 250;
  private static final int LONGEST_START_S = 10;

  /** How many failures blame an id that has spent its retry budget. */
  private static final int FAILURES_OVER_A_BUDGET = 2;

  /** How many failures blame an id that no repetition within the budget would help. */
  private static final int FAILURES_AT_ONCE = 3;

  /** So many failures blame any id. */
  private static final int MOST_FAILURES = 40;

  /** The same where the rate is limited: others may use up nearly all of the quota. */
  private static final int MOST_REFUSALS = 1_000;

  /** The last call of a budget begins within it, even if it has to wait for its turn. */
  private static final double USABLE_BUDGET = 0.97;

  private final ProducerTemplate template;
  private final Endpoint api;
  private final CallQueue queue;
  private final Verdict verdict;
  private final OutageDetector detector;
  private final ScheduledExecutorService timer;
  private final Executor answers;
  private final Identity configured;
  private final Duration budget;
  private final PipelineMetrics metrics;
  private final Clock clock;
  private final RateLimitVerdict rateLimit;
  private final Set<Fetch> fetches = ConcurrentHashMap.newKeySet();
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
   * @param client makes the calls for no id record
   * @param onOutage runs when an outage begins
   */
  public InstanceFetcher(
      CamelContext context,
      Options options,
      EnosClient client,
      Runnable onOutage,
      PipelineMetrics metrics,
      Clock clock) {
    this.metrics = metrics;
    this.clock = clock;
    configured = options.configured();
    budget = options.budget();
    template = context.createProducerTemplate();
    api = context.getEndpoint("direct:call-api");
    verdict = new Verdict(configured);
    boolean isLongBudget = budget.compareTo(Backoff.LONGEST_ASKED) > 0;
    rateLimit = new RateLimitVerdict(verdict, isLongBudget ? budget : Backoff.LONGEST_ASKED);
    ExecutorServiceManager executors = context.getExecutorServiceManager();
    timer = timer(executors);
    Executor threads = threads(executors, options.concurrency());
    answers = answerThreads();
    queue =
        new CallQueue(
            options.concurrency(), options.limiter(), threads, answers, timer, System::nanoTime);
    detector =
        new OutageDetector(
            verdict,
            configured,
            client::probe,
            threads,
            new RetryingExecutor(executors.newCachedThreadPool(this, "probe"), timer),
            timer,
            System::nanoTime,
            clock,
            onOutage);
    timer.scheduleWithFixedDelay(this::sweep, SWEEP_MS, SWEEP_MS, TimeUnit.MILLISECONDS);
  }

  /** Each id that waits may have a pause of its own: Camel's default takes 1,000, no more. */
  private ScheduledExecutorService timer(ExecutorServiceManager executors) {
    ThreadPoolProfile profile = new ThreadPoolProfile("fetch-timer");
    profile.setPoolSize(1);
    profile.setMaxPoolSize(1);
    profile.setMaxQueueSize(0);
    return executors.newScheduledThreadPool(this, "fetch-timer", profile);
  }

  /** A thread for each call, and some for what happens between calls. They stay once made. */
  private Executor threads(ExecutorServiceManager executors, int concurrency) {
    int size = concurrency + Runtime.getRuntime().availableProcessors();
    ThreadPoolProfile profile = new ThreadPoolProfile("fetch");
    profile.setPoolSize(size);
    profile.setMaxPoolSize(size);
    profile.setMaxQueueSize(Integer.MAX_VALUE);
    profile.setAllowCoreThreadTimeOut(false);
    return new RetryingExecutor(executors.newThreadPool(this, "fetch", profile), timer);
  }

  /**
   * The threads that turn answers into messages, one per processor. While one of them waits for
   * heap, another takes its place, so no call waits for that. They begin now and never end: what
   * the pool was given when the system had no thread left might wait for one for ever, with its
   * slot.
   */
  private static ForkJoinPool answerThreads() {
    int processors = Runtime.getRuntime().availableProcessors();
    ForkJoinPool pool = newPool(processors);
    CountDownLatch begun = new CountDownLatch(processors);
    for (int i = 0; i < processors; i++) {
      pool.execute(
          () -> {
            begun.countDown();
            try {
              begun.await(LONGEST_START_S, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          });
    }
    return pool;
  }

  private static ForkJoinPool newPool(int processors) {
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
        10_000,
        TimeUnit.DAYS);
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
    Fetch fetch;
    try {
      fetch = new Fetch(exchange, callback);
    } catch (InvalidPayloadException | IllegalStateException e) {
      // A step before this one has changed the body or the variable.
      exchange.setException(e);
      callback.done(true);
      return true;
    }
    fetch.start();
    return false;
  }

  /** Ends every fetch that waits for a repeated call or for the API, now and from now on. */
  public void cancelWaiting() {
    stopping = true;
    detector.stop();
    cancelUnwanted();
  }

  private void cancelUnwanted() {
    fetches.forEach(Fetch::cancelIfUnwanted);
    detector.removeCancelled();
  }

  private void sweep() {
    try {
      cancelUnwanted();
    } catch (RuntimeException | Error e) {
      // Thrown on, it would end all further sweeps.
      LOG.error("Fetches that nobody waits for could not be cancelled.", e);
    }
  }

  private static String answer(FailureKind kind) {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  private enum Stage {
    /** It has its place in the queue of calls, or waits for heap. */
    QUEUED,
    CALLED,
    /** It waits until another instance is served, and for the end of its pause. */
    WAITING,
    ENDED
  }

  /** One instance that is fetched. */
  private final class Fetch implements CallQueue.Call, OutageDetector.Waiter {
    private final Exchange exchange;
    private final AsyncCallback callback;
    private final FetchScope scope;
    private final FetchState state;
    private final AtomicReference<Stage> stage = new AtomicReference<>(Stage.QUEUED);

    /** Why the last call failed, or null. Times are those of {@link System#nanoTime()}. */
    private ApiFailure failure;

    private long lastEnd;
    private long notBefore;

    /** Nanoseconds of the retry budget that its calls and the pauses between them took. */
    private long used;

    private int failures;
    private int failuresBetweenServed;

    /** Those of them that were HTTP 429. */
    private int refusalsBetweenServed;

    private boolean othersServedBefore;
    private boolean exhausted;
    private boolean rateLimited;
    private boolean tokenRenewed;
    private boolean tried;
    private int outagesBefore;

    Fetch(Exchange exchange, AsyncCallback callback) throws InvalidPayloadException {
      this.exchange = exchange;
      this.callback = callback;
      scope = exchange.getVariable("record", FetchScope.class);
      if (scope == null) {
        throw new IllegalStateException("A step before fetch has replaced the variable record.");
      }
      outagesBefore = detector.outages();
      state = new FetchState(exchange.getMessage().getMandatoryBody(InstanceQuery.class));
      exchange.setVariable("fetch", state);
    }

    void start() {
      fetches.add(this);
      if (detector.admits(query())) {
        queue.addFirst(this);
      } else {
        lastEnd = System.nanoTime();
        awaitOthers(Stage.QUEUED);
      }
    }

    @Override
    public InstanceQuery query() {
      return state.query();
    }

    @Override
    public long since() {
      return lastEnd;
    }

    @Override
    public ApiFailure failure() {
      return failure;
    }

    @Override
    public boolean isCancelled() {
      return scope.isCancelled() || stage.get() == Stage.ENDED;
    }

    @Override
    public boolean tryAcquire(Runnable available) {
      return scope.tryAcquire(available);
    }

    @Override
    public Runnable run() {
      if (isCancelled() || !stage.compareAndSet(Stage.QUEUED, Stage.CALLED)) {
        scope.release();
        cancelIfUnwanted();
        return null;
      }
      if (!tried && !detector.admits(query())) {
        // An outage has begun since it was queued.
        scope.release();
        lastEnd = System.nanoTime();
        awaitOthers(Stage.CALLED);
        return null;
      }
      try {
        return call();
      } catch (RuntimeException | Error e) {
        // A fault of this program: without an end, the exchange would wait for ever.
        end(Stage.CALLED, e);
        return null;
      }
    }

    private Runnable call() {
      long from = System.nanoTime();
      int callsBefore = state.attempts();
      Exchange call;
      AnswerHeap.begin(scope);
      try {
        call =
            inLog(
                () ->
                    template.send(
                        api,
                        asked -> {
                          asked.setVariable("fetch", state);
                          asked.setVariable("record", scope);
                        }));
      } finally {
        AnswerHeap.end();
      }
      long now = System.nanoTime();
      if (callsBefore > 0 && state.attempts() > callsBefore) {
        metrics.retried();
      }
      Exception thrown = call.getException();
      if (thrown == null) {
        metrics.called(OK, now - state.began());
        served(state.began(), true);
        JsonNode data = call.getMessage().getBody(JsonNode.class);
        return () -> {
          exchange.getMessage().setBody(data);
          end(Stage.CALLED, null, Runnable::run);
        };
      }
      scope.release();
      // It may wait for long, and what there is to say of the answer is in the failure.
      state.forgetBody();
      if (call.getException(NoHeapException.class) != null) {
        repeat(Stage.CALLED);
        return null;
      }
      ApiFailure failed = ApiFailure.in(thrown);
      if (failed == null) {
        end(Stage.CALLED, thrown);
        return null;
      }
      long began = failed.isOfTokenService() ? from : state.began();
      metrics.called(answer(failed.kind()), now - began);
      failed(failed, began, now);
      return null;
    }

    private void failed(ApiFailure by, long began, long now) {
      failure = by;
      lastEnd = now;
      if (by.isOfTokenService()) {
        // No call was made: that says nothing about the instance.
        backOff();
        return;
      }
      used += now - began;
      FailureKind kind = by.kind();
      if (by.isAboutTheInstance()) {
        served(began, false);
      }
      if (kind == FailureKind.REJECTED
          || kind == FailureKind.UNREADABLE
          || by.isUnknownIdentity() && !query().identity().equals(configured)) {
        end(Stage.CALLED, by);
        return;
      }
      if (kind == FailureKind.ACCESS_TOKEN && state.token() != null && !tokenRenewed) {
        tokenRenewed = true;
        othersServedBefore = false;
        repeat(Stage.CALLED);
        return;
      }
      if (tried) {
        detector.failed(query(), by, began);
      }
      if (tried || !detector.admits(query())) {
        forgetFailures();
      } else {
        failures = failures() + 1;
        if (failuresBetweenServed == 0 || othersServedBefore) {
          failuresBetweenServed++;
          refusalsBetweenServed += kind == FailureKind.RATE_LIMITED ? 1 : 0;
        }
      }
      verdict.failed(query());
      if (kind == FailureKind.RATE_LIMITED) {
        rateLimited = true;
        Duration pause = Backoff.delay(state.attempts(), by, Backoff.LONGEST_ASKED, clock);
        if (rateLimit.isForAll(query(), refusalsBetweenServed, now, pause)) {
          queue.slowDown(pause);
          detector.rateLimited(by);
        }
      }
      backOff();
    }

    /** Failed calls since the last outage: what was before one says nothing after it. */
    private int failures() {
      if (outagesBefore != detector.outages()) {
        outagesBefore = detector.outages();
        forgetFailures();
      }
      return failures;
    }

    private void forgetFailures() {
      failures = 0;
      failuresBetweenServed = 0;
      refusalsBetweenServed = 0;
      used = 0;
      exhausted = false;
      tokenRenewed = false;
    }

    /** The service speaks about the instance. */
    private void served(long began, boolean given) {
      queue.speedUp();
      if (rateLimited) {
        rateLimit.passed(System.nanoTime());
      }
      detector.served(query(), began, failures(), given);
    }

    /** Repeats the call after a pause, and not before another instance was served. */
    private void backOff() {
      tried = false;
      long left = (long) (budget.toNanos() * USABLE_BUDGET) - used;
      exhausted = left <= 0;
      Duration longest = exhausted ? Backoff.LONGEST : Duration.ofNanos(left);
      long pause = Backoff.delay(state.attempts(), failure, longest, clock).toNanos();
      if (!failure.isOfTokenService()) {
        used += pause;
      }
      notBefore = System.nanoTime() + pause;
      awaitOthers(Stage.CALLED);
    }

    private void awaitOthers(Stage from) {
      if (stage.compareAndSet(from, Stage.WAITING)) {
        detector.await(this);
      }
    }

    /** Whether it has failed so often that it is to blame, if another is served once more. */
    private boolean isToBlame() {
      FailureKind kind = failure.kind();
      boolean atOnce = !kind.mayPass();
      if (failure.isOfTokenService() || !atOnce && !exhausted) {
        return false;
      }
      long now = System.nanoTime();
      int least = atOnce ? FAILURES_AT_ONCE : FAILURES_OVER_A_BUDGET;
      int most = kind == FailureKind.RATE_LIMITED ? MOST_REFUSALS : MOST_FAILURES;
      int needed = verdict.failuresToBlame(least, most, now);
      if (kind == FailureKind.RATE_LIMITED) {
        return rateLimit.isOwn(failuresBetweenServed, needed, now - budget.toNanos());
      }
      return failuresBetweenServed - refusalsBetweenServed >= needed;
    }

    @Override
    public void othersAreServed() {
      if (failure == null) {
        if (stage.compareAndSet(Stage.WAITING, Stage.QUEUED)) {
          queue.addFirst(this);
        }
      } else if (failures() > 0 && isToBlame()) {
        end(Stage.WAITING, failure.whileOthersAreServed());
      } else {
        othersServedBefore = true;
        long pause = Math.max(0, notBefore - System.nanoTime());
        timer.schedule(() -> repeat(Stage.WAITING), pause, TimeUnit.NANOSECONDS);
      }
    }

    @Override
    public void tryOnce() {
      forgetFailures();
      othersServedBefore = false;
      tried = true;
      repeat(Stage.WAITING);
    }

    private void repeat(Stage from) {
      if (stage.compareAndSet(from, Stage.QUEUED)) {
        queue.addRetry(this);
      }
    }

    /** Ends the fetch if nobody waits for it, or if it waits while the process stops. */
    void cancelIfUnwanted() {
      if (scope.isCancelled()) {
        CancelledException cancelled = new CancelledException("Nobody waits for it any more.");
        end(Stage.QUEUED, cancelled);
        end(Stage.WAITING, cancelled);
      } else if (stopping) {
        end(Stage.WAITING, new CancelledException("This process is stopping."));
      }
    }

    private void end(Stage from, Throwable thrown) {
      end(from, thrown, answers);
    }

    private void end(Stage from, Throwable thrown, Executor next) {
      if (stage.compareAndSet(from, Stage.ENDED)) {
        fetches.remove(this);
        exchange.setException(thrown);
        next.execute(
            () ->
                inLog(
                    () -> {
                      callback.done(false);
                      return null;
                    }));
      }
    }

    /** Names the instance in every log line of this work. */
    private <T> T inLog(Supplier<T> work) {
      MDC.put(INSTANCE_ID, query().instanceId());
      try {
        return work.get();
      } finally {
        MDC.remove(INSTANCE_ID);
      }
    }
  }
}
