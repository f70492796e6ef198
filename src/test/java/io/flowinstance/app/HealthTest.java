package io.flowinstance.app;

import static io.flowinstance.harness.SignedPipeline.awaitThat;
import static io.flowinstance.harness.SignedPipeline.newId;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.flowinstance.harness.SignedPipeline;
import io.flowinstance.kafka.KafkaHealth;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.camel.health.HealthCheck;
import org.apache.camel.health.HealthCheckHelper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** What takes readiness down, what liveness, and that each says so in words. */
class HealthTest {
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(60);
  private static final Duration LONGEST_PUBLISH = Duration.ofSeconds(30);

  private SignedPipeline pipeline;

  @BeforeEach
  void start() {
    pipeline = SignedPipeline.start(Map.of());
    pipeline.warmUp();
  }

  @AfterEach
  void stop() {
    pipeline.kafka().goOn();
    pipeline.close();
  }

  private Map<String, String> notReady() {
    return down(HealthCheckHelper.invokeReadiness(pipeline.application().getCamelContext()));
  }

  private Map<String, String> notAlive() {
    return down(HealthCheckHelper.invokeLiveness(pipeline.application().getCamelContext()));
  }

  private static Map<String, String> down(Collection<HealthCheck.Result> results) {
    Map<String, String> down = new TreeMap<>();
    for (HealthCheck.Result result : results) {
      if (result.getState() == HealthCheck.State.DOWN) {
        down.put(result.getCheck().getId(), result.getMessage().orElseThrow());
      }
    }
    return down;
  }

  @Test
  void aManagementPortThatIsTakenIsAFailedStart() throws Exception {
    try (ServerSocket taken = new ServerSocket(0)) {
      Map<String, String> settings =
          Map.of("management.port", Integer.toString(taken.getLocalPort()));

      String message =
          assertThrows(IllegalStateException.class, () -> SignedPipeline.start(settings))
              .getMessage();

      assertTrue(message.startsWith("The pipeline did not start: management.port"), message);
    }
  }

  @Test
  void aConsumerThatHasHadNothingToDoForLongIsWell() {
    pipeline.kafka().skip(LONGEST_PAUSE.multipliedBy(2));

    awaitThat("it polls", () -> notAlive().isEmpty());
    awaitThat("the brokers answer", () -> notReady().isEmpty());
  }

  @Test
  void aLostBrokerTakesReadinessDownAlone() {
    pipeline.kafka().answers(false);
    assertEquals(Map.of(), notReady(), "a connection may break");
    pipeline.kafka().skip(Duration.ofSeconds(4));

    Map<String, String> down = notReady();
    assertEquals(Set.of("kafka"), down.keySet());
    assertTrue(
        down.get("kafka").startsWith("Kafka does not answer at in-memory:9092."), down::toString);
    assertEquals(Map.of(), notAlive());

    pipeline.kafka().answers(true);
    awaitThat("it is ready again", () -> notReady().isEmpty());
  }

  @Test
  void aLostBrokerIsLoggedOnceAndSoIsItsReturn() {
    ListAppender<ILoggingEvent> log = new ListAppender<>();
    log.start();
    Logger logger = (Logger) LoggerFactory.getLogger(KafkaHealth.class);
    logger.setLevel(Level.INFO);
    logger.addAppender(log);
    try {
      pipeline.kafka().answers(false);
      pipeline.kafka().skip(Duration.ofSeconds(4));
      notReady();
      pipeline.kafka().skip(Duration.ofMinutes(1));
      notReady();
      pipeline.kafka().answers(true);
      awaitThat("it is ready again", () -> notReady().isEmpty());
      notReady();
    } finally {
      logger.detachAppender(log);
      logger.setLevel(null);
    }
    assertEquals(
        List.of("Kafka does not answer at in-memory:9092; trying again.", "Kafka answers again."),
        log.list.stream().map(ILoggingEvent::getFormattedMessage).toList());
  }

  @Test
  void aConsumerOutsideTheGroupTakesReadinessDownAlone() {
    pipeline.kafka().putOutOfTheGroup();
    awaitThat("it is out", () -> !notReady().isEmpty());

    Map<String, String> down = notReady();
    assertEquals(Set.of("consumer-group"), down.keySet());
    assertTrue(
        down.get("consumer-group").startsWith("Not in the consumer group: consumer 0."),
        down::toString);
    assertEquals(Map.of(), notAlive());
  }

  @Test
  void anApiThatIsDownTakesReadinessDownAloneAsLongAsIdsAreHeld() {
    pipeline.enos().goDown();
    long offset = pipeline.send(newId());
    awaitThat("the API counts as down", () -> notReady().containsKey("enos-api"));
    pipeline.kafka().skip(LONGEST_PUBLISH.multipliedBy(10));

    awaitThat("only the API is down", () -> notReady().keySet().equals(Set.of("enos-api")));
    assertEquals(Map.of(), notAlive());

    pipeline.enos().comeUp();
    pipeline.awaitDone(offset);
    awaitThat("it is ready again", () -> notReady().isEmpty());
  }

  @Test
  void aTokenServiceThatRefusesThisApplicationIsNamed() {
    pipeline.enos().tokens().expireAll();
    pipeline.enos().tokens().refuse(1002);
    long offset = pipeline.send(newId());
    awaitThat("it has been asked", () -> notReady().containsKey("enos-token"));

    String message = notReady().get("enos-token");
    assertTrue(message.startsWith("The token service gave no token."), message);
    assertTrue(message.contains("enos.app-secret"), message);
    assertEquals(Map.of(), notAlive());

    pipeline.enos().tokens().refuse(0);
    pipeline.awaitDone(offset);
    awaitThat("it is ready again", () -> notReady().isEmpty());
  }

  @Test
  void aCommitThatHangsTakesReadinessDownAndNeverLiveness() {
    pipeline.kafka().hang();
    long offset = pipeline.send(newId());
    awaitThat("it is published", () -> pipeline.kafka().isCommitting());
    assertEquals(Map.of(), notReady());

    pipeline.kafka().skip(LONGEST_PUBLISH.plusSeconds(1));
    awaitThat("the commit alone is late", () -> notReady().keySet().equals(Set.of("commits")));
    String message = notReady().get("commits");
    assertTrue(message.startsWith("Outcomes of consumer 0 are ready and have not been"), message);
    pipeline.kafka().skip(LONGEST_PAUSE.multipliedBy(10));
    awaitThat("it polls", () -> notAlive().isEmpty());

    pipeline.kafka().goOn();
    pipeline.awaitDone(offset);
    awaitThat("it is ready again", () -> notReady().isEmpty());
  }

  @Test
  void whileKafkaDoesNotAnswerNothingElseSaysThatOutcomesWait() {
    pipeline.kafka().hang();
    long offset = pipeline.send(newId());
    awaitThat("it is published", () -> pipeline.kafka().isCommitting());
    pipeline.kafka().answers(false);
    pipeline.kafka().skip(LONGEST_PUBLISH.plusSeconds(1));

    awaitThat("Kafka alone is down", () -> notReady().keySet().equals(Set.of("kafka")));

    pipeline.kafka().answers(true);
    pipeline.kafka().goOn();
    pipeline.awaitDone(offset);
    awaitThat("it is ready again", () -> notReady().isEmpty());
  }
}
