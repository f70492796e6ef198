package io.flowinstance.command;

import io.flowinstance.outcome.DeadLetter;
import io.flowinstance.outcome.DeadLetterReason;
import java.time.Instant;
import java.util.Set;

/**
 * Which dead letters a run replays: those with any of the reasons, or all when there are none, that
 * failed at or after {@code since} and before {@code until}, which may be null.
 *
 * @param maxReplays how many replays are too many, or null for {@link #DEFAULT_MAX_REPLAYS}
 */
record ReplayFilter(
    Set<DeadLetterReason> reasons, Instant since, Instant until, Integer maxReplays) {
  /** Limits runs without a filter too, so that no dead letter circles for ever. */
  static final int DEFAULT_MAX_REPLAYS = 3;

  /** Whether the run has no filter, so that it continues where the last such run ended. */
  boolean isEmpty() {
    return reasons.isEmpty() && since == null && until == null && maxReplays == null;
  }

  boolean matches(DeadLetter letter) {
    if (!reasons.isEmpty()
        && reasons.stream().noneMatch(reason -> reason.name().equals(letter.reason()))) {
      return false;
    }
    if (since == null && until == null) {
      return true;
    }
    Instant failedAt = letter.failedAt();
    return failedAt != null
        && (since == null || !failedAt.isBefore(since))
        && (until == null || failedAt.isBefore(until));
  }

  /** Whether it was replayed too often to be replayed again. */
  boolean exhausts(DeadLetter letter) {
    return letter.replays() >= replayLimit();
  }

  int replayLimit() {
    return maxReplays == null ? DEFAULT_MAX_REPLAYS : maxReplays;
  }
}
