package io.flowinstance.app;

import static io.flowinstance.harness.SignedPipeline.FLOW_INSTANCES;
import static io.flowinstance.harness.SignedPipeline.TASK_STATUSES;
import static io.flowinstance.harness.SignedPipeline.header;
import static io.flowinstance.harness.SignedPipeline.newId;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.event.Schemas;
import io.flowinstance.harness.SignedPipeline;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import io.flowinstance.simulator.Latency;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The three fields that tell one fetch from another: observationId, askedAt and fetchedAt. */
class ObservationTest {
  private static final Duration LATENCY = Duration.ofMillis(60);
  private SignedPipeline pipeline;

  @BeforeEach
  void start() {
    pipeline =
        SignedPipeline.start(
            Map.of(
                "event.source", "https://pipelines.example/eu/",
                "event.schema-base-uri", "https://schemas.example/v1"));
    pipeline.serve(5);
    pipeline.enos().faults().latency(Latency.fixed(LATENCY));
  }

  @AfterEach
  void stop() {
    pipeline.close();
  }

  private static Instant now() {
    return Instant.now().truncatedTo(ChronoUnit.MILLIS);
  }

  private JsonNode instance(long offset) throws Exception {
    return Schemas.valid(
        Schemas.FLOW_INSTANCE, of(FLOW_INSTANCES, "flow-instance-ids-0-" + offset).value());
  }

  private ProducerRecord<byte[], byte[]> of(String topic, String ceId) {
    List<ProducerRecord<byte[], byte[]>> found =
        pipeline.published(topic).stream()
            .filter(message -> ceId.equals(header(message, "ce_id")))
            .toList();
    assertEquals(1, found.size(), ceId);
    return found.get(0);
  }

  private static Instant instant(JsonNode message, String pointer) {
    String text = message.at(pointer).textValue();
    assertTrue(text.matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z"), text);
    return Instant.parse(text);
  }

  @Test
  void everyMessageNamesItsIdRecordAndTheTimesOfItsCall() throws Exception {
    Instant before = now();
    long offset = pipeline.send(newId());
    pipeline.awaitDone(offset);
    Instant after = Instant.now();

    String place = "flow-instance-ids-0-" + offset;
    JsonNode instance = instance(offset);
    Instant askedAt = instant(instance, "/enrichment/askedAt");
    Instant fetchedAt = instant(instance, "/enrichment/fetchedAt");
    assertEquals(place, instance.at("/enrichment/observationId").textValue());
    assertFalse(askedAt.isBefore(before), askedAt + " is before " + before);
    assertFalse(fetchedAt.isAfter(after), fetchedAt + " is after " + after);
    assertFalse(Duration.between(askedAt, fetchedAt).compareTo(LATENCY) < 0);

    ProducerRecord<byte[], byte[]> task = of(TASK_STATUSES, place + "/0");
    JsonNode status = Schemas.valid(Schemas.TASK_STATUS, task.value());
    assertEquals(place, status.get("observationId").textValue());
    assertEquals(askedAt, instant(status, "/askedAt"));
    assertEquals(fetchedAt, instant(status, "/fetchedAt"));
    for (ProducerRecord<byte[], byte[]> message : List.of(of(FLOW_INSTANCES, place), task)) {
      assertEquals(fetchedAt.toEpochMilli(), message.timestamp());
      assertEquals(status.get("fetchedAt").textValue(), header(message, "ce_time"));
      assertEquals("https://pipelines.example/eu/enos/yourOrgId", header(message, "ce_source"));
    }
    assertEquals(
        "https://schemas.example/v1/task-status.v1.schema.json", header(task, "ce_dataschema"));
  }

  @Test
  void askedAtIsTheBeginningOfTheCallThatWasAnswered() throws Exception {
    String id = newId();
    pipeline.enos().faults().set(Fault.status(503), FaultScope.ids(id).times(1));
    long offset = pipeline.send(id);
    // Another is served meanwhile, or the failed call would not be repeated.
    pipeline.sendAndAwait(newId());
    pipeline.awaitDone(offset);

    assertEquals(2, pipeline.enos().traffic().callsOf(id));
    JsonNode instance = instance(offset);
    Duration call =
        Duration.between(
            instant(instance, "/enrichment/askedAt"), instant(instance, "/enrichment/fetchedAt"));
    assertTrue(call.compareTo(LATENCY.multipliedBy(2)) < 0, "no more than one call: " + call);
  }

  @Test
  void recordsThatShareACallShareItsTimesAndHaveTheirOwnNames() throws Exception {
    byte[] id = newId().getBytes(UTF_8);
    long[] offsets = new long[2];
    pipeline
        .kafka()
        .together(
            () -> {
              offsets[0] = pipeline.kafka().send(null, id, new RecordHeaders());
              offsets[1] = pipeline.kafka().send(null, id, new RecordHeaders());
            });
    pipeline.awaitDone(offsets[1]);

    JsonNode first = instance(offsets[0]).get("enrichment");
    JsonNode second = instance(offsets[1]).get("enrichment");
    assertEquals(first.get("fetchedAt"), second.get("fetchedAt"));
    assertEquals(first.get("askedAt"), second.get("askedAt"));
    assertEquals("flow-instance-ids-0-" + offsets[1], second.get("observationId").textValue());
    assertEquals(1, pipeline.enos().traffic().callsOf(new String(id, UTF_8)));
  }
}
