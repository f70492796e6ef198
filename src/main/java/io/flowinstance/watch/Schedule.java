package io.flowinstance.watch;

import java.time.Duration;
import java.util.SplittableRandom;

/**
 * When an instance is asked for again, rests and is forgotten. Pure: these times follow from what
 * is remembered of it alone. All times are epoch milliseconds.
 *
 * @param from an instance that was last observed before is history: it rests
 */
record Schedule(WatchSettings settings, long from) {
  private static final long FIRST_PAUSE = Duration.ofSeconds(60).toMillis();

  /** Jitter shortens a wait to no less than this share of it, and never prolongs it. */
  private static final double LEAST_JITTER = 0.8;

  boolean isHistory(long observedAt) {
    return observedAt < from;
  }

  /** Whether the instance is not asked for. */
  boolean rests(String instanceId, WatchedInstance instance) {
    return isHistory(instance.seenAt())
        || instance.settled()
            && nextAsk(instanceId, instance) > instance.since() + settings.settle().toMillis();
  }

  /** When the instance is asked for next or, if it rests, forgotten. */
  long due(String instanceId, WatchedInstance instance) {
    if (!rests(instanceId, instance)) {
      return nextAsk(instanceId, instance);
    }
    return Math.max(instance.since() + settings.settle().toMillis(), instance.seenAt())
        + settings.forget().toMillis();
  }

  private long nextAsk(String instanceId, WatchedInstance instance) {
    if (instance.sent() > 0) {
      return instance.sentAt() + pause(instance.sent());
    }
    long wait =
        Math.max(
            settings.interval().toMillis(),
            Math.min(
                settings.longestInterval().toMillis(),
                (instance.seenAt() - instance.changedAt()) / 2));
    double jitter =
        new SplittableRandom(instanceId.hashCode() + instance.seenAt()).nextDouble(LEAST_JITTER, 1);
    return instance.seenAt() + (long) (wait * jitter);
  }

  /** How long to wait for an observation after so many sends of the id, in milliseconds. */
  long pause(int sent) {
    long longest = settings.longestInterval().toMillis();
    long pause = Math.min(longest, Math.max(settings.interval().toMillis(), FIRST_PAUSE));
    for (int i = 1; i < sent && pause < longest; i++) {
      pause = Math.min(longest, pause * 2);
    }
    return pause;
  }

  /** Whether the pauses after so many sends add up to the time after which it is given up. */
  boolean isGivenUp(int sent) {
    long waited = 0;
    for (int i = 1; i <= sent; i++) {
      waited += pause(i);
    }
    return waited >= settings.giveUp().toMillis();
  }
}
