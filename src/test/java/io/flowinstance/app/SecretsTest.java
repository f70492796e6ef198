package io.flowinstance.app;

import static io.flowinstance.harness.SignedPipeline.awaitThat;
import static io.flowinstance.harness.SignedPipeline.newId;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.AppenderBase;
import io.flowinstance.harness.SignedPipeline;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import io.flowinstance.simulator.FaultScope.Endpoint;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.apache.camel.health.HealthCheck;
import org.apache.camel.health.HealthCheckHelper;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** The application's secret and its access tokens stay where they belong, whatever goes wrong. */
class SecretsTest {
  private static final List<String> LOGGERS = List.of("io.flowinstance", "org.apache.camel");

  private final LogText log = new LogText();

  @BeforeEach
  void listen() {
    log.start();
    for (String name : LOGGERS) {
      Logger logger = (Logger) LoggerFactory.getLogger(name);
      logger.setLevel(Level.DEBUG);
      logger.setAdditive(false);
      logger.addAppender(log);
    }
    ((Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME)).addAppender(log);
  }

  @AfterEach
  void listenNoMore() {
    for (String name : LOGGERS) {
      Logger logger = (Logger) LoggerFactory.getLogger(name);
      logger.setLevel(null);
      logger.setAdditive(true);
      logger.detachAppender(log);
    }
    ((Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME)).detachAppender(log);
  }

  @Test
  void noSecretIsPublishedOrLogged() {
    Set<String> secrets = new LinkedHashSet<>();
    SignedPipeline pipeline = SignedPipeline.start(Map.of("fetch.retry-budget-ms", "100"));
    try {
      secrets.add(pipeline.enos().tokens().appSecret());
      for (Fault fault :
          List.of(
              Fault.none(),
              Fault.code(62102),
              Fault.garbage(),
              Fault.reset(),
              Fault.halfBody(),
              Fault.status(500))) {
        serve(pipeline, fault, secrets);
      }
      for (String secret : List.copyOf(secrets)) {
        serve(pipeline, Fault.status(400, "text/html", "<p>" + secret + "</p>"), secrets);
        String large = "{\"status\":62102,\"msg\":\"%s\",\"data\":\"%s\"}";
        serve(pipeline, Fault.body(large.formatted(secret, "x".repeat(100_000))), secrets);
        String wrongType = "{\"status\":0,\"data\":{\"instanceId\":\"1-2\",\"flowId\":\"%s\"}}";
        serve(pipeline, Fault.body(wrongType.formatted(secret)), secrets);
      }
      for (Endpoint refusing : List.of(Endpoint.GET, Endpoint.TOKEN)) {
        for (Fault fault : List.of(Fault.status(401), Fault.code(1203))) {
          pipeline.enos().tokens().expireAll();
          holdFor(pipeline, fault, refusing);
          serve(pipeline, Fault.none(), secrets);
        }
      }
      pipeline.enos().goDown();
      int outages = pipeline.outages();
      pipeline.send(newId());
      awaitThat("the API counts as down", () -> pipeline.outages() > outages);
    } finally {
      pipeline.close();
    }

    assertTrue(secrets.size() > 5, "the secret, and a token for each time that all expired");
    assertFalse(secrets.contains(""));
    List<String> published =
        pipeline.kafka().published().stream().flatMap(SecretsTest::texts).toList();
    assertFalse(published.isEmpty());
    assertTrue(log.lines.stream().anyMatch(line -> line.contains("http")), "DEBUG is logged");
    for (String secret : secrets) {
      assertEquals(List.of(), published.stream().filter(text -> text.contains(secret)).toList());
      assertEquals(List.of(), log.lines.stream().filter(line -> line.contains(secret)).toList());
    }
  }

  /** How a page may spell a token. */
  private static final List<UnaryOperator<String>> SPELLINGS =
      List.of(
          token -> token,
          token -> token.replace("-", "\\u002d"),
          token -> spelled(token, "\\u%04x"),
          token -> spelled(token, "%%%02X"),
          token -> spelled(token, "&#x%x;"));

  private static String spelled(String text, String format) {
    return text.chars().mapToObj(format::formatted).collect(Collectors.joining());
  }

  @Test
  void aPageOf70KibThatQuotesTheTokenLeavesNoTraceOfIt() {
    Queue<String> tokens = new ConcurrentLinkedQueue<>();
    List<String> ids = new ArrayList<>();
    int border = 64 * 1024;
    try (SignedPipeline pipeline = SignedPipeline.start(Map.of("fetch.retry-budget-ms", "100"))) {
      for (UnaryOperator<String> spelling : SPELLINGS) {
        for (int place : List.of(0, border - 20, border - 1, border, 70_000)) {
          for (boolean packed : List.of(false, true)) {
            ids.add(newId());
            pipeline
                .enos()
                .faults()
                .set(
                    (connection, healthy) -> {
                      String token = healthy.request().header("apim-accesstoken").orElseThrow();
                      tokens.add(token);
                      byte[] page = page(place, spelling.apply(token), packed);
                      connection.send(
                          404, packed ? Map.of("Content-Encoding", "gzip") : Map.of(), page);
                    },
                    FaultScope.ids(ids.get(ids.size() - 1)));
          }
        }
      }
      pipeline.sendAndAwait(ids.toArray(String[]::new));
      ids.forEach(id -> assertEquals(1, pipeline.deadLetters(id).size(), id));
      for (HealthCheck.Result result :
          HealthCheckHelper.invoke(pipeline.application().getCamelContext())) {
        log.lines.add(String.valueOf(result.getMessage()) + result.getDetails());
      }
      pipeline.kafka().published().stream().flatMap(SecretsTest::texts).forEach(log.lines::add);
    }

    assertTrue(tokens.size() >= ids.size(), "every page was given");
    List<String> kept = log.lines.stream().map(SecretsTest::plain).toList();
    assertTrue(kept.stream().anyMatch(text -> text.contains("[hidden]")), "pages are quoted");
    for (String token : Set.copyOf(tokens)) {
      for (String piece : List.of(token.substring(0, 12), token.substring(token.length() - 12))) {
        assertEquals(List.of(), kept.stream().filter(text -> text.contains(piece)).toList());
      }
    }
  }

  private static byte[] page(int place, String quoted, boolean packed) throws IOException {
    String begin = ".".repeat(place) + quoted;
    String page = begin + ".".repeat(Math.max(0, 70 * 1024 - begin.length()));
    return packed ? gzip(page) : page.getBytes(UTF_8);
  }

  private static byte[] gzip(String page) throws IOException {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
      out.write(page.getBytes(UTF_8));
    }
    return packed.toByteArray();
  }

  /** A text in which each character is spelled as itself. */
  private static String plain(String text) {
    return Pattern.compile("%(\\p{XDigit}{2})|\\\\+u(\\p{XDigit}{4})|&#x(\\p{XDigit}+);|\\\\(/)")
        .matcher(text)
        .replaceAll(
            spelled ->
                Matcher.quoteReplacement(
                    spelled.group(4) != null
                        ? "/"
                        : Character.toString(
                            Integer.parseInt(
                                spelled.group().replaceAll("[^\\p{XDigit}]", ""), 16))));
  }

  private static void serve(SignedPipeline pipeline, Fault fault, Set<String> secrets) {
    String id = newId();
    pipeline.enos().faults().set(fault, FaultScope.ids(id));
    pipeline.sendAndAwait(id);
    pipeline
        .enos()
        .traffic()
        .lastCall()
        .flatMap(call -> call.header("apim-accesstoken"))
        .ifPresent(secrets::add);
  }

  private static void holdFor(SignedPipeline pipeline, Fault fault, Endpoint on) {
    int outages = pipeline.outages();
    pipeline.enos().faults().set(fault, FaultScope.all().on(on));
    long offset = pipeline.send(newId());
    awaitThat("the API counts as down", () -> pipeline.outages() > outages);
    pipeline.enos().faults().clear();
    pipeline.awaitDone(offset);
  }

  private static Stream<String> texts(ProducerRecord<byte[], byte[]> message) {
    return Stream.concat(
            Stream.of(message.key(), message.value()).filter(bytes -> bytes != null),
            Stream.of(message.headers().toArray()).map(header -> header.value()))
        .map(bytes -> new String(bytes, UTF_8));
  }

  /** What is logged, with the messages and stack traces of all causes. */
  private static final class LogText extends AppenderBase<ILoggingEvent> {
    private final Queue<String> lines = new ConcurrentLinkedQueue<>();

    @Override
    protected void append(ILoggingEvent event) {
      lines.add(event.getFormattedMessage());
      if (event.getThrowableProxy() != null) {
        lines.add(ThrowableProxyUtil.asString(event.getThrowableProxy()));
      }
    }
  }
}
