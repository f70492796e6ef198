package io.flowinstance.routes;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.discover.Watermark;
import io.flowinstance.json.Json;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.health.HealthCheck;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class DiscoverRouteTest extends DiscoverRoutes {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final String NOTHING = page(0);

  /** What the gateway answers to a search for all statuses; one for what runs finds nothing. */
  private volatile Processor gateway = exchange -> respond(exchange, 200, NOTHING);

  @Override
  String interval() {
    return "500";
  }

  @BeforeEach
  void setGateway() {
    gateway(INSTANCES)
        .whenAnyExchangeReceived(
            exchange -> {
              if (body(exchange).path("status").asText().isEmpty()) {
                gateway.process(exchange);
              } else {
                respond(exchange, 200, NOTHING);
              }
            });
  }

  private static JsonNode body(Exchange exchange) throws Exception {
    return Json.read(exchange.getMessage().getBody(String.class));
  }

  private static String page(int count, String... ids) {
    return Stream.of(ids)
        .map("{\"instanceId\":\"%s\"}"::formatted)
        .toList()
        .toString()
        .transform(
            "{\"status\":0,\"data\":{\"flowInsts\":%%s,\"count\":%d}}".formatted(count)::formatted);
  }

  private static void awaitThat(String what, Callable<Boolean> condition) {
    await(what).atMost(PATIENCE).pollInterval(Duration.ofMillis(5)).until(condition);
  }

  private List<String> ids() {
    return kafka.producer().history().stream()
        .filter(message -> message.topic().equals("flow-instance-ids"))
        .map(message -> new String(message.value(), UTF_8))
        .toList();
  }

  private List<Instant> watermarks() {
    return kafka.producer().history().stream()
        .filter(message -> !message.topic().equals("flow-instance-ids"))
        .map(ProducerRecord::value)
        .map(Watermark::read)
        .toList();
  }

  private String health() {
    HealthCheck check =
        context.getRegistry().lookupByNameAndType("discover-health", HealthCheck.class);
    return check.call().getMessage().orElse("");
  }

  private double count(String name) {
    return meters.get("flow.instance.discover." + name).counter().count();
  }

  @Test
  void publishesEachIdOnceAndTheWatermarkOfEachRound() {
    gateway = exchange -> respond(exchange, 200, page(2, "1-1", "1-2"));
    awaitThat("a round", () -> watermarks().size() > 1);
    gateway = exchange -> respond(exchange, 200, page(2, "1-2", "1-3"));
    awaitThat("the new one", () -> ids().contains("1-3"));

    assertEquals(List.of("1-1", "1-2", "1-3"), ids());
    assertEquals(watermarks().stream().sorted().toList(), watermarks());
    assertEquals(3, count("published"));
    assertTrue(count("found") >= 6);
    assertEquals("", health());
    double age = meters.get("flow.instance.discover.watermark.age.seconds").gauge().value();
    assertTrue(age > 0 && age < 20, () -> "age " + age);
  }

  @Test
  void whereAnotherProcessSearchesNothingIsAsked() {
    awaitThat("it searches", () -> !watermarks().isEmpty());
    kafka.lose();
    awaitThat(
        "it stops",
        () -> meters.get("flow.instance.discover.watermark.age.seconds").gauge().value() == 0);
    // A round that was under way may still end.
    int before = gateway(INSTANCES).getReceivedCounter() + 2;
    int published = kafka.producer().history().size();

    await().during(Duration.ofMillis(1_500)).atMost(PATIENCE).until(() -> true);

    assertTrue(gateway(INSTANCES).getReceivedCounter() <= before);
    assertTrue(kafka.producer().history().size() <= published + 1);
  }

  @Test
  void aRoundThatFailsPublishesNothingAndTheNextBeginsWhereItBegan() {
    awaitThat("a round", () -> !watermarks().isEmpty());
    for (Processor failing :
        List.<Processor>of(
            exchange -> respond(exchange, 403, "<html>"),
            exchange -> respond(exchange, 200, "<html>Please log in</html>"),
            exchange -> respond(exchange, 200, "{\"status\":0,\"data\":{}}"),
            exchange -> respond(exchange, 200, page(1, "9".repeat(1 << 20))),
            exchange -> respond(exchange, 200, page(1, "\\u001b]52;c;x\\nERROR forged")),
            exchange -> {
              throw new SocketTimeoutException("Read timed out");
            })) {
      double failures = count("failures");
      gateway = failing;
      awaitThat("it fails", () -> count("failures") > failures);
      int published = watermarks().size();
      awaitThat("it fails again", () -> count("failures") > failures + 1);
      assertEquals(published, watermarks().size());
      assertTrue(
          health().startsWith("The EnOS API cannot be searched for new instances. "), health());
      assertTrue(health().matches("\\P{Cntrl}{1,500}"), health());
      gateway = exchange -> respond(exchange, 200, NOTHING);
      awaitThat("it heals", () -> health().isEmpty());
    }
    assertEquals(List.of(), ids());
  }

  @Test
  void anIdThatNoRecordMayHaveKeepsNoOtherFromBeingSent() {
    awaitThat("a round", () -> !watermarks().isEmpty());
    gateway = exchange -> respond(exchange, 200, page(2, "1-1", "9".repeat(1 << 20)));

    awaitThat("the other", () -> ids().equals(List.of("1-1")));
    awaitThat("it says that one is missing", () -> !health().isEmpty());
    assertTrue(
        health()
            .startsWith(
                "The search found an instance whose instanceId has 1048576 characters, at most 256"
                    + " are taken. Discover leaves it out, so discover's watermark stays at"),
        health());
    assertEquals(0, count("failures"));
  }

  @Test
  void aRoundThatIsNotPublishedIsToldOf() {
    awaitThat("a round", () -> !watermarks().isEmpty());
    kafka.producer().commitTransactionException = new KafkaException("no");
    awaitThat("it says so", () -> !health().isEmpty());
    assertEquals("The ids of new instances cannot be published. Kafka: no", health());

    kafka.producer().commitTransactionException = null;
    gateway = exchange -> respond(exchange, 200, page(1, "1-9"));
    awaitThat("it heals", () -> ids().equals(List.of("1-9")) && health().isEmpty());
  }

  @Test
  void aSearchThatIsUnderWayKeepsNoProcessFromStopping() throws Exception {
    CountDownLatch searching = new CountDownLatch(1);
    gateway =
        exchange -> {
          searching.countDown();
          new CountDownLatch(1).await();
        };
    assertTrue(searching.await(20, TimeUnit.SECONDS));

    assertTimeoutPreemptively(Duration.ofSeconds(8), context::stop);

    assertEquals(List.of(), kafka.producer().history());
    assertTrue(kafka.isClosed());
    assertEquals(0, count("failures"));
  }

  @Test
  void pagesThatAreFewerThanTheApiCountsLeaveTheWatermark() {
    awaitThat("a round", () -> !watermarks().isEmpty());
    gateway = exchange -> respond(exchange, 200, page(2, "1-1"));
    awaitThat("its id", () -> ids().equals(List.of("1-1")));
    int rounds = watermarks().size();
    awaitThat("two more", () -> watermarks().size() > rounds + 1);

    assertEquals(1, watermarks().subList(rounds - 1, rounds + 2).stream().distinct().count());
    assertEquals(List.of("1-1"), ids());
    awaitThat(
        "it says so",
        () ->
            health()
                .startsWith(
                    "EnOS counts more instances than its pages contain, so discover's watermark"
                        + " stays at"));
    assertEquals(1, meters.get("flow.instance.discover.up").gauge().value());
    gateway = exchange -> respond(exchange, 200, page(1, "1-1"));
    awaitThat("it heals", () -> health().isEmpty());
  }
}
