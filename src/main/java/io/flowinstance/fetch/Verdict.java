package io.flowinstance.fetch;

import io.flowinstance.enos.Identity;
import io.flowinstance.enos.InstanceQuery;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Tells an instance that fails from an API that fails, by one question: is another instance served
 * now, by the same user and organization?
 *
 * <p>An instance is to blame when it failed, another was served, it failed again, and another was
 * served again, each call after the end of the one before. How often this has to repeat depends on
 * how often calls fail for instances that are served in the end: twice or three times where none
 * does, many times where each second call fails at random.
 *
 * <p>Times are those of {@link System#nanoTime()}. Safe for use by several threads.
 */
final class Verdict {
  /** When a gateway fails at random, at most one of so many instances is blamed for it. */
  private static final double INSTANCES_PER_ERROR = 100_000;

  /** Served calls that are assumed at the start, so that the first failure counts for little. */
  private static final double PRIOR_CALLS = 5;

  private static final double HALF_LIFE_NANOS = Duration.ofSeconds(30).toNanos();

  /**
   * When so many different instances fail at once, the API's clock is not evidence that it works.
   */
  private static final int SUSPICIOUS_INSTANCES = 5;

  private static final int MOST_IDENTITIES = 1_000;
  private static final int MOST_CANARIES = 3;

  private final Identity configured;
  private final Map<Identity, Served> served =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Identity, Served> eldest) {
          return size() > MOST_IDENTITIES;
        }
      };
  private final Set<InstanceQuery> failing = new HashSet<>();
  private double failedCalls;
  private double calls;
  private long countedAt;

  /**
   * @param configured the identity of the settings: being served, it speaks against others too
   */
  Verdict(Identity configured) {
    this.configured = configured;
  }

  /**
   * The service spoke about an instance.
   *
   * @param began when the call began
   * @param failures calls for it that failed just before, outages apart
   * @param given whether it gave the instance
   */
  synchronized void served(InstanceQuery query, long began, int failures, boolean given, long now) {
    failing.clear();
    count(failures, 1, now);
    Served ofIdentity = served.computeIfAbsent(query.identity(), identity -> new Served());
    ofIdentity.latest.add(query, began);
    Deque<InstanceQuery> canaries = ofIdentity.canaries;
    if (given && !canaries.contains(query)) {
      canaries.addFirst(query);
      if (canaries.size() > MOST_CANARIES) {
        canaries.removeLast();
      }
    }
  }

  /** A call for an instance failed. */
  synchronized void failed(InstanceQuery query) {
    if (failing.size() < SUSPICIOUS_INSTANCES) {
      failing.add(query);
    }
  }

  private void count(int failures, int successes, long now) {
    if (calls > 0) {
      double kept = Math.pow(0.5, (now - countedAt) / HALF_LIFE_NANOS);
      failedCalls *= kept;
      calls *= kept;
    }
    countedAt = now;
    failedCalls += failures;
    calls += failures + successes;
  }

  /** Whether another instance was served in a call that began after this time. */
  synchronized boolean othersServedSince(InstanceQuery query, long time) {
    return othersServedSince(query.identity(), query, time)
        || othersServedSince(configured, query, time);
  }

  private boolean othersServedSince(Identity identity, InstanceQuery query, long time) {
    Served known = served.get(identity);
    return known != null && known.latest.anotherSince(query, time);
  }

  /**
   * How often an instance has to fail, with others served in between.
   *
   * @param least at least so often
   * @param most at most so often
   */
  synchronized int failuresToBlame(int least, int most, long now) {
    count(0, 0, now);
    double chance = failedCalls / (calls + PRIOR_CALLS);
    if (chance <= 0) {
      return least;
    }
    double needed = Math.ceil(-Math.log(INSTANCES_PER_ERROR) / Math.log(chance));
    return (int) Math.max(least, Math.min(most, needed));
  }

  /** The instances that the service gave last on behalf of an identity, at most three. */
  synchronized List<InstanceQuery> canaries(Identity identity) {
    Served known = served.get(identity);
    return known == null ? List.of() : List.copyOf(known.canaries);
  }

  /** Whether so few instances have failed since one was served that the API's clock may speak. */
  synchronized boolean clockMaySpeak() {
    return failing.size() < SUSPICIOUS_INSTANCES;
  }

  private static final class Served {
    private final LatestInstances latest = new LatestInstances();
    private final Deque<InstanceQuery> canaries = new ArrayDeque<>(MOST_CANARIES + 1);
  }
}
