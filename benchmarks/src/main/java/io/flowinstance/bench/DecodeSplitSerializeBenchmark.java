package io.flowinstance.bench;

import io.flowinstance.bench.variant.Fetch;
import io.flowinstance.bench.variant.SameBytes;
import io.flowinstance.enos.Answer;
import io.flowinstance.event.EventZones;
import io.flowinstance.event.FlowInstanceEvent;
import io.flowinstance.event.Observation;
import io.flowinstance.graph.FlowInstance;
import io.flowinstance.graph.FlowInstanceDecoder;
import io.flowinstance.id.IdRecord;
import io.flowinstance.id.IdRecordReader;
import io.flowinstance.outcome.DeadLetters;
import io.flowinstance.outcome.EventMessages;
import io.flowinstance.outcome.InstanceMessages;
import io.flowinstance.outcome.Outcome;
import io.flowinstance.simulator.SizedAnswer;
import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.infra.Blackhole;

/**
 * One instance on its way from the bytes of the answer to the Kafka records, without HTTP and
 * Kafka: each stage alone, the whole, and the whole as it is written by hand.
 *
 * <p>A stage alone meets the same input again and again, and finds what that remembers, as a number
 * its text. The whole starts from bytes, and so costs more than the sum of the stages.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class DecodeSplitSerializeBenchmark {
  /** As the settings name it by default. */
  private static final ZoneId UTC = ZoneId.of("UTC");

  private static final Instant FETCHED_AT = Instant.parse("2026-01-01T00:00:12.345Z");
  private static final Observation OBSERVATION =
      new Observation(
          "flow-instance-ids-1-5",
          "yourUserId",
          "yourOrgId",
          FETCHED_AT.minusMillis(20),
          FETCHED_AT);

  /** The tasks of the instance. */
  @Param({"1", "10", "100", "1000", "10000"})
  public int tasks;

  private final FlowInstanceDecoder decoder = new FlowInstanceDecoder();
  private final EventZones zones = new EventZones(UTC, UTC);
  private final InstanceMessages messages =
      new InstanceMessages(
          new EventMessages("flow-instances", "task-statuses", "", ""),
          new DeadLetters(
              "flow-instance-dead-letters", new IdRecordReader(null, null), Clock.systemUTC()),
          Long.MAX_VALUE);
  private final IdRecord idRecord =
      new IdRecord(
          new TopicPartition("flow-instance-ids", 1), 5, 0, null, null, new RecordHeaders());

  private final SameBytes sameBytes =
      new SameBytes("flow-instances", "task-statuses", OBSERVATION.userId(), OBSERVATION.orgId());
  private final Fetch fetch =
      new Fetch(OBSERVATION.id(), OBSERVATION.askedAt(), OBSERVATION.fetchedAt());

  private String id;
  private byte[] body;
  private FlowInstance instance;
  private FlowInstanceEvent event;

  /** Brings each stage its input. */
  @Setup
  public void setUp() {
    id = SizedAnswer.id(tasks);
    body = SizedAnswer.of(tasks);
    instance = decode();
    event = split();
  }

  /** The envelope, the instance in it, and the graph in its text. */
  @Benchmark
  public FlowInstance decode() {
    return decoder.decode(new Answer(200, body, null).data(), id);
  }

  /** The instance as events. */
  @Benchmark
  public FlowInstanceEvent split() {
    return FlowInstanceEvent.of(instance, zones, OBSERVATION);
  }

  /** The events as records: keys, headers, and values in JSON. */
  @Benchmark
  public void serialize(Blackhole sink) {
    outcome(event).messages().forEach(sink::consume);
  }

  /** The three after each other. */
  @Benchmark
  public void whole(Blackhole sink) {
    whole().forEach(sink::consume);
  }

  List<ProducerRecord<byte[], byte[]>> whole() {
    return outcome(FlowInstanceEvent.of(decode(), zones, OBSERVATION)).messages();
  }

  private Outcome outcome(FlowInstanceEvent of) {
    return messages.of(of, idRecord, DeadLetters.Call.NONE, bytes -> {});
  }

  /** The same bytes as the whole, written by hand. */
  @Benchmark
  public List<ProducerRecord<byte[], byte[]>> byHand() throws IOException {
    return sameBytes.messages(body, fetch);
  }
}
