package io.flowinstance.kafka;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/**
 * How long the transactions of Kafka Streams may take, by producer. Where the link is slow, and the
 * brokers end two in a row, the next producer of that name asks for twice as much, up to a minute.
 * It stays so until Kafka Streams starts again: a producer that is at work cannot ask for less.
 *
 * <p>One alone says little: during a rebalance Kafka Streams commits nothing for seconds.
 */
public final class TransactionTimeouts {
  private static final int LOST_IN_A_ROW = 2;

  private final Duration configured;
  private final Map<String, OfProducer> producers = new HashMap<>();

  private static final class OfProducer {
    private final TransactionTimeout timeout;
    private int lost;

    OfProducer(Duration configured) {
      timeout = new TransactionTimeout(configured);
    }
  }

  public TransactionTimeouts(Duration configured) {
    this.configured = configured;
  }

  /** The time that the next producer of this name asks for. */
  synchronized Duration of(String clientId) {
    return producer(clientId).timeout.duration();
  }

  private OfProducer producer(String clientId) {
    return producers.computeIfAbsent(clientId, any -> new OfProducer(configured));
  }

  synchronized void committed(String clientId) {
    producer(clientId).lost = 0;
  }

  /**
   * A transaction was aborted.
   *
   * @return whether the brokers ended it and the one before, because they took too long
   */
  synchronized boolean lost(String clientId, long tookMs) {
    OfProducer producer = producer(clientId);
    if (tookMs < producer.timeout.duration().toMillis()) {
      return false;
    }
    producer.lost++;
    return producer.lost >= LOST_IN_A_ROW && producer.timeout.lost(tookMs);
  }

  /** Kafka Streams starts again, with other producers. */
  synchronized void clear() {
    producers.clear();
  }

  /** The longest that a producer asks for. */
  public synchronized Duration longest() {
    return producers.values().stream()
        .map(producer -> producer.timeout.duration())
        .max(Duration::compareTo)
        .orElse(configured);
  }
}
