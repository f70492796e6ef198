package io.flowinstance.kafka;

import io.flowinstance.outcome.Outcome;

/** An outcome that is to be published, and the call that brought it. */
final class ReadyOutcome {
  private final SharedCall call;
  private Outcome outcome;
  private boolean parked;

  ReadyOutcome(SharedCall call, Outcome outcome) {
    this.call = call;
    this.outcome = outcome;
  }

  SharedCall call() {
    return call;
  }

  Outcome outcome() {
    return outcome;
  }

  long offset() {
    return outcome.idRecord().offset();
  }

  /** A smaller outcome takes its place, because Kafka refuses this one. */
  void reduceTo(Outcome smaller) {
    outcome = smaller;
  }

  /** Whether Kafka refused even the smallest outcome: it is left out until it is tried again. */
  boolean isParked() {
    return parked;
  }

  void park(boolean now) {
    parked = now;
  }
}
