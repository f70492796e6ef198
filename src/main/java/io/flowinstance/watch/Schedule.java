package io.flowinstance.watch;

import java.time.Duration;
import java.util.SplittableRandom;

/**
 * When an instance is asked for again, rests and is forgotten. Pure: the same memory always leads
 * to the same times. All times are epoch milliseconds.
 *
 * @param from what was observed before is history: it rests from the start
 */
record Schedule(WatchSettings settings, long from) {
  private static final long FIRST_PAUSE = Duration.ofSeconds(60).toMillis();

  /** The jitter shortens a wait to this share of it at most, and never prolongs it. */
  private static final double LEAST_JITTER = 0.8;

  boolean isHistory(long observedAt) {
    return observedAt < from;
  }

  /** Whether it is not asked for. */
  boolean rests(String instanceId, WatchedInstance instance) {
    return isHistory(instance.seenAt())
        || instance.settled()
            && nextAsk(instanceId, instance) > instance.since() + settings.settle().toMillis();
  }

  /** When it is asked for or, if it rests, forgotten. */
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

  /** How long an observation is waited for after the id was sent so often, in milliseconds. */
  long pause(int sent) {
    long longest = settings.longestInterval().toMillis();
    long pause = Math.min(longest, Math.max(settings.interval().toMillis(), FIRST_PAUSE));
    for (int i = 1; i < sent && pause < longest; i++) {
      pause = Math.min(longest, pause * 2);
    }
    return pause;
  }

  /** Whether the pauses after so many sends make up the time after which an id is given up. */
  boolean isGivenUp(int sent) {
    long waited = 0;
    for (int i = 1; i <= sent; i++) {
      waited += pause(i);
    }
    return waited >= settings.giveUp().toMillis();
  }
}
