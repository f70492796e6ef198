package io.flowinstance.delivery;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Clock;
import java.time.temporal.ChronoUnit;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;

/**
 * Writes dead letters: the id record's key, value and headers as they came, and {@code
 * dead-letter-*} headers, all UTF-8 text, that say why and where it stood.
 */
public final class DeadLetters {
  /** Prefix of the headers that a dead letter adds. */
  public static final String PREFIX = "dead-letter-";

  /** How often this id record was replayed from the dead letters, as a decimal number. */
  public static final String REPLAYS = PREFIX + "replays";

  static final String REASON = PREFIX + "reason";
  static final String MESSAGE = PREFIX + "message";
  static final String TOPIC = PREFIX + "topic";
  static final String PARTITION = PREFIX + "partition";
  static final String OFFSET = PREFIX + "offset";
  static final String FAILED_AT = PREFIX + "failed-at";

  private final String topic;
  private final Clock clock;

  public DeadLetters(String topic, Clock clock) {
    this.topic = topic;
    this.clock = clock;
  }

  /**
   * What the API had to do with it.
   *
   * @param httpStatus status of the last answer, or null
   * @param apiCode code in its envelope, or null
   * @param response the first bytes of its body, or null
   * @param attempts calls made for this id
   */
  public record Call(Integer httpStatus, Integer apiCode, byte[] response, int attempts) {
    /** The API was not called. */
    public static final Call NONE = new Call(null, null, null, 0);
  }

  /** The reason that a dead letter gives. */
  static String reason(ProducerRecord<byte[], byte[]> deadLetter) {
    return new String(deadLetter.headers().lastHeader(PREFIX + "reason").value(), UTF_8);
  }

  /** The topic that they go to. */
  String topic() {
    return topic;
  }

  /**
   * The dead letter of an id record.
   *
   * @param message one sentence for the person who reads it
   */
  public ProducerRecord<byte[], byte[]> of(
      IdRecord idRecord, DeadLetterReason reason, String message, Call call) {
    return record(idRecord, idRecord.value(), headers(idRecord, reason, message, call));
  }

  /**
   * A dead letter that is itself too large for Kafka, without its value: the value still stands
   * where {@code dead-letter-topic}, {@code -partition} and {@code -offset} say.
   */
  ProducerRecord<byte[], byte[]> withoutValue(IdRecord idRecord) {
    String message =
        "The dead letter of this record is larger than the topic takes; its value is left out.";
    Headers headers = new RecordHeaders();
    addTo(headers, idRecord, DeadLetterReason.EVENT_TOO_LARGE, message, Call.NONE);
    return record(idRecord, null, headers);
  }

  private ProducerRecord<byte[], byte[]> record(IdRecord idRecord, byte[] value, Headers headers) {
    return new ProducerRecord<>(topic, null, idRecord.key(), value, headers);
  }

  private Headers headers(IdRecord idRecord, DeadLetterReason reason, String message, Call call) {
    Headers headers = new RecordHeaders(idRecord.headers());
    addTo(headers, idRecord, reason, message, call);
    return headers;
  }

  private void addTo(
      Headers headers, IdRecord idRecord, DeadLetterReason reason, String message, Call call) {
    String replays = Integer.toString(replays(idRecord.headers()));
    headers.remove(REPLAYS);
    add(headers, REASON, reason.name());
    add(headers, MESSAGE, message);
    add(headers, PREFIX + "http-status", call.httpStatus());
    add(headers, PREFIX + "api-code", call.apiCode());
    if (call.response() != null) {
      headers.add(PREFIX + "response", call.response());
    }
    add(headers, TOPIC, idRecord.partition().topic());
    add(headers, PARTITION, idRecord.partition().partition());
    add(headers, OFFSET, idRecord.offset());
    add(headers, PREFIX + "timestamp", idRecord.timestamp());
    add(headers, PREFIX + "attempts", call.attempts());
    add(headers, FAILED_AT, clock.instant().truncatedTo(ChronoUnit.MILLIS));
    headers.add(REPLAYS, replays.getBytes(UTF_8));
  }

  private static void add(Headers headers, String name, Object value) {
    if (value != null) {
      headers.add(name, value.toString().getBytes(UTF_8));
    }
  }

  /** The replays that an id record or a dead letter has behind it. */
  static int replays(Headers headers) {
    Header header = headers.lastHeader(REPLAYS);
    String text = header == null || header.value() == null ? "" : new String(header.value(), UTF_8);
    return text.matches("\\d{1,9}") ? Integer.parseInt(text) : 0;
  }
}
