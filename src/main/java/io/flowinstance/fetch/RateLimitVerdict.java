package io.flowinstance.fetch;

import io.flowinstance.enos.InstanceQuery;
import java.time.Duration;

/**
 * Tells a rate limit of the gateway, for which all calls have to pause, from instances that alone
 * are refused so.
 *
 * <p>It is for all when another instance was refused lately, and none was served since. But a limit
 * of the gateway passes: if instances are refused again after each pause, though others are served
 * then, and none of the refused ones is, it is theirs alone.
 *
 * <p>Times are those of {@link System#nanoTime()}. Safe for use by several threads.
 */
final class RateLimitVerdict {
  /** So many refusals of one instance, with others served in between, are its own. */
  private static final int MOST_OF_ONE = 2;

  /** So many pauses, and refusals of the same instances after them, show that none helps. */
  private static final int PAUSES_IN_VAIN = 2;

  private static final int REFUSALS_IN_VAIN = 3;

  /** If more failures than these are needed to blame one, the gateway limits the rate for all. */
  private static final int FAILURES_OF_A_LIMIT_FOR_ALL = 6;

  /** So many failures are needed at least if others that were refused are served. */
  private static final int FAILURES_WHILE_IT_PASSES = 40;

  private final Verdict verdict;
  private final long latelyNanos;
  private final LatestInstances refused = new LatestInstances();
  private int pauses;
  private int refusedAgain;
  private long refusedAt;
  private long pausedUntil;
  private boolean everPassed;
  private long passedAt;

  /**
   * @param lately how long a refusal counts
   */
  RateLimitVerdict(Verdict verdict, Duration lately) {
    this.verdict = verdict;
    latelyNanos = lately.toNanos();
  }

  /**
   * A call was refused.
   *
   * @param refusals of this instance in a row, each but the first after another one was served
   * @param pause that all calls make if the limit is for all
   * @return whether it is
   */
  synchronized boolean isForAll(InstanceQuery query, int refusals, long now, Duration pause) {
    if (refusedAt - now < -latelyNanos) {
      forget();
    }
    refusedAt = now;
    refused.add(query, now);
    refusedAgain += refusals > 1 ? 1 : 0;
    boolean isPaused = pauses > 0 && now - pausedUntil < 0;
    boolean isInVain = pauses >= PAUSES_IN_VAIN && refusedAgain >= REFUSALS_IN_VAIN;
    boolean isForAll =
        refusals <= MOST_OF_ONE
            && (isPaused || !isInVain)
            && refused.anotherSince(query, now - latelyNanos)
            && !verdict.othersServedSince(query, refused.latestOther(query));
    if (isForAll) {
      pauses += isPaused ? 0 : 1;
      long end = isPaused ? pausedUntil : now;
      pausedUntil = now + Math.max(end - now, pause.toNanos());
    }
    return isForAll;
  }

  /** An instance that was refused is served: the limit passes. */
  synchronized void passed(long now) {
    forget();
    everPassed = true;
    passedAt = now;
  }

  /** Whether an instance that was refused was served after this time: the limit is for all. */
  synchronized boolean passedSince(long time) {
    return everPassed && passedAt - time > 0;
  }

  /**
   * Whether an instance that is refused is to blame for it.
   *
   * @param failures with others served in between, the last one a refusal
   * @param needed failures that blame an instance in other cases
   * @param since one that was refused and served after this time shows that the limit is for all
   */
  boolean isOwn(int failures, int needed, long since) {
    boolean isForAll = needed > FAILURES_OF_A_LIMIT_FOR_ALL || passedSince(since);
    return failures >= (isForAll ? Math.max(FAILURES_WHILE_IT_PASSES, needed) : needed);
  }

  private void forget() {
    pauses = 0;
    refusedAgain = 0;
  }
}
