package io.flowinstance.outcome;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.event.EventZones;
import io.flowinstance.event.FlowInstanceEvent;
import io.flowinstance.event.Observation;
import io.flowinstance.graph.FlowInstanceDecoder;
import io.flowinstance.id.IdRecord;
import io.flowinstance.id.IdRecordReader;
import io.flowinstance.json.Json;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.AbstractRecords;
import org.apache.kafka.common.record.RecordBatch;
import org.junit.jupiter.api.Test;

class InstanceMessagesTest {
  private static final Instant NOON = Instant.parse("2026-02-01T12:00:00Z");
  private final IdRecord idRecord =
      new IdRecord(new TopicPartition("ids", 2), 42, 7, null, null, new RecordHeaders());
  private final DeadLetters deadLetters =
      new DeadLetters("dead", new IdRecordReader(null, null), Clock.fixed(NOON, ZoneOffset.UTC));

  private Outcome outcome(String tasks, long mostBytes) throws Exception {
    String data =
        "{\"flowName\":\"%s\",\"graph\":{\"tasks\":[%s]}}".formatted("long ".repeat(40), tasks);
    FlowInstanceEvent event =
        FlowInstanceEvent.of(
            new FlowInstanceDecoder().decode(Json.read(data), "asked"),
            new EventZones(ZoneOffset.UTC, ZoneOffset.UTC),
            new Observation("ids-2-42", "user", "org", NOON, NOON));
    EventMessages events =
        new EventMessages("instances", "tasks", "//prefix", "https://example.org/schemas/");
    return new InstanceMessages(events, deadLetters, mostBytes)
        .of(event, idRecord, DeadLetters.Call.NONE, bytes -> {});
  }

  private static String tasks(int count) {
    return IntStream.range(0, count)
        .mapToObj("{\"taskInstId\":\"tü-%d\",\"nodeId\":\"n\",\"other\":1}"::formatted)
        .collect(Collectors.joining(","));
  }

  @Test
  void countsWhatItsMessagesTakeWithoutMakingThem() throws Exception {
    Outcome outcome = outcome(tasks(1_000) + ",5", Long.MAX_VALUE);
    long largest =
        outcome.messages().stream()
            .mapToLong(
                message ->
                    AbstractRecords.estimateSizeInBytesUpperBound(
                        RecordBatch.CURRENT_MAGIC_VALUE,
                        Compression.NONE.type(),
                        message.key(),
                        message.value(),
                        message.headers().toArray()))
            .max()
            .orElseThrow();

    assertEquals(1_002, outcome.messages().size());
    assertEquals(
        Outcome.of(idRecord, outcome.messages()).size().published(), outcome.size().published());
    assertTrue(outcome.size().largest() >= largest, outcome.size() + " " + largest);
  }

  @Test
  void holdsFarLessOfTheHeapThanItPublishes() throws Exception {
    MessageSize size = outcome(tasks(1_000), Long.MAX_VALUE).size();

    assertTrue(4 * size.heap() < size.published(), size::toString);
  }

  @Test
  void givesTheSameMessageOfATaskWheneverItIsAskedForIt() throws Exception {
    List<ProducerRecord<byte[], byte[]>> messages = outcome(tasks(3), Long.MAX_VALUE).messages();

    assertEquals(4, messages.size());
    for (int at = 1; at < 4; at++) {
      ProducerRecord<byte[], byte[]> message = messages.get(at);
      assertEquals("tasks", message.topic());
      assertEquals("tü-" + (at - 1), new String(message.key(), UTF_8));
      assertArrayEquals(message.key(), message.headers().lastHeader("ce_subject").value());
      assertEquals(
          "ids-2-42/" + (at - 1), new String(message.headers().lastHeader("ce_id").value(), UTF_8));
      assertArrayEquals(message.value(), messages.get(at).value());
      assertEquals(at - 1, Json.read(message.value()).get("index").intValue());
    }
  }

  @Test
  void putsTheDeadLetterOfTasksThatCannotBeReadLast() throws Exception {
    List<ProducerRecord<byte[], byte[]>> messages =
        outcome("5," + tasks(2) + ",6", Long.MAX_VALUE).messages();

    assertEquals(
        List.of("instances", "tasks", "tasks", "dead"),
        messages.stream().map(ProducerRecord::topic).toList());
    assertEquals("UNREADABLE_TASK", DeadLetters.reason(messages.get(3)));
  }

  @Test
  void refusesMessagesThatAreLargerThanThoseOfOneRecordMayBe() throws Exception {
    long size = outcome(tasks(100), Long.MAX_VALUE).size().published();

    assertEquals(101, outcome(tasks(100), size).messages().size());
    assertThrows(OutcomeTooLargeException.class, () -> outcome(tasks(100), size - 1));
  }
}
