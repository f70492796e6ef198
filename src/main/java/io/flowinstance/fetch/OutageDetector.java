package io.flowinstance.fetch;

import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
import io.flowinstance.enos.Identity;
import io.flowinstance.enos.InstanceQuery;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets no failed call be repeated before another instance was served. Where the traffic does not
 * show that, it asks for instances of its own choice, the canaries; when they fail too, the API is
 * down or refuses us: all fetches wait, and it asks on until one is served.
 *
 * <p>Canaries are the instances that were served last, one that does not exist, which a healthy API
 * rejects, and, as long as none was served or in a long outage, the API's clock. While that speaks,
 * waiting instances are tried one by one: those that were served before may have turned bad.
 */
public final class OutageDetector {
  private static final Logger LOG = LoggerFactory.getLogger(OutageDetector.class);

  private static final Duration FIRST_PROBE = Duration.ofMillis(150);
  private static final Duration FIRST_INTERVAL = Duration.ofMillis(500);
  private static final Duration LONGEST_INTERVAL = Duration.ofSeconds(5);

  /** A gateway that does not say how long to wait may count the calls of each second. */
  private static final Duration SHORTEST_PAUSE = Duration.ofSeconds(1);

  /** So many different canaries that fail are an outage if one is of our identity. */
  private static final int FAILED_CANARIES = 2;

  private static final int MOST_IDENTITIES = 3;

  private static final Duration LONG_OUTAGE = Duration.ofMinutes(2);

  private static final Set<FailureKind> REFUSALS =
      EnumSet.of(FailureKind.ACCESS_DENIED, FailureKind.ACCESS_TOKEN, FailureKind.NOT_UNDERSTOOD);

  /** A fetch that waits until another instance is served. */
  interface Waiter {
    InstanceQuery query();

    /** The call that serves another has to begin after this {@link System#nanoTime()}. */
    long since();

    /** Why its last call failed; null when it has not called yet. */
    ApiFailure failure();

    boolean isCancelled();

    /** Another instance was served. */
    void othersAreServed();

    /**
     * Calls once to find out if anything is served: a failure does not count for the id, but as
     * that of a canary.
     */
    void tryOnce();
  }

  private final Verdict verdict;
  private final Identity configured;
  private final Function<InstanceQuery, ApiFailure> probes;
  private final Executor threads;
  private final Executor probeThreads;
  private final ScheduledExecutorService timer;
  private final LongSupplier nanoTime;
  private final Clock clock;
  private final Runnable onOutage;

  private final InstanceQuery nonExistent;
  private final Set<Waiter> waiters = new LinkedHashSet<>();
  private volatile boolean anyWaits;
  private volatile boolean down;
  private volatile ApiFailure reason;
  private volatile int outages;
  private volatile boolean stopping;
  private long downSince;
  private int round;

  /** Those that failed since an instance was served; null stands for the clock. */
  private final Set<InstanceQuery> failedCanaries = new HashSet<>();

  /** Of whom instances were tried, the one of longest ago first. */
  private final List<Identity> tried = new ArrayList<>();

  /** Those that are tried, until they wait again. */
  private final Set<Waiter> beingTried = new HashSet<>();

  private boolean lives;

  /** Whether an instance of ours was served since the last canary failed. */
  private boolean knownIsServed;

  /** Whether an instance of somebody else was served in this outage: it is ours alone. */
  private volatile boolean foreignIsServed;

  private ApiFailure failureOfNonExistent;

  /** No canary is asked for before this time, as long as it is not down. */
  private long notBefore;

  /** Whether nothing was served to us since a pause began. */
  private volatile boolean paused;

  /** Null while there is nothing to find out. */
  private ScheduledFuture<?> nextProbe;

  /**
   * @param configured the identity of the settings
   * @param probes asks for an instance, or for null: the API's time; gives null when the service
   *     speaks about it, else how the call failed
   * @param threads let waiters go on
   * @param probeThreads make the probes, several at a time
   * @param onOutage runs when an outage begins
   */
  OutageDetector(
      Verdict verdict,
      Identity configured,
      Function<InstanceQuery, ApiFailure> probes,
      Executor threads,
      Executor probeThreads,
      ScheduledExecutorService timer,
      LongSupplier nanoTime,
      Clock clock,
      Runnable onOutage) {
    this.verdict = verdict;
    this.configured = configured;
    this.probes = probes;
    this.threads = threads;
    this.probeThreads = probeThreads;
    this.timer = timer;
    this.nanoTime = nanoTime;
    this.clock = clock;
    this.onOutage = onOutage;
    notBefore = nanoTime.getAsLong();
    nonExistent = new InstanceQuery("0-0000000000", configured.userId(), configured.orgId());
  }

  /** Whether calls go through; false while the API is down or refuses us. */
  public boolean isUp() {
    return !down;
  }

  /** Whether it is down because it refuses this application. */
  public boolean isRefusing() {
    return down && REFUSALS.contains(reason.kind());
  }

  /**
   * Why the API counts as down and what to do about it, one or two sentences; empty when it is up.
   */
  public String complaint() {
    if (!down) {
      return "";
    }
    String whom =
        foreignIsServed
            ? " to %s/%s; their ids wait".formatted(configured.userId(), configured.orgId())
            : "; ids wait";
    return "The EnOS API serves no instance%s until it recovers. %s %s"
        .formatted(whom, reason.getMessage(), reason.kind().remedy())
        .strip();
  }

  public int outages() {
    return outages;
  }

  /** Whether a first call for this instance may be made now. */
  boolean admits(InstanceQuery query) {
    if (!down) {
      return true;
    }
    synchronized (this) {
      return isAdmitted(query);
    }
  }

  private boolean isAdmitted(InstanceQuery query) {
    return !down
        || foreignIsServed && !query.identity().equals(configured)
        || verdict.othersServedSince(query, downSince);
  }

  /** Lets a fetch go on once another instance is served. */
  void await(Waiter waiter) {
    synchronized (this) {
      // Before what was served is looked up: what is served afterwards finds somebody waiting.
      anyWaits = true;
      beingTried.remove(waiter);
      if (!isServed(waiter)) {
        waiters.add(waiter);
        if (nextProbe == null && !stopping) {
          round = 0;
          failedCanaries.clear();
          lives = false;
          knownIsServed = false;
          failureOfNonExistent = null;
          scheduleProbe(FIRST_PROBE);
        }
        return;
      }
      paused &= waiter.failure() == null || !waiter.query().identity().equals(configured);
      anyWaits = !waiters.isEmpty();
    }
    threads.execute(waiter::othersAreServed);
  }

  /**
   * The gateway limits the rate. A canary within the pause that it asks for would be refused too,
   * and that would be no sign of an outage. It is one if nothing is served after the pause either,
   * or after five seconds of it.
   */
  synchronized void rateLimited(ApiFailure failure) {
    if (!paused) {
      paused = true;
      Duration asked = Backoff.delay(1, failure, LONGEST_INTERVAL, clock);
      long end = nanoTime.getAsLong() + Math.max(SHORTEST_PAUSE.toNanos(), asked.toNanos());
      notBefore += Math.max(0, end - notBefore);
    }
  }

  private boolean isServed(Waiter waiter) {
    return verdict.othersServedSince(waiter.query(), waiter.since())
        || waiter.failure() == null && isAdmitted(waiter.query());
  }

  /**
   * The service spoke about an instance, to the traffic or to a probe.
   *
   * @param began when the call began
   * @param failures calls for it that failed just before, outages apart
   * @param given whether it gave the instance, which shows as much as if it did not
   */
  void served(InstanceQuery query, long began, int failures, boolean given) {
    verdict.served(query, began, failures, given, nanoTime.getAsLong());
    if (anyWaits || down || paused) {
      release(query, began);
    }
  }

  private synchronized void release(InstanceQuery query, long began) {
    boolean answersUs =
        query.identity().equals(configured)
            || Stream.concat(waiters.stream(), beingTried.stream())
                .filter(waiter -> waiter.query().identity().equals(configured))
                .allMatch(waiter -> waiter.isCancelled() || isServed(waiter));
    paused &= !answersUs;
    boolean comesBack = down && began - downSince > 0 && answersUs;
    if (comesBack) {
      down = false;
      LOG.info("The EnOS API serves instances again.");
    }
    boolean ours = query.identity().equals(configured);
    if (ours) {
      failedCanaries.clear();
      lives = false;
      knownIsServed |= !query.equals(nonExistent);
    } else {
      failedCanaries.removeIf(
          canary -> canary != null && canary.identity().equals(query.identity()));
      foreignIsServed |= down && began - downSince > 0;
    }
    boolean somebodyGoesOn = letGoOn(this::isServed);
    if (ours && somebodyGoesOn || comesBack) {
      // Otherwise the next canary is another one: this one is no evidence for who still waits.
      round = 0;
    }
    if (nextProbe != null && waiters.isEmpty() && !down) {
      nextProbe.cancel(false);
      nextProbe = null;
    }
  }

  private boolean letGoOn(Predicate<Waiter> condition) {
    List<Waiter> going = remove(condition);
    going.forEach(waiter -> threads.execute(waiter::othersAreServed));
    return !going.isEmpty();
  }

  private List<Waiter> remove(Predicate<Waiter> condition) {
    List<Waiter> removed = waiters.stream().filter(condition).toList();
    removed.forEach(waiters::remove);
    anyWaits = !waiters.isEmpty();
    return removed;
  }

  /** Forgets the fetches that nobody waits for any more. */
  synchronized void removeCancelled() {
    remove(Waiter::isCancelled);
  }

  /** Makes no more probes. */
  synchronized void stop() {
    stopping = true;
  }

  private void scheduleProbe(Duration delay) {
    nextProbe = timer.schedule(this::probeNext, delay.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** Begins one probe, and sets the time of the next: it waits for none to end. */
  private synchronized void probeNext() {
    if (stopping || waiters.isEmpty() && !down) {
      nextProbe = null;
      return;
    }
    long left = notBefore - nanoTime.getAsLong();
    if (left > 0 && !down) {
      scheduleProbe(Duration.ofNanos(left));
      return;
    }
    List<InstanceQuery> canaries = canaries();
    InstanceQuery canary = canaries.get(round % canaries.size());
    scheduleProbe(interval(round));
    round++;
    probeThreads.execute(() -> probe(canary));
  }

  private static Duration interval(int round) {
    double millis = FIRST_INTERVAL.toMillis() * Math.pow(1.5, Math.min(round, 20));
    return Duration.ofMillis((long) Math.min(LONGEST_INTERVAL.toMillis(), millis));
  }

  /** Different instances to ask for in turn; null stands for the clock. */
  private List<InstanceQuery> canaries() {
    List<InstanceQuery> canaries = served();
    boolean servedNone = canaries.isEmpty();
    canaries.add(nonExistent);
    boolean isLong = down && nanoTime.getAsLong() - downSince > LONG_OUTAGE.toNanos();
    if (servedNone || isLong) {
      canaries.add(null);
    }
    return canaries;
  }

  private List<InstanceQuery> served() {
    Set<Identity> identities = new LinkedHashSet<>();
    identities.add(configured);
    for (Waiter waiter : waiters) {
      if (identities.size() < MOST_IDENTITIES) {
        identities.add(waiter.query().identity());
      }
    }
    List<InstanceQuery> served = new ArrayList<>();
    identities.forEach(identity -> served.addAll(verdict.canaries(identity)));
    return served;
  }

  private void probe(InstanceQuery canary) {
    long began = nanoTime.getAsLong();
    ApiFailure failure = probes.apply(canary);
    if (failure != null) {
      failed(canary, failure, began);
    } else if (canary == null) {
      clockSpoke();
    } else if (canary.equals(nonExistent) && mayLiveWithoutServing()) {
      livesWithoutServing();
    } else {
      served(canary, began, 0, !canary.equals(nonExistent));
    }
  }

  /** The API may just have come back: asks at once for an instance that it served before. */
  private synchronized void livesWithoutServing() {
    if (lives) {
      lives = false;
      tryNext();
    } else {
      lives = true;
      probeAtOnce();
    }
  }

  /**
   * Whether a rejection of the instance that does not exist is too little evidence: an API may give
   * it while all instances fail that it served before. If the API refuses calls, and only others'
   * instances were served before, those say nothing about ours.
   */
  private synchronized boolean mayLiveWithoutServing() {
    boolean onlyOthersAreRefused =
        verdict.canaries(configured).isEmpty()
            && reason != null
            && REFUSALS.contains(reason.kind());
    return !knownIsServed && !onlyOthersAreRefused && !served().isEmpty();
  }

  /**
   * A canary failed, or a waiting instance that was tried in its place. That says nothing if
   * another was served meanwhile.
   *
   * @param began when the call began
   */
  synchronized void failed(InstanceQuery canary, ApiFailure failure, long began) {
    if (stopping || verdict.othersServedSince(canary == null ? nonExistent : canary, began)) {
      return;
    }
    boolean isRateLimited = failure.kind() == FailureKind.RATE_LIMITED;
    if (isRateLimited && !down && (!paused || began - notBefore < 0)) {
      rateLimited(failure);
      return;
    }
    if (nonExistent.equals(canary)) {
      failureOfNonExistent = failure;
    }
    // What a waiting instance that is tried says in an outage may be about itself alone.
    boolean isCanary =
        canary != null
            && (canary.equals(nonExistent) || verdict.canaries(configured).contains(canary));
    if (reason == null || isCanary || !down && canary != null) {
      reason = failure;
    }
    knownIsServed = false;
    boolean isAnother = failedCanaries.add(canary);
    if (down) {
      return;
    }
    if (failedCanaries.size() >= FAILED_CANARIES
        && failedCanaries.stream()
            .anyMatch(each -> each == null || each.identity().equals(configured))) {
      foreignIsServed = false;
      downSince = nanoTime.getAsLong();
      down = true;
      outages++;
      LOG.warn(complaint());
      onOutage.run();
      if (nextProbe == null) {
        // Nobody waits any more, but somebody has to find its end.
        round = 0;
        scheduleProbe(FIRST_PROBE);
      }
    } else if (isAnother && !isRateLimited && failedCanaries.size() < FAILED_CANARIES) {
      // Within the same second, a rate limit would refuse the next one too.
      probeAtOnce();
    }
  }

  private void probeAtOnce() {
    if (nextProbe != null && nextProbe.cancel(false)) {
      scheduleProbe(Duration.ZERO);
    }
  }

  /**
   * As long as no instance was ever served, the clock speaks for the API, unless it is down, many
   * have failed, the service itself says that it is in trouble, or the non-existent instance fails
   * in the same way. Beyond that, instances are tried one by one, for one has to be the first that
   * is served.
   */
  private synchronized void clockSpoke() {
    if (!down
        && verdict.clockMaySpeak()
        && failureOfNonExistent != null
        && letGoOn(waiter -> waiter.failure() != null && clockSpeaksFor(waiter.failure()))) {
      failedCanaries.clear();
    } else {
      tryNext();
    }
  }

  private synchronized void tryNext() {
    if (!waiters.isEmpty() && !failedCanaries.isEmpty()) {
      // Each identity has its turn; one that has not failed yet is the likeliest to be served.
      Waiter next =
          Collections.min(
              waiters,
              Comparator.<Waiter>comparingInt(waiter -> tried.indexOf(waiter.query().identity()))
                  .thenComparing(waiter -> waiter.failure() != null));
      tried.remove(next.query().identity());
      tried.add(next.query().identity());
      beingTried.removeIf(Waiter::isCancelled);
      beingTried.add(next);
      remove(next::equals);
      threads.execute(next::tryOnce);
    }
  }

  private boolean clockSpeaksFor(ApiFailure failure) {
    return !failure.isTroubleOfTheService()
        && (failure.kind() != failureOfNonExistent.kind()
            || !Objects.equals(failure.httpStatus(), failureOfNonExistent.httpStatus())
            || !Objects.equals(failure.apiCode(), failureOfNonExistent.apiCode()));
  }
}
