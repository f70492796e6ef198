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
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;
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
