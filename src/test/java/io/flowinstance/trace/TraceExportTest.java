package io.flowinstance.trace;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.flowinstance.harness.FreePort;
import io.flowinstance.simulator.HttpListener;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.LoggerFactory;

/** What goes to the collector, and what is said when it is not there. */
class TraceExportTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final Logger log = (Logger) LoggerFactory.getLogger("io.flowinstance.trace");
  private final ListAppender<ILoggingEvent> said = new ListAppender<>();
  private final PrintStream standardError = System.err;
  private final ByteArrayOutputStream onStandardError = new ByteArrayOutputStream();

  @BeforeEach
  void listen() {
    said.list = new CopyOnWriteArrayList<>();
    said.start();
    log.setLevel(Level.INFO);
    log.addAppender(said);
    System.setErr(new PrintStream(onStandardError, true));
  }

  @AfterEach
  void nothingIsSaidElsewhere() {
    log.detachAppender(said);
    log.setLevel(null);
    System.setErr(standardError);
    assertEquals("", onStandardError.toString());
  }

  private static Tracing start(int port, String... more) {
    Map<String, String> properties = new HashMap<>();
    properties.put("otel.exporter.otlp.endpoint", "http://127.0.0.1:" + port);
    properties.put("otel.bsp.schedule.delay", "5");
    for (int i = 0; i < more.length; i += 2) {
      properties.put(more[i], more[i + 1]);
    }
    return TraceExport.start("1.2.3", properties);
  }

  private static void takeSpan(Tracing traces) {
    traces.process("ids", 0, 0, name -> null).end();
  }

  private List<Level> levels() {
    return said.list.stream().map(ILoggingEvent::getLevel).toList();
  }

  @Test
  void theSpansGoToTheCollectorAtTheLatestOnClosing() throws IOException {
    Queue<String> bodies = new ConcurrentLinkedQueue<>();
    try (HttpListener collector =
        new HttpListener(
            FreePort.pick(),
            (call, connection) -> {
              assertEquals("/v1/traces", call.path());
              bodies.add(new String(call.body(), ISO_8859_1));
              connection.send(200, Map.of(), new byte[0]);
            })) {
      Tracing traces = start(collector.port(), "otel.bsp.schedule.delay", "60000");
      takeSpan(traces);
      traces.close();
    }

    String body = bodies.remove();
    for (String text :
        List.of(
            "process ids", "service.name", "flow-instance-routes", "service.version", "1.2.3")) {
      assertTrue(body.contains(text), text);
    }
    assertEquals(List.of(), said.list);
  }

  @Test
  void theLogSaysOnceThatTheCollectorTakesNoSpansAndOnceThatItDoesAgain() throws IOException {
    AtomicInteger status = new AtomicInteger(404);
    AtomicInteger calls = new AtomicInteger();
    try (HttpListener collector =
            new HttpListener(
                FreePort.pick(),
                (call, connection) -> {
                  connection.send(status.get(), Map.of(), new byte[0]);
                  calls.incrementAndGet();
                });
        Tracing traces = start(collector.port())) {
      // More than the SDK itself says before it says less.
      for (int i = 1; i <= 12; i++) {
        int before = calls.get();
        takeSpan(traces);
        await().atMost(PATIENCE).until(() -> calls.get() > before);
      }
      await().atMost(PATIENCE).until(() -> said.list.size() == 1);
      status.set(200);
      takeSpan(traces);
      await().atMost(PATIENCE).until(() -> said.list.size() == 2);
      takeSpan(traces);
    }

    assertEquals(List.of(Level.WARN, Level.INFO), levels());
    String warning = said.list.get(0).getFormattedMessage();
    assertTrue(warning.contains("HTTP status code 404"), warning);
  }

  @Test
  void theLogSaysThatTheCollectorIsNotThere() {
    try (Tracing traces = start(FreePort.pick(), "otel.exporter.otlp.timeout", "500")) {
      takeSpan(traces);
      await().atMost(PATIENCE).until(() -> !said.list.isEmpty());
      takeSpan(traces);
    }
    assertEquals(List.of(Level.WARN), levels());
    String warning = said.list.get(0).getFormattedMessage();
    assertTrue(warning.contains("could not be executed"), warning);
  }

  @Test
  void closingTakesSecondsWhenTheCollectorNeverAnswers() throws IOException {
    try (HttpListener silent =
        new HttpListener(FreePort.pick(), (call, connection) -> connection.awaitEnd())) {
      Tracing traces = start(silent.port());
      takeSpan(traces);
      long before = System.nanoTime();
      traces.close();
      Duration took = Duration.ofNanos(System.nanoTime() - before);
      assertTrue(took.compareTo(Duration.ofSeconds(5)) < 0, took.toString());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "otel.traces.exporter, s3cret, OTEL_TRACES_EXPORTER",
    "otel.exporter.otlp.protocol, s3cret, OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf",
    "otel.traces.sampler, s3cret, OTEL_TRACES_SAMPLER",
    "otel.bsp.schedule.delay, s3cret, OTEL_BSP_SCHEDULE_DELAY",
    "otel.exporter.otlp.endpoint, s3cret, the endpoint is no http://",
    "otel.exporter.otlp.endpoint, http://user:s3cret@no host, the endpoint is no http://",
    "otel.exporter.otlp.certificate, s3cret, a certificate",
    "otel.exporter.otlp.headers, s3cret, OTEL_EXPORTER_OTLP_HEADERS",
    "otel.exporter.otlp.headers, a=s3cret%zz, OTEL_EXPORTER_OTLP_HEADERS",
    "otel.exporter.otlp.headers, a=s3cret%0ab, OTEL_EXPORTER_OTLP_HEADERS",
    "otel.exporter.otlp.headers, host=s3cret, OTEL_EXPORTER_OTLP_HEADERS",
    "otel.exporter.otlp.headers, 'authorization=Bearer s3cret\nx', OTEL_EXPORTER_OTLP_HEADERS",
    "otel.exporter.otlp.traces.headers, s3cret s3cret=a, OTEL_EXPORTER_OTLP_TRACES_HEADERS",
  })
  void whatTheSdkCannotUseIsRefusedWithoutItsValue(String property, String value, String words) {
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () -> TraceExport.start("1.2.3", Map.of(property, value)))
            .getMessage();
    assertTrue(message.contains(words), message);
    assertFalse(message.contains("s3cret"), message);
    assertEquals(List.of(), said.list);
  }

  @Test
  void anotherPropagatorDoesNotKeepItFromStarting() {
    start(FreePort.pick(), "otel.propagators", "b3").close();
  }
}
