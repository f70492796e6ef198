package io.flowinstance.app;

import static io.flowinstance.harness.SignedPipeline.DEAD_LETTERS;
import static io.flowinstance.harness.SignedPipeline.FLOW_INSTANCES;
import static io.flowinstance.harness.SignedPipeline.TASK_STATUSES;
import static io.flowinstance.harness.SignedPipeline.awaitThat;
import static io.flowinstance.harness.SignedPipeline.header;
import static io.flowinstance.harness.SignedPipeline.newId;
import static io.opentelemetry.api.common.AttributeKey.longKey;
import static io.opentelemetry.api.common.AttributeKey.stringKey;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.harness.FreePort;
import io.flowinstance.harness.SignedPipeline;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import io.flowinstance.trace.TraceExport;
import io.flowinstance.trace.Tracing;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What becomes of the W3C Trace Context of an id record. */
class TracingTest {
  private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
  private static final String PARENT = "00-" + TRACE + "-b7ad6b7169203331-01";
  private static final String OTHER_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
  private static final String OTHER_PARENT = "00-" + OTHER_TRACE + "-00f067aa0ba902b7-01";
  private static final String UNSAMPLED = "00-" + TRACE + "-b7ad6b7169203331-00";
  private static final String NO_PARENT = "0000000000000000";

  private final InMemorySpanExporter exported = InMemorySpanExporter.create();

  private OpenTelemetry openTelemetry() {
    return OpenTelemetrySdk.builder()
        .setTracerProvider(
            SdkTracerProvider.builder()
                .addSpanProcessor(SimpleSpanProcessor.create(exported))
                .build())
        .build();
  }

  /** A pipeline that has its access token, so that what follows is of the ids alone. */
  private SignedPipeline traced(Map<String, String> settings) {
    SignedPipeline pipeline = SignedPipeline.start(settings, Tracing.of(openTelemetry(), () -> {}));
    pipeline.warmUp();
    awaitThat("the first transaction has its span", () -> spans("publish").size() == 1);
    exported.reset();
    return pipeline;
  }

  private static long send(SignedPipeline pipeline, String id, String... headers) {
    return pipeline.kafka().send(null, id.getBytes(UTF_8), headers(headers));
  }

  private static Headers headers(String... namesAndValues) {
    RecordHeaders headers = new RecordHeaders();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      headers.add(namesAndValues[i], namesAndValues[i + 1].getBytes(UTF_8));
    }
    return headers;
  }

  private List<SpanData> spans(String nameBeginsWith) {
    return exported.getFinishedSpanItems().stream()
        .filter(span -> span.getName().startsWith(nameBeginsWith))
        .toList();
  }

  /** The spans once the transaction that ends with the offset has its own. */
  private void awaitSpans(SignedPipeline pipeline, long offset) {
    pipeline.awaitDone(offset);
    awaitThat("the transaction has its span", () -> !spans("publish").isEmpty());
  }

  private SpanData only(String nameBeginsWith) {
    List<SpanData> spans = spans(nameBeginsWith);
    assertEquals(1, spans.size(), nameBeginsWith);
    return spans.get(0);
  }

  private SpanData processedAt(long offset) {
    return spans("process").stream()
        .filter(span -> span.getAttributes().get(longKey("messaging.kafka.offset")) == offset)
        .findFirst()
        .orElseThrow();
  }

  private static String traceparent(SpanData span) {
    return "00-%s-%s-%s"
        .formatted(
            span.getTraceId(), span.getSpanId(), span.getSpanContext().getTraceFlags().asHex());
  }

  private static List<ProducerRecord<byte[], byte[]>> eventsOf(
      SignedPipeline pipeline, long offset) {
    return Stream.of(FLOW_INSTANCES, TASK_STATUSES)
        .flatMap(topic -> pipeline.published(topic).stream())
        .filter(event -> header(event, "ce_id").matches("flow-instance-ids-0-" + offset + "(/.*)?"))
        .toList();
  }

  @Test
  void theContextGoesFromTheRecordThroughTheCallIntoTheMessages() {
    try (SignedPipeline pipeline = traced(Map.of())) {
      String id = newId();
      long offset = send(pipeline, id, "traceparent", PARENT, "tracestate", "vendor=a");
      awaitSpans(pipeline, offset);

      SpanData served = only("process");
      assertEquals("process flow-instance-ids", served.getName());
      assertEquals(SpanKind.CONSUMER, served.getKind());
      assertEquals(TRACE, served.getTraceId());
      assertEquals("b7ad6b7169203331", served.getParentSpanId());
      assertEquals("kafka", served.getAttributes().get(stringKey("messaging.system")));
      assertEquals("process", served.getAttributes().get(stringKey("messaging.operation.type")));
      assertEquals(
          "flow-instance-ids", served.getAttributes().get(stringKey("messaging.destination.name")));
      assertEquals(
          "0", served.getAttributes().get(stringKey("messaging.destination.partition.id")));
      assertEquals(offset, served.getAttributes().get(longKey("messaging.kafka.offset")));
      assertEquals(id, served.getAttributes().get(stringKey("enos.flow_instance.id")));
      assertEquals(StatusCode.UNSET, served.getStatus().getStatusCode());

      SpanData call = only("GET");
      assertEquals(SpanKind.CLIENT, call.getKind());
      assertEquals(served.getSpanId(), call.getParentSpanId());
      assertEquals(200, call.getAttributes().get(longKey("http.response.status_code")));
      assertEquals("GET", call.getAttributes().get(stringKey("http.request.method")));
      assertEquals("127.0.0.1", call.getAttributes().get(stringKey("server.address")));
      assertTrue(
          pipeline
              .enos()
              .baseUrl()
              .endsWith(":" + call.getAttributes().get(longKey("server.port"))));
      assertFalse(call.toString().contains(id), call.toString());
      assertFalse(call.toString().contains("yourUserId"), call.toString());
      var asked = pipeline.enos().traffic().lastCall().orElseThrow();
      assertEquals(traceparent(call), asked.header("traceparent").orElseThrow());
      assertEquals("vendor=a", asked.header("tracestate").orElseThrow());

      List<ProducerRecord<byte[], byte[]>> events = eventsOf(pipeline, offset);
      assertEquals(2, events.size());
      for (ProducerRecord<byte[], byte[]> event : events) {
        assertEquals(traceparent(served), header(event, "traceparent"));
        assertEquals("vendor=a", header(event, "tracestate"));
      }

      SpanData publish = only("publish");
      assertEquals(SpanKind.PRODUCER, publish.getKind());
      assertEquals(NO_PARENT, publish.getParentSpanId());
      assertEquals(
          List.of(served.getSpanId()),
          publish.getLinks().stream().map(link -> link.getSpanContext().getSpanId()).toList());
      assertEquals(2, publish.getAttributes().get(longKey("messaging.batch.message_count")));
    }
  }

  @Test
  void withoutTracesNoHeaderIsReadOrWritten() {
    try (SignedPipeline pipeline = SignedPipeline.start(Map.of())) {
      long offset = send(pipeline, newId(), "traceparent", PARENT, "tracestate", "vendor=a");
      pipeline.awaitDone(offset);

      var asked = pipeline.enos().traffic().lastCall().orElseThrow();
      assertTrue(asked.header("traceparent").isEmpty());
      assertTrue(asked.header("tracestate").isEmpty());
      List<ProducerRecord<byte[], byte[]>> events = eventsOf(pipeline, offset);
      assertEquals(2, events.size());
      for (ProducerRecord<byte[], byte[]> event : events) {
        assertNull(header(event, "traceparent"));
        assertNull(header(event, "tracestate"));
      }
    }
  }

  @Test
  void aRecordWithoutContextBeginsATrace() {
    try (SignedPipeline pipeline = traced(Map.of())) {
      long offset = send(pipeline, newId());
      awaitSpans(pipeline, offset);

      SpanData served = only("process");
      assertEquals(NO_PARENT, served.getParentSpanId());
      assertEquals(served.getTraceId(), only("GET").getTraceId());
      assertEquals(traceparent(served), header(eventsOf(pipeline, offset).get(0), "traceparent"));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "nonsense",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319z-b7ad6b7169203331-01",
        "00-\u0000\u00e9-\ud83d\ude00",
      })
  void aBrokenContextBeginsATraceAndCostsNothing(String traceparent) {
    try (SignedPipeline pipeline = traced(Map.of())) {
      long offset = send(pipeline, newId(), "traceparent", traceparent, "tracestate", "=,=");
      awaitSpans(pipeline, offset);

      assertEquals(NO_PARENT, only("process").getParentSpanId());
      assertEquals(2, eventsOf(pipeline, offset).size());
      assertEquals(List.of(), pipeline.published(DEAD_LETTERS));
    }
  }

  @Test
  void aHugeContextIsPassedOver() {
    try (SignedPipeline pipeline = traced(Map.of())) {
      long offset =
          send(pipeline, newId(), "traceparent", PARENT, "tracestate", "a=" + "b".repeat(1 << 20));
      awaitSpans(pipeline, offset);

      assertEquals(TRACE, only("process").getTraceId());
      assertNull(header(eventsOf(pipeline, offset).get(0), "tracestate"));
    }
  }

  @Test
  void whatTheSenderDoesNotSampleIsPassedOnAndNotRecorded() {
    try (SignedPipeline pipeline = traced(Map.of())) {
      long offset = send(pipeline, newId(), "traceparent", UNSAMPLED);
      pipeline.awaitDone(offset);

      String passedOn = header(eventsOf(pipeline, offset).get(0), "traceparent");
      assertTrue(passedOn.startsWith("00-" + TRACE + "-") && passedOn.endsWith("-00"), passedOn);
      assertEquals(List.of(), exported.getFinishedSpanItems());
    }
  }

  @Test
  void everyAttemptOfACallIsASpan() {
    try (SignedPipeline pipeline = traced(Map.of("fetch.retry-budget-ms", "10000"))) {
      String id = newId();
      pipeline.enos().faults().set(Fault.status(503), FaultScope.ids(id).times(1));
      pipeline.enos().faults().set(Fault.halfBody(), FaultScope.ids(id).times(1));
      long offset = send(pipeline, id, "traceparent", PARENT);
      awaitSpans(pipeline, offset);

      SpanData served = only("process");
      List<SpanData> calls =
          spans("GET").stream().filter(call -> call.getTraceId().equals(TRACE)).toList();
      assertEquals(3, calls.size(), calls.toString());
      assertEquals(
          Set.of(served.getSpanId()),
          calls.stream().map(SpanData::getParentSpanId).collect(Collectors.toSet()));
      assertEquals(
          List.of(StatusCode.ERROR, StatusCode.ERROR, StatusCode.UNSET),
          calls.stream().map(call -> call.getStatus().getStatusCode()).toList());
      Set<String> errors = new HashSet<>();
      calls.forEach(call -> errors.add(call.getAttributes().get(stringKey("error.type"))));
      assertTrue(errors.contains("503"), errors.toString());
      assertEquals(StatusCode.UNSET, served.getStatus().getStatusCode());
    }
  }

  @Test
  void recordsThatShareACallKeepTheirOwnTraces() {
    try (SignedPipeline pipeline = traced(Map.of())) {
      String id = newId();
      long first = pipeline.kafka().committedOffset();
      long second = first + 1;
      pipeline
          .kafka()
          .together(
              () -> {
                send(pipeline, id, "traceparent", PARENT);
                send(pipeline, id, "traceparent", OTHER_PARENT);
              });
      awaitSpans(pipeline, second);

      assertEquals(1, pipeline.enos().traffic().callsOf(id));
      SpanData one = processedAt(first);
      SpanData other = processedAt(second);
      assertEquals(TRACE, one.getTraceId());
      assertEquals(OTHER_TRACE, other.getTraceId());
      assertEquals(one.getSpanId(), only("GET").getParentSpanId());
      assertEquals(one.getSpanId(), other.getLinks().get(0).getSpanContext().getSpanId());
      for (ProducerRecord<byte[], byte[]> event : eventsOf(pipeline, first)) {
        assertEquals(traceparent(one), header(event, "traceparent"));
      }
      for (ProducerRecord<byte[], byte[]> event : eventsOf(pipeline, second)) {
        assertEquals(traceparent(other), header(event, "traceparent"));
      }
      assertEquals(
          Set.of(one.getSpanId(), other.getSpanId()),
          only("publish").getLinks().stream()
              .map(link -> link.getSpanContext().getSpanId())
              .collect(Collectors.toSet()));
    }
  }

  @Test
  void aDeadLetterHasTheHeadersAsTheyCameAndItsSpanTheReason() {
    try (SignedPipeline pipeline = traced(Map.of())) {
      String id = newId();
      pipeline.enos().faults().set(Fault.code(62102), FaultScope.ids(id));
      long offset = send(pipeline, id, "traceparent", PARENT, "x", "y");
      awaitSpans(pipeline, offset);

      ProducerRecord<byte[], byte[]> deadLetter = pipeline.deadLetters(id).get(0);
      assertEquals(PARENT, header(deadLetter, "traceparent"));
      assertEquals("y", header(deadLetter, "x"));
      assertNull(deadLetter.headers().lastHeader("tracestate"));
      SpanData failed = only("process");
      assertEquals(StatusCode.ERROR, failed.getStatus().getStatusCode());
      assertEquals("REJECTED_BY_API", failed.getAttributes().get(stringKey("error.type")));
      assertEquals(header(deadLetter, "dead-letter-message"), failed.getStatus().getDescription());
    }
  }

  @Test
  void aRecordWithoutAnIdFailsInItsTrace() {
    try (SignedPipeline pipeline = traced(Map.of())) {
      long offset = send(pipeline, "{", "traceparent", PARENT);
      awaitSpans(pipeline, offset);

      SpanData failed = only("process");
      assertEquals(TRACE, failed.getTraceId());
      assertEquals("MALFORMED_ID", failed.getAttributes().get(stringKey("error.type")));
      assertEquals(List.of(), spans("GET"));
    }
  }

  @Test
  void withoutACollectorThePipelineGoesOnAndStopsInTime() {
    Tracing traces =
        TraceExport.start(
            "test", Map.of("otel.exporter.otlp.endpoint", "http://127.0.0.1:" + FreePort.pick()));
    List<String> ids = SignedPipeline.newIds(100);
    SignedPipeline pipeline = SignedPipeline.start(Map.of(), traces);
    long before;
    try (pipeline) {
      ids.forEach(id -> send(pipeline, id, "traceparent", PARENT));
      pipeline.awaitDone(ids.size() - 1);
      pipeline.assertServedOnce(ids);
      before = System.nanoTime();
    }
    Duration took = Duration.ofNanos(System.nanoTime() - before);
    assertTrue(took.compareTo(Duration.ofSeconds(5)) < 0, took.toString());
  }

  @Test
  void aTransactionIsLinkedToNoMoreRecordsThanTheSdkKeeps() {
    Tracing traces = Tracing.of(openTelemetry(), () -> {});
    traces
        .publish(
            IntStream.range(0, 200).mapToObj(i -> traces.process("ids", 0, i, name -> null)), 400)
        .end();

    assertEquals(128, only("publish").getTotalRecordedLinks());
  }
}
