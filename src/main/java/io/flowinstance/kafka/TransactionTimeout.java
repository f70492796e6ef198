package io.flowinstance.kafka;

import java.time.Duration;

/**
 * How long the transactions of a consumer may take. The brokers end one that takes longer: where
 * the link is slow, the next one may take twice as long and holds half as much, and so on, until
 * one fits. Used by one thread.
 */
final class TransactionTimeout {
  /** Kafka's own default, which brokers accept. */
  private static final Duration LONGEST = Duration.ofMinutes(1);

  private final long shortestMs;
  private int doublings;

  TransactionTimeout(Duration configured) {
    shortestMs = configured.toMillis();
  }

  /** The time that the next producer asks for. */
  Duration duration() {
    return Duration.ofMillis(millis(doublings));
  }

  /** How often the time was doubled, and what a transaction holds is to be halved. */
  int doublings() {
    return doublings;
  }

  private long millis(int doubled) {
    return Math.max(shortestMs, Math.min(LONGEST.toMillis(), shortestMs << doubled));
  }

  /**
   * A transaction failed.
   *
   * @return whether the brokers ended it because it took too long
   */
  boolean failed(Exception failure, long tookMs) {
    boolean outlasted = KafkaFaults.isFenced(failure) && tookMs >= millis(doublings);
    if (outlasted && millis(doublings) < LONGEST.toMillis()) {
      doublings++;
    }
    return outlasted;
  }

  /**
   * A transaction was committed.
   *
   * @return whether the next producer is to ask for less time
   */
  boolean committed(long tookMs) {
    if (doublings == 0 || 2 * tookMs >= millis(doublings - 1)) {
      return false;
    }
    doublings--;
    return true;
  }
}
