package io.flowinstance.app;

import static io.flowinstance.harness.SignedPipeline.DEAD_LETTERS;
import static io.flowinstance.harness.SignedPipeline.FLOW_INSTANCES;
import static io.flowinstance.harness.SignedPipeline.awaitThat;
import static io.flowinstance.harness.SignedPipeline.newId;
import static io.flowinstance.harness.SignedPipeline.newIds;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.harness.SignedPipeline;
import io.flowinstance.simulator.EnosSimulator;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import io.flowinstance.simulator.FaultScope.Endpoint;
import io.flowinstance.simulator.Latency;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** While the API is down, or refuses us, nothing becomes a dead letter and nothing is lost. */
class OutageTest {
  private static final Map<String, String> SETTINGS =
      Map.of(
          "fetch.concurrency", "16",
          "fetch.timeout-ms", "400",
          "fetch.retry-budget-ms", "300",
          "batch.max-records", "50");

  private static final Latency HEALTHY = Latency.fixed(Duration.ofMillis(5));

  private enum Outage {
    REFUSED_CONNECTIONS(EnosSimulator::goDown, EnosSimulator::comeUp),
    UNAVAILABLE(
        enos -> enos.faults().set(Fault.status(503), FaultScope.all()),
        enos -> enos.faults().clear()),
    UNAVAILABLE_BUT_FOR_ITS_CLOCK(
        enos -> enos.faults().set(Fault.status(500), FaultScope.all().on(Endpoint.GET)),
        enos -> enos.faults().clear()),
    UNAUTHORIZED(
        enos -> enos.faults().set(Fault.status(401), FaultScope.all()),
        enos -> enos.faults().clear()),
    FORBIDDEN(
        enos -> enos.faults().set(Fault.status(403), FaultScope.all()),
        enos -> enos.faults().clear()),
    NO_ROUTE(
        enos -> enos.faults().set(Fault.status(404, "text/html", "<html>"), FaultScope.all()),
        enos -> enos.faults().clear()),
    LOGIN_PAGE(
        enos -> enos.faults().set(Fault.status(200, "text/html", "<html>"), FaultScope.all()),
        enos -> enos.faults().clear()),
    RATE_LIMITED(
        enos -> enos.faults().set(Fault.status(429), FaultScope.all()),
        enos -> enos.faults().clear()),
    UNKNOWN_USER(
        enos -> enos.faults().set(Fault.code(62101), FaultScope.all().on(Endpoint.GET)),
        enos -> enos.faults().clear()),
    TOO_SLOW(
        enos -> enos.faults().latency(Latency.fixed(Duration.ofMillis(800))),
        enos -> enos.faults().latency(HEALTHY));

    private final Consumer<EnosSimulator> begin;
    private final Consumer<EnosSimulator> end;

    Outage(Consumer<EnosSimulator> begin, Consumer<EnosSimulator> end) {
      this.begin = begin;
      this.end = end;
    }
  }

  @Test
  void aSecretThatIsReplacedOnDiskEndsAnOutageWithoutARestart(@TempDir Path folder)
      throws IOException {
    Path key = folder.resolve("key");
    Path secret = folder.resolve("secret");
    Files.writeString(key, "flow-instance-routes");
    Files.writeString(secret, "of yesterday");
    String id = newId();
    try (SignedPipeline pipeline = SignedPipeline.startWithSecretsIn(key, secret)) {
      long offset = pipeline.send(id);
      awaitThat("the token service refuses the secret", () -> !pipeline.isUp());
      assertEquals(0, pipeline.kafka().published().size());

      Files.writeString(key, pipeline.enos().tokens().appKey());
      Files.writeString(secret, pipeline.enos().tokens().appSecret());
      pipeline.awaitDone(offset);

      pipeline.assertServedOnce(List.of(id));
    }
  }

  @ParameterizedTest
  @EnumSource
  void anOutageUnderLoadCostsNoIdItsEvents(Outage outage) {
    List<String> ids = new ArrayList<>(newIds(300));
    try (SignedPipeline pipeline = SignedPipeline.start(SETTINGS)) {
      pipeline.enos().faults().latency(HEALTHY);
      ids.forEach(pipeline::send);
      awaitThat("some ids are done", () -> pipeline.kafka().committedOffset() >= 50);

      outage.begin.accept(pipeline.enos());
      List<String> sentMeanwhile = newIds(50);
      ids.addAll(sentMeanwhile);
      long last = sentMeanwhile.stream().mapToLong(pipeline::send).max().orElseThrow();
      awaitThat("the API counts as down", () -> !pipeline.isUp());
      assertEquals(List.of(), pipeline.published(DEAD_LETTERS));
      assertTrue(pipeline.published(FLOW_INSTANCES).size() < ids.size());
      outage.end.accept(pipeline.enos());

      pipeline.awaitDone(last);
      pipeline.assertServedOnce(ids);
      assertEquals(List.of(), pipeline.published(DEAD_LETTERS));
      assertEquals(2 * ids.size(), pipeline.kafka().published().size());
      assertTrue(pipeline.isUp());
    }
  }

  @Test
  void anIdThatFailedBeforeTheOutageIsNotBlamedForIt() {
    String first = newId();
    String other = newId();
    try (SignedPipeline pipeline =
        SignedPipeline.start(Map.of("fetch.retry-budget-ms", "1000"), List.of(first, other))) {
      pipeline.enos().faults().set(Fault.status(500), FaultScope.ids(first));
      awaitThat("one is answered", () -> pipeline.enos().traffic().callsOf(other) == 1);
      pipeline.enos().faults().set(Fault.status(503), FaultScope.all());

      awaitThat(
          "the API counts as down, or ids are done",
          () -> pipeline.outages() > 0 || pipeline.kafka().committedOffset() > 0);
      assertEquals(List.of(), pipeline.published(DEAD_LETTERS));

      pipeline.enos().faults().clear();
      pipeline.awaitDone(1);
      pipeline.assertServedOnce(List.of(first, other));
    }
  }

  @Test
  void callsThatWaitForTheirTurnAreNotMadeInAnOutage() {
    List<String> ids = newIds(200);
    try (SignedPipeline pipeline =
        SignedPipeline.start(Map.of("fetch.concurrency", "4", "fetch.timeout-ms", "400"))) {
      pipeline.serve(4);
      pipeline.enos().faults().latency(Latency.fixed(Duration.ofMillis(800)));
      long last = ids.stream().mapToLong(pipeline::send).max().orElseThrow();
      awaitThat("the API counts as down", () -> !pipeline.isUp());
      pipeline.enos().traffic().clear();
      awaitThat("canaries are asked for", () -> pipeline.enos().traffic().calls() >= 6);
      long called = ids.stream().filter(id -> pipeline.enos().traffic().callsOf(id) > 0).count();
      // Those whose call had begun.
      assertTrue(called <= 4, called + " ids were called");

      pipeline.enos().faults().latency(HEALTHY);
      pipeline.awaitDone(last);
      pipeline.assertServedOnce(ids);
    }
  }

  @Test
  void anOutageTakesNothingOfTheRetryBudget() {
    String id = newId();
    try (SignedPipeline pipeline =
        SignedPipeline.start(Map.of("fetch.timeout-ms", "400", "fetch.retry-budget-ms", "600"))) {
      pipeline.serve(50);
      pipeline.enos().faults().latency(Latency.fixed(Duration.ofMillis(800)));
      long offset = pipeline.send(id);
      awaitThat("the API counts as down", () -> !pipeline.isUp());

      pipeline.enos().faults().set(Fault.status(503), FaultScope.ids(id).times(2));
      pipeline.enos().faults().latency(HEALTHY);
      pipeline.awaitDone(offset);
      pipeline.assertServedOnce(List.of(id));
    }
  }

  @Test
  void idsWaitInAnOutageWithoutBeingPolledAgain() {
    List<String> ids = newIds(100);
    try (SignedPipeline pipeline =
        SignedPipeline.start(Map.of("fetch.retry-budget-ms", "200", "fetch.timeout-ms", "500"))) {
      pipeline.warmUp();
      long warm = pipeline.kafka().committedOffset();
      pipeline.enos().goDown();
      long last = ids.stream().mapToLong(pipeline::send).max().orElseThrow();
      awaitThat("the API counts as down", () -> !pipeline.isUp());
      pipeline.enos().comeUp();
      pipeline.enos().faults().set(Fault.status(503), FaultScope.all());
      // A call that was about to be made when the API went down may still come.
      awaitThat("probes come", () -> pipeline.enos().traffic().calls() >= 2);
      pipeline.enos().traffic().clear();
      awaitThat("probes go on", () -> pipeline.enos().traffic().calls() >= 4);

      assertEquals(0, ids.stream().mapToLong(pipeline.enos().traffic()::callsOf).sum());
      assertEquals(1, pipeline.outages());
      assertEquals(warm, pipeline.kafka().committedOffset());
      pipeline.enos().faults().clear();
      pipeline.awaitDone(last);
      pipeline.assertServedOnce(ids);
      assertEquals(List.of(), pipeline.published(DEAD_LETTERS));
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"REFUSED_CONNECTIONS", "UNAUTHORIZED", "TOO_SLOW"})
  void theProcessStopsAtOnceWhileIdsAreHeldAndCommitsNoneOfThem(Outage outage) {
    List<String> ids = newIds(100);
    SignedPipeline pipeline = SignedPipeline.start(SETTINGS);
    try {
      pipeline.warmUp();
      long warm = pipeline.kafka().committedOffset();
      outage.begin.accept(pipeline.enos());
      ids.forEach(pipeline::send);
      awaitThat("the API counts as down", () -> pipeline.outages() > 0);

      long before = System.nanoTime();
      pipeline.application().stop();
      Duration took = Duration.ofNanos(System.nanoTime() - before);

      assertTrue(took.compareTo(Duration.ofSeconds(5)) < 0, took.toString());
      assertEquals(warm, pipeline.kafka().committedOffset());
      pipeline.assertNotServed(ids);
      assertFalse(pipeline.kafka().published().isEmpty());
      assertEquals(List.of(), pipeline.published(DEAD_LETTERS));
    } finally {
      pipeline.close();
    }
  }
}
