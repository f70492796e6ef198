package io.flowinstance.outcome;

import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;

/**
 * What messages take; counted once, for it is asked for often, and to go through thousands of
 * messages again costs more than to make them.
 *
 * @param heap bytes of the heap until they are published, about
 * @param published bytes that are sent, before compression, about
 * @param largest no less than Kafka's own bound of the largest one's bytes
 */
public record MessageSize(long heap, long published, long largest) {
  /** A message without its value: key, headers, and the objects around them. */
  private static final int MESSAGE_BYTES = 512;

  private static final int RECORD_OVERHEAD = 128;
  private static final int HEADER_OVERHEAD = 16;

  /** What one message takes. */
  static MessageSize of(ProducerRecord<byte[], byte[]> message) {
    int value = length(message.value());
    return new MessageSize(
        published(value),
        published(value),
        ofRecord(length(message.key()), value, ofHeaders(message.headers())));
  }

  /** What these messages and others take. */
  MessageSize and(MessageSize other) {
    return new MessageSize(
        heap + other.heap, published + other.published, Math.max(largest, other.largest));
  }

  static long published(int value) {
    return MESSAGE_BYTES + value;
  }

  /** No less than Kafka's own bound of a record's bytes. */
  static long ofRecord(long key, long value, long headers) {
    return RECORD_OVERHEAD + key + value + headers;
  }

  static long ofHeaders(Iterable<Header> headers) {
    long bytes = 0;
    for (Header header : headers) {
      bytes += ofHeader(header.key(), length(header.value()));
    }
    return bytes;
  }

  static long ofHeader(String name, int value) {
    return HEADER_OVERHEAD + 3L * name.length() + value;
  }

  static int length(byte[] bytes) {
    return bytes == null ? 0 : bytes.length;
  }
}
