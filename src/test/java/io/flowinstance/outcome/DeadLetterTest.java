package io.flowinstance.outcome;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.id.IdRecord;
import io.flowinstance.id.IdRecordReader;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.junit.jupiter.api.Test;

class DeadLetterTest {
  private static final Instant NOON = Instant.parse("2026-02-01T12:00:00Z");
  private final DeadLetters deadLetters =
      new DeadLetters("dead", new IdRecordReader(null, null), Clock.fixed(NOON, ZoneOffset.UTC));

  private static IdRecord idRecord(byte[] key, byte[] value, Headers headers) {
    return new IdRecord(new TopicPartition("ids", 2), 42, 7, key, value, headers);
  }

  private static DeadLetter stored(ProducerRecord<byte[], byte[]> written) {
    ConsumerRecord<byte[], byte[]> stored =
        new ConsumerRecord<>("dead", 0, 0, written.key(), written.value());
    written.headers().forEach(stored.headers()::add);
    return new DeadLetter(stored);
  }

  private static List<String> texts(Headers headers) {
    List<String> texts = new ArrayList<>();
    headers.forEach(header -> texts.add(header.key() + "=" + new String(header.value(), UTF_8)));
    return texts;
  }

  @Test
  void comesBackAsTheIdRecordThatItWasOneReplayOlder() {
    Headers headers = new RecordHeaders();
    headers.add("traceparent", "00-1".getBytes(UTF_8));
    headers.add("traceparent", "00-2".getBytes(UTF_8));
    headers.add(DeadLetters.REPLAYS, "1".getBytes(UTF_8));
    byte[] key = {0, 1};
    byte[] value = {'{', (byte) 0xFF};
    DeadLetter letter =
        stored(
            deadLetters.of(
                idRecord(key, value, headers),
                DeadLetterReason.REJECTED_BY_API,
                "Because.",
                new DeadLetters.Call(200, 62102, new byte[] {1}, 1)));

    ProducerRecord<byte[], byte[]> replay = letter.replay("ids", letter.stored());

    assertEquals("REJECTED_BY_API", letter.reason());
    assertEquals("Because.", letter.message());
    assertEquals(NOON, letter.failedAt());
    assertEquals(1, letter.replays());
    assertEquals("ids", replay.topic());
    assertNull(replay.partition());
    assertArrayEquals(key, replay.key());
    assertArrayEquals(value, replay.value());
    assertEquals(
        List.of("traceparent=00-1", "traceparent=00-2", "dead-letter-replays=2"),
        texts(replay.headers()));
  }

  @Test
  void keepsTheCountWhenAReplayFailsAgain() {
    DeadLetter first =
        stored(
            deadLetters.of(
                idRecord(null, null, new RecordHeaders()),
                DeadLetterReason.MALFORMED_ID,
                "The record has no value.",
                DeadLetters.Call.NONE));
    ProducerRecord<byte[], byte[]> replay = first.replay("ids", first.stored());
    DeadLetter second =
        stored(
            deadLetters.of(
                idRecord(replay.key(), replay.value(), replay.headers()),
                DeadLetterReason.MALFORMED_ID,
                "The record has no value.",
                DeadLetters.Call.NONE));

    assertEquals(0, first.replays());
    assertEquals(1, second.replays());
    assertNull(replay.value(), "a value that never was is replayed as none");
  }

  private Outcome refused(IdRecord idRecord) {
    return Outcome.of(
        idRecord,
        List.of(
            deadLetters.of(
                idRecord, DeadLetterReason.MALFORMED_ID, "No id.", DeadLetters.Call.NONE)));
  }

  private Outcome smaller(Outcome outcome) {
    return deadLetters.smaller(outcome, outcome.messages().get(0), "limit");
  }

  private static ProducerRecord<byte[], byte[]> only(Outcome outcome) {
    assertEquals(1, outcome.messages().size());
    return outcome.messages().get(0);
  }

  @Test
  void withoutAPartOfItsRecordItTakesThatOfTheOriginal() {
    Headers headers = new RecordHeaders();
    headers.add("kept", "k".getBytes(UTF_8));
    DeadLetter letter = stored(only(smaller(refused(idRecord(null, new byte[20_000], headers)))));
    ConsumerRecord<byte[], byte[]> original =
        new ConsumerRecord<>("ids", 2, 42, null, "1-1".getBytes(UTF_8));
    original.headers().add("kept", "k".getBytes(UTF_8));

    assertTrue(letter.isIncomplete());
    assertNull(letter.stored().value());
    assertEquals(new DeadLetter.Origin(new TopicPartition("ids", 2), 42, 7L), letter.origin());
    assertEquals(
        List.of("kept=k", "dead-letter-replays=1"),
        texts(letter.replay("ids", original).headers()));
  }

  @Test
  void aRecordOfAnotherTimeAtItsPlaceIsNotItsIdRecord() {
    DeadLetter letter = stored(only(refused(idRecord(null, new byte[1], new RecordHeaders()))));

    assertTrue(letter.origin().isOf(at(42, 7)));
    assertFalse(letter.origin().isOf(at(42, 8)));
    assertFalse(letter.origin().isOf(at(43, 7)));
  }

  private static ConsumerRecord<byte[], byte[]> at(long offset, long timestamp) {
    return new ConsumerRecord<>(
        "ids",
        2,
        offset,
        timestamp,
        TimestampType.CREATE_TIME,
        0,
        0,
        null,
        new byte[0],
        new RecordHeaders(),
        Optional.empty());
  }

  @Test
  void leavesOutWhatIsLargeFirstAndIsKeyedByItsPlace() {
    IdRecord idRecord = idRecord(new byte[20_000_000], "id".getBytes(UTF_8), new RecordHeaders());
    ProducerRecord<byte[], byte[]> written = only(smaller(refused(idRecord)));

    assertEquals("ids-2-42", new String(written.key(), UTF_8));
    assertArrayEquals("id".getBytes(UTF_8), written.value());
    assertEquals("MALFORMED_ID", DeadLetters.reason(written));
    assertTrue(texts(written.headers()).contains("dead-letter-left-out=key"));
    assertTrue(Outcome.of(idRecord, List.of(written)).size().largest() < 2_000);
  }

  @Test
  void leavesOutEverythingWhenEvenThatIsRefusedAndThenThereIsNothingSmaller() {
    Headers headers = new RecordHeaders().add("h", "v".getBytes(UTF_8));
    Outcome bare = smaller(smaller(refused(idRecord(null, "id".getBytes(UTF_8), headers))));
    ProducerRecord<byte[], byte[]> written = only(bare);

    assertNull(written.value());
    assertNull(written.headers().lastHeader("h"));
    assertTrue(texts(written.headers()).contains("dead-letter-left-out=key,value,headers"));
    assertTrue(texts(written.headers()).contains("dead-letter-offset=42"));
    assertNull(smaller(bare));
  }

  @Test
  void dropsTheDeadLetterHeadersOfAnEarlierLife() {
    Headers headers = new RecordHeaders();
    headers.add("dead-letter-response", "old".getBytes(UTF_8));
    headers.add("dead-letter-replays", "2".getBytes(UTF_8));
    List<String> written = texts(only(refused(idRecord(null, null, headers))).headers());

    assertTrue(written.contains("dead-letter-replays=2"), written::toString);
    assertEquals(1, written.stream().filter(text -> text.contains("replays")).count());
    assertTrue(written.stream().noneMatch(text -> text.endsWith("=old")), written::toString);
  }

  @Test
  void readsHeadersOfAnyKind() {
    ConsumerRecord<byte[], byte[]> stored =
        new ConsumerRecord<>("dead", 0, 0, "the key".getBytes(UTF_8), new byte[] {(byte) 0xFF});
    for (String name :
        List.of("reason", "message", "failed-at", "replays", "partition", "offset", "topic")) {
      stored.headers().add("dead-letter-" + name, new byte[] {(byte) 0xFF, 'x'});
    }
    DeadLetter letter = new DeadLetter(stored);

    assertNull(letter.failedAt());
    assertNull(letter.origin());
    assertEquals(0, letter.replays());
    assertEquals("the key", letter.subject());
    assertEquals("", new DeadLetter(new ConsumerRecord<>("dead", 0, 0, null, null)).reason());
  }
}
