package io.flowinstance.command;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.json.Json;
import io.flowinstance.simulator.ApiRequest;
import io.flowinstance.simulator.EnosSimulator;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import io.flowinstance.simulator.FaultScope.Endpoint;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What {@code send-ids --from --to} finds; nothing is sent, so no Kafka is needed. */
class SearchTest {
  private static EnosSimulator enos;
  private static final List<String> IDS = new ArrayList<>();

  @BeforeAll
  static void start() {
    enos = EnosSimulator.start();
    enos.requireSignature(true);
    for (int minute = 0; minute < 250; minute++) {
      IDS.add("1001-20260101%02d%02d00".formatted(minute / 60, minute % 60));
    }
    enos.instances().know(IDS);
  }

  @AfterAll
  static void stop() {
    enos.close();
  }

  @AfterEach
  void removeFaults() {
    enos.faults().clear();
    enos.traffic().clear();
  }

  private static CommandRun find(String version, String... more) {
    Map<String, String> environment = new HashMap<>(CommandRun.api(enos.baseUrl()));
    environment.put("ENOS_API_VERSION", version);
    environment.put("ENOS_AUTH", "signed");
    environment.put("ENOS_APP_KEY", enos.tokens().appKey());
    environment.put("ENOS_APP_SECRET", enos.tokens().appSecret());
    List<String> args = new ArrayList<>(List.of("send-ids", "--dry-run", "--type", "PERIODIC"));
    args.addAll(List.of(more));
    return CommandRun.of(environment, args.toArray(String[]::new));
  }

  @ParameterizedTest
  @CsvSource({"v2.0, dataflow-batch-service", "v2.1, batch-processing-service"})
  void readsAllPagesByThePageCountOfTheVersion(String version, String service) {
    CommandRun run = find(version, "--from", "2026-01-01", "--to", "2026-01-02");

    assertEquals(0, run.exitCode(), run.err());
    assertEquals(IDS, run.lines());
    assertEquals(
        Map.of("/" + service + "/" + version + "/flowInstances?action=search", 3L), calls());
  }

  private static Map<String, Long> calls() {
    Map<String, Long> calls = new HashMap<>(enos.traffic().callsByPath());
    calls.keySet().removeIf(path -> path.contains("token"));
    return calls;
  }

  @Test
  void takesFromAndLeavesTo() {
    CommandRun run = find("v2.0", "--from", "2026-01-01T00:10", "--to", "2026-01-01T00:12");

    assertEquals(IDS.subList(10, 12), run.lines());
  }

  @Test
  void asksForTheStatusesByTheirNumbersOnBehalfOfTheUser() throws Exception {
    CommandRun run =
        find(
            "v2.0",
            "--from",
            "2026-01-01",
            "--to",
            "2026-01-02",
            "--status",
            "fail,SUCCESS,TIMEOUT");

    assertEquals("", run.out(), "all of them are INIT");
    ApiRequest request = enos.traffic().lastCall().orElseThrow();
    assertEquals("POST", request.method());
    assertEquals("yourUserId", request.parameter("userId").orElseThrow());
    assertEquals("yourOrgId", request.parameter("orgId").orElseThrow());
    JsonNode body = Json.read(new String(request.body(), UTF_8));
    assertEquals("-1,1,7", body.path("status").asText());
    assertEquals(1, body.path("type").asInt());
  }

  @Test
  void asksForEachTypeAndNamesAnInstanceOnce() {
    String same =
        "{\"status\":0,\"data\":{\"count\":1,\"flowInsts\":[{\"instanceId\":\"%s\"}]}}"
            .formatted(IDS.get(10));
    enos.faults().set(Fault.body(same), FaultScope.all().on(Endpoint.SEARCH));

    CommandRun run =
        find(
            "v2.0",
            "--type",
            "MANUAL,TEMPORARY",
            "--from",
            "2026-01-01T00:10",
            "--to",
            "2026-01-01T00:12");

    assertEquals(IDS.subList(10, 11), run.lines());
    assertEquals(3L, calls().values().stream().mapToLong(Long::longValue).sum());
  }

  @Test
  void asksAgainWhenAFailureMayPass() {
    enos.faults().set(Fault.status(503), FaultScope.next(2));

    assertEquals(IDS, find("v2.0", "--from", "2026-01-01", "--to", "2026-01-02").lines());
  }

  @Test
  void saysSoWhenThePagesHoldLessThanTheApiCounts() {
    enos.faults()
        .set(
            Fault.body(
                "{\"status\":0,\"data\":{\"flowInsts\":[{\"instanceId\":\"{7\"}],\"count\":2}}"),
            FaultScope.all());

    CommandRun run = find("v2.0", "--from", "2026-01-01", "--to", "2026-01-02");

    assertEquals(1, run.exitCode());
    assertEquals(List.of("{\"flowInstId\":\"{7\"}"), run.lines(), "or it would be read as JSON");
    assertTrue(run.err().contains("EnOS counts 2 instances of type PERIODIC"), run.err());
  }

  @Test
  void reportsAnAnswerThatIsNoPage() {
    enos.faults().set(Fault.body("{\"status\":0,\"data\":{}}"), FaultScope.all());

    CommandRun run = find("v2.0", "--from", "2026-01-01", "--to", "2026-01-02");

    assertEquals(1, run.exitCode());
    assertTrue(
        run.err().startsWith("The answer to the search has no flowInsts. Check enos.base-url"),
        run.err());
  }
}
