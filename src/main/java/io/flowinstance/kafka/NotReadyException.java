package io.flowinstance.kafka;

import org.apache.kafka.common.KafkaException;

/** Nothing can be published yet; the message says what to fix. */
final class NotReadyException extends KafkaException {
  private static final long serialVersionUID = 1L;

  NotReadyException(String message) {
    super(message);
  }
}
