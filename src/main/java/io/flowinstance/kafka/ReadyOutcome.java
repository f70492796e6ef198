package io.flowinstance.kafka;

import io.flowinstance.outcome.Outcome;

/** An outcome that is to be published, and the call that brought it. */
final class ReadyOutcome {
  private final SharedCall call;
  private Outcome outcome;
  private boolean parked;
  private String why;

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
    long before = outcome.size().heap();
    outcome = smaller;
    call.takesLess(before - smaller.size().heap());
  }

  /** Whether Kafka refused even the smallest outcome: it is left out until it is tried again. */
  boolean isParked() {
    return parked;
  }

  /**
   * Leaves it out for now.
   *
   * @return whether it was not left out for the same reason before
   */
  boolean park(String reason) {
    boolean isNew = !reason.equals(why);
    why = reason;
    parked = true;
    return isNew;
  }

  void unpark() {
    parked = false;
  }

  /** Why it was left out the last time, a sentence; null if it never was. */
  String why() {
    return why;
  }
}
