package io.flowinstance.kafka;

import java.time.Duration;

/**
 * How long the transactions of a consumer may take. The brokers end one that takes longer: where
 * the link is slow, the next one holds half as much and may take twice as long, up to a minute, and
 * so on, until one fits. Used by one thread.
 */
final class TransactionTimeout {
  /** Kafka's own default, which most brokers accept. */
  private static final Duration LONGEST = Duration.ofMinutes(1);

  /** Then a transaction holds one outcome. */
  private static final int MOST_HALVINGS = 20;

  private final long shortestMs;
  private long longestMs;
  private int halvings;

  TransactionTimeout(Duration configured) {
    shortestMs = configured.toMillis();
    longestMs = Math.max(shortestMs, LONGEST.toMillis());
  }

  /** The time that the next producer asks for. */
  Duration duration() {
    return Duration.ofMillis(millis(halvings));
  }

  /** How often what a transaction holds is to be halved. */
  int halvings() {
    return halvings;
  }

  private long millis(int doublings) {
    return Math.min(longestMs, shortestMs << doublings);
  }

  /**
   * The brokers accept no transaction that may take so long.
   *
   * @return whether the next producer asks for less
   */
  boolean refused() {
    long asked = millis(halvings);
    longestMs = Math.max(shortestMs, asked / 2);
    return millis(halvings) < asked;
  }

  /**
   * A transaction failed.
   *
   * @return whether the brokers ended it because it took too long
   */
  boolean failed(Exception failure, long tookMs) {
    return KafkaFaults.isFenced(failure) && lost(tookMs);
  }

  /**
   * A transaction is lost, perhaps because the brokers ended it.
   *
   * @return whether it took so long that they did
   */
  boolean lost(long tookMs) {
    boolean outlasted = tookMs >= millis(halvings);
    if (outlasted && halvings < MOST_HALVINGS) {
      halvings++;
    }
    return outlasted;
  }

  /**
   * A transaction was committed.
   *
   * @return whether the next producer asks for less time
   */
  boolean committed(long tookMs) {
    if (halvings == 0 || 2 * tookMs >= millis(halvings - 1)) {
      return false;
    }
    halvings--;
    return millis(halvings) < millis(halvings + 1);
  }
}
