package io.flowinstance.outcome;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.event.Times;
import io.flowinstance.id.IdRecord;
import io.flowinstance.id.IdRecordReader;
import io.flowinstance.id.MalformedIdException;
import io.flowinstance.json.Printable;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;

/**
 * Writes dead letters: the id record's key, value and headers as they came, and {@code
 * dead-letter-*} headers, UTF-8 text but for the response, that say why and where it stood.
 */
public final class DeadLetters {
  /** Prefix of the headers that a dead letter adds. */
  public static final String PREFIX = "dead-letter-";

  /** How often this id record was replayed from the dead letters, as a decimal number. */
  public static final String REPLAYS = PREFIX + "replays";

  static final String REASON = PREFIX + "reason";
  static final String MESSAGE = PREFIX + "message";
  static final String INSTANCE_ID = PREFIX + "instance-id";
  static final String TOPIC = PREFIX + "topic";
  static final String PARTITION = PREFIX + "partition";
  static final String OFFSET = PREFIX + "offset";
  static final String TIMESTAMP = PREFIX + "timestamp";
  static final String FAILED_AT = PREFIX + "failed-at";

  /** What of the record a dead letter lacks: {@code key}, {@code value}, {@code headers}. */
  static final String LEFT_OUT = PREFIX + "left-out";

  /** A part of a record that is larger is what makes its dead letter too large. */
  private static final int LARGE_PART_BYTES = 16 << 10;

  private final String topic;
  private final IdRecordReader ids;
  private final Clock clock;

  /**
   * @param ids reads what an id record asks for
   */
  public DeadLetters(String topic, IdRecordReader ids, Clock clock) {
    this.topic = topic;
    this.ids = ids;
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
  public static String reason(ProducerRecord<byte[], byte[]> deadLetter) {
    return new String(deadLetter.headers().lastHeader(REASON).value(), UTF_8);
  }

  /** Whether a message is a dead letter. */
  static boolean isOne(ProducerRecord<byte[], byte[]> message) {
    return message.headers().lastHeader(REASON) != null;
  }

  /** The topic that they go to. */
  public String topic() {
    return topic;
  }

  /**
   * The dead letter of an id record.
   *
   * @param message one sentence for the person who reads it
   */
  public ProducerRecord<byte[], byte[]> of(
      IdRecord idRecord, DeadLetterReason reason, String message, Call call) {
    return new ProducerRecord<>(
        topic, null, idRecord.key(), idRecord.value(), headers(idRecord, reason, message, call));
  }

  /**
   * What takes the place of an outcome one of whose messages Kafka refuses: a dead letter in place
   * of events; in place of a dead letter one without the parts that are large, at last one without
   * any. The record itself still stands where {@code dead-letter-topic}, {@code -partition} and
   * {@code -offset} say.
   *
   * @param refused one of the outcome's messages
   * @param limit what it exceeds, for the sentence
   * @return null if there is no smaller one
   */
  public Outcome smaller(Outcome outcome, ProducerRecord<byte[], byte[]> refused, String limit) {
    IdRecord idRecord = outcome.idRecord();
    if (!refused.topic().equals(topic)) {
      String message =
          "A message of %d bytes for topic %s is larger than the %s."
              .formatted(MessageSize.length(refused.value()), refused.topic(), limit);
      return Outcome.of(
          idRecord, List.of(of(idRecord, DeadLetterReason.EVENT_TOO_LARGE, message, Call.NONE)));
    }
    Header leftOut = refused.headers().lastHeader(LEFT_OUT);
    if (leftOut != null && new String(leftOut.value(), UTF_8).equals("key,value,headers")) {
      return null;
    }
    List<ProducerRecord<byte[], byte[]>> messages = new ArrayList<>(outcome.messages());
    messages.replaceAll(
        message -> message == refused ? reduced(idRecord, refused, leftOut != null) : message);
    return Outcome.of(idRecord, messages);
  }

  /** A dead letter without the large parts of its record, or without any; its key is the place. */
  private ProducerRecord<byte[], byte[]> reduced(
      IdRecord idRecord, ProducerRecord<byte[], byte[]> deadLetter, boolean bare) {
    boolean keepsValue = !bare && MessageSize.length(idRecord.value()) <= LARGE_PART_BYTES;
    boolean keepsHeaders = !bare && MessageSize.ofHeaders(deadLetter.headers()) <= LARGE_PART_BYTES;
    Headers headers = new RecordHeaders();
    for (Header header : deadLetter.headers()) {
      if (keepsHeaders || header.key().startsWith(PREFIX)) {
        headers.add(header);
      }
    }
    headers.remove(LEFT_OUT);
    add(headers, LEFT_OUT, "key" + (keepsValue ? "" : ",value") + (keepsHeaders ? "" : ",headers"));
    return new ProducerRecord<>(
        topic,
        null,
        idRecord.position().getBytes(UTF_8),
        keepsValue ? idRecord.value() : null,
        headers);
  }

  private Headers headers(IdRecord idRecord, DeadLetterReason reason, String message, Call call) {
    Headers headers = new RecordHeaders();
    for (Header header : idRecord.headers()) {
      // Those of an earlier life would contradict ours.
      if (!header.key().startsWith(PREFIX)) {
        headers.add(header);
      }
    }
    add(headers, REASON, reason.name());
    add(headers, MESSAGE, Printable.of(message));
    try {
      InstanceQuery query = ids.read(idRecord.value());
      add(headers, INSTANCE_ID, query.instanceId());
      add(headers, PREFIX + "user-id", query.userId());
      add(headers, PREFIX + "org-id", query.orgId());
    } catch (MalformedIdException nothingIsKnown) {
      // The record itself says all there is.
    }
    add(headers, PREFIX + "http-status", call.httpStatus());
    add(headers, PREFIX + "api-code", call.apiCode());
    if (call.response() != null) {
      headers.add(PREFIX + "response", call.response());
    }
    add(headers, TOPIC, idRecord.partition().topic());
    add(headers, PARTITION, idRecord.partition().partition());
    add(headers, OFFSET, idRecord.offset());
    add(headers, TIMESTAMP, idRecord.timestamp());
    add(headers, PREFIX + "attempts", call.attempts());
    add(headers, FAILED_AT, Times.text(clock.instant()));
    add(headers, REPLAYS, replays(idRecord.headers()));
    return headers;
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
