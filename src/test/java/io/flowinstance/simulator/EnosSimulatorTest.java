package io.flowinstance.simulator;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.flowinstance.simulator.FaultScope.Endpoint;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Phaser;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class EnosSimulatorTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String V20 = "/dataflow-batch-service/v2.0/";
  private static final String V21 = "/batch-processing-service/v2.1/";

  private final EnosSimulator simulator = EnosSimulator.start();
  private final HttpClient client = HttpClient.newHttpClient();

  @AfterEach
  void stop() {
    simulator.close();
  }

  @Test
  void givesThePagesSampleToTheLetter() throws Exception {
    JsonNode answer = get("2438-201907261239");
    assertEquals(" Success", answer.get("msg").asText());
    JsonNode data = answer.get("data");
    assertEquals("2019-07-26 20:39:00", data.get("triggerTime").asText());
    assertEquals(
        "{\"creator\":\"yourCreator\",\"freq\":\"0 1/1 * * * ? *\",\"alertMode\":3,\"owners\":\";yourOwners;\","
            + "\"cycle\":\"mi\",\"doAs\":\"yourDoAs\",\"flows\":[],\"alertTo\":\"\",\"name\":\"rew\","
            + "\"instId\":\"2438-201907261239\",\"id\":2438,\"relations\":[],\"parameters\":\"[]\",\"appId\":\"\","
            + "\"tasks\":[{\"taskName\":\"fr\",\"taskInstId\":\"104452-201907261239\",\"x\":0.0198,\"y\":0.0045,"
            + "\"taskId\":104452,\"nodeId\":\"t_104452\",\"status\":\"SUCCESS\"}]}",
        data.get("graph").asText());
  }

  @Test
  void wrapsAndTrimsAsVersion21Does() throws Exception {
    JsonNode answer = json(send(instance(V21, "2438-201907261239")));
    assertEquals(0, answer.get("code").asInt());
    assertEquals("OK", answer.get("msg").asText());
    assertFalse(answer.at("/data/graph").asText().contains("alertTo"));
  }

  @Test
  void escapesParametersTwiceAndMixesTheSpellingOfKeys() throws Exception {
    JsonNode data = get("1001-20260101120000").get("data");
    JsonNode graph = JSON.readTree(data.get("graph").asText());
    assertEquals("path", JSON.readTree(graph.get("parameters").asText()).at("/0/key").asText());
    assertEquals("2026-01-01 12:00:00", data.get("triggerTime").asText());
    assertEquals("100100-20260101120000", graph.at("/tasks/0/taskInstId").asText());
    assertEquals("100101-20260101120000", graph.at("/tasks/1/task_inst_id").asText());
    assertTrue(graph.at("/tasks/0/taskId").isNumber());
    assertTrue(graph.at("/tasks/1/task_id").isTextual());
  }

  @ParameterizedTest
  @CsvSource({
    "1001, INIT:INIT RUNNING:RUNNING RUNNING:SUCCESS, SUCCESS",
    "1003, INIT:INIT RUNNING:RUNNING RUNNING:SUCCESS, SUCCESS",
    "1005, INIT:INIT RUNNING:RUNNING RUNNING:SUCCESS, FAIL",
  })
  void goesAStepOnWithEachGet(int flowId, String firstSteps, String end) throws Exception {
    String id = flowId + "-2026010112";
    List<String> steps = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      JsonNode data = get(id).get("data");
      JsonNode task = JSON.readTree(data.get("graph").asText()).at("/tasks/0/status");
      steps.add(data.get("statusDesc").asText() + ":" + task.asText());
    }
    assertEquals(firstSteps, String.join(" ", steps));
    simulator.instances().advance(id, 1000);
    assertEquals(end, get(id).at("/data/statusDesc").asText());
  }

  @Test
  void leavesWhatIsDownstreamOfAFailedTaskUnbegun() throws Exception {
    simulator.instances().frozen(true);
    JsonNode graph = JSON.readTree(get("1005-202601011200").at("/data/graph").asText());
    List<String> statuses = new ArrayList<>();
    graph.get("tasks").forEach(task -> statuses.add(task.get("status").asText()));
    assertEquals(List.of("SUCCESS", "SUCCESS", "FAIL", "INIT"), statuses);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"404-20260101120000", "1001", "1001-2026", "x-2026010100", "100000-2026010100"})
  void doesNotKnowSuchIds(String id) throws Exception {
    assertEquals(62102, get(id).get("status").asInt());
  }

  @Test
  void drawsAsManyTasksAsTheFlowIdSays() throws Exception {
    String body = get("150000-0000000001").at("/data/graph").asText();
    JsonNode graph = JSON.readTree(body);
    Set<String> distinct = new TreeSet<>();
    graph
        .get("tasks")
        .forEach(t -> distinct.add(t.path("nodeId").asText() + t.path("node_id").asText()));
    assertEquals(50_000, distinct.size());
    assertEquals(49_999, graph.get("relations").size());
  }

  @ParameterizedTest
  @CsvSource({V20 + ", 0", V21 + ", 1"})
  void searchesPageByPage(String root, int firstPage) throws Exception {
    simulator.instances().frozen(true);
    simulator
        .instances()
        .know(
            List.of(
                "1001-20260101000000",
                "1002-20260101010000",
                "1005-20260101020000",
                "1003-20260102000000"));
    long day = Instant.parse("2026-01-01T00:00:00Z").toEpochMilli();
    String window = "\"fromTriggerTime\":" + day + ",\"toTriggerTime\":" + (day + 86_400_000);
    JsonNode all =
        search(
            root,
            "{"
                + window
                + ",\"status\":\"\",\"pagination\":{\"pageSize\":2,\"pageNo\":"
                + (firstPage + 1)
                + "}}");
    assertEquals(3, all.get("count").asInt());
    assertEquals(1, all.get("flowInsts").size());
    assertEquals("1005-20260101020000", all.at("/flowInsts/0/instanceId").asText());
    JsonNode failed = search(root, "{" + window + ",\"status\":\"-1\"}");
    assertEquals("1005-20260101020000", failed.at("/flowInsts/0/instanceId").asText());
    assertEquals(1, failed.get("count").asInt());
  }

  @Test
  void aStartedInstanceGoesOnByTheClockAndNotByGets() throws Exception {
    String id = "1003-20260101120000";
    Duration hour = Duration.ofHours(1);
    Instant now = Instant.now();
    List<String> seen = new ArrayList<>();
    for (long minutes : List.of(-30L, 30L, 90L, 150L, 500L)) {
      simulator.instances().start(id, now.minus(Duration.ofMinutes(minutes)), hour);
      assertEquals(get(id), get(id));
      JsonNode data = get(id).get("data");
      JsonNode task = JSON.readTree(data.get("graph").asText()).at("/tasks/0/status");
      seen.add(data.get("statusDesc").asText() + ":" + task.asText());
    }
    assertEquals(
        List.of("INIT:INIT", "INIT:INIT", "RUNNING:RUNNING", "RUNNING:SUCCESS", "SUCCESS:SUCCESS"),
        seen);
  }

  @Test
  void aRerunBeginsAsRerunWithANewStartTimeAndSucceedsWhereItFailed() throws Exception {
    String id = "1005-20260101121500";
    simulator.instances().start(id, Instant.parse("2026-01-01T12:15:00Z"), Duration.ofSeconds(10));
    JsonNode failed = get(id).get("data");
    assertEquals("FAIL", failed.get("statusDesc").asText());
    assertEquals("2026-01-01 12:15:00", failed.get("startTime").asText());
    assertEquals("2026-01-01 12:16:00", failed.get("endTime").asText());

    simulator.instances().rerun(id, Instant.now());
    JsonNode rerun = get(id).get("data");
    assertEquals(9, rerun.get("status").asInt());
    assertTrue(rerun.get("startTime").asText().compareTo("2026-01-01 12:16:00") > 0);
    assertThrows(
        IllegalArgumentException.class, () -> simulator.instances().rerun(id, Instant.now()));
    assertEquals(
        List.of("INIT", "RUNNING", "FAIL", "RERUN", "RUNNING", "SUCCESS"),
        simulator.instances().changes(id, Instant.now().plusSeconds(60)).stream()
            .filter(change -> change.taskInstId().isEmpty())
            .map(StatusChange::status)
            .toList());
  }

  @Test
  void changesAreWhatAReaderOfEveryStepSees() throws Exception {
    String id = "1003-20260101120000";
    Instant now = Instant.now();
    List<String> seen = new ArrayList<>();
    String before = "";
    for (int step = 0; step <= 6; step++) {
      simulator
          .instances()
          .start(id, now.minus(Duration.ofHours(step)).minusSeconds(60), Duration.ofHours(1));
      String statuses = JSON.readTree(get(id).at("/data/graph").asText()).findValues("status") + "";
      if (!statuses.equals(before)) {
        seen.add(statuses);
        before = statuses;
      }
    }
    List<StatusChange> changes = simulator.instances().changes(id, now);
    assertEquals(7, seen.size());
    assertEquals(4 + 4 + 4, changes.stream().filter(c -> !c.taskInstId().isEmpty()).count());
    assertEquals(3, changes.stream().filter(c -> c.taskInstId().isEmpty()).count());
    assertEquals(7, changes.stream().map(StatusChange::at).distinct().count());
  }

  @ParameterizedTest
  @CsvSource({V20 + ", 0", V21 + ", 1"})
  void aSearchFindsStartedInstancesAsAGetShowsThem(String root, int firstPage) throws Exception {
    simulator.instances().start("1001-20260101000000", Instant.now(), Duration.ofHours(1));
    simulator.instances().start("1003-20260101000001", Instant.now(), Duration.ofHours(1));
    simulator.instances().start("1005-20260101000002", Instant.EPOCH, Duration.ofSeconds(1));
    simulator.instances().start("7-20260101000003", Instant.EPOCH, Duration.ofSeconds(1));
    List<String> found = new ArrayList<>();
    for (int page = firstPage; page < firstPage + 4; page++) {
      String paging = "{\"pagination\":{\"pageSize\":1,\"pageNo\":" + page + "}}";
      JsonNode instance = search(root, paging).at("/flowInsts/0");
      found.add(instance.get("instanceId").asText());
      assertEquals(
          json(send(instance(root, instance.get("instanceId").asText()))).get("data"), instance);
    }
    assertEquals(
        List.of(
            "1001-20260101000000",
            "1003-20260101000001",
            "1005-20260101000002",
            "7-20260101000003"),
        found);
    assertEquals(1, search(root, "{\"status\":\"-1\"}").get("count").asInt());
    assertEquals(2, search(root, "{\"status\":\"0\"}").get("count").asInt());
    assertEquals(1, search(root, "{\"type\":0}").get("count").asInt());
    assertEquals(3, search(root, "{\"type\":1}").get("count").asInt());
    assertEquals(1, search(root, "{\"owner\":\"dora\"}").get("count").asInt());
  }

  @Test
  void startsAndRerunsWhenToldOverHttp() throws Exception {
    JsonNode first = control("start", "{\"flowId\":1001,\"stepMs\":1}");
    JsonNode second = control("start", "{\"flowId\":1001,\"stepMs\":3600000}");
    String id = first.at("/ids/0").asText();
    String other = second.at("/ids/0").asText();
    assertFalse(id.equals(other));
    assertEquals(2, search(V20, "{}").get("count").asInt());
    assertEquals("INIT", get(other).at("/data/statusDesc").asText());
    Awaitility.await().until(() -> get(id).at("/data/statusDesc").asText().equals("SUCCESS"));

    control("rerun", "{\"ids\":[\"" + id + "\"],\"at\":\"2100-01-01T00:00:00Z\"}");
    JsonNode changes = control("changes", "{\"ids\":[\"" + id + "\"]}").get(id);
    assertEquals("INIT", changes.at("/0/status").asText());
    assertEquals("SUCCESS", changes.get(changes.size() - 1).get("status").asText());
    for (String wrong :
        List.of(
            "start {\"ids\":[\"1001\"],\"stepMs\":1}",
            "start {\"ids\":[\"2438-201907261239\"],\"stepMs\":1}",
            "start {\"flowId\":1001,\"stepMs\":0}",
            "start {\"ids\":[\"1001-2026010100\"],\"stepMs\":1,\"at\":\"today\"}",
            "rerun {\"ids\":[\"1002-2026010100\"]}")) {
      String[] call = wrong.split(" ");
      assertEquals(400, send(post("/simulator/" + call[0], call[1])).statusCode(), wrong);
    }
  }

  @Test
  void tellsItsTime() throws Exception {
    long now = json(send(request(V20 + "time?action=getCurrentTime"))).get("data").asLong();
    assertTrue(Math.abs(now - System.currentTimeMillis()) < 5000);
    JsonNode zone = json(send(request(V20 + "time?action=getTimeZone")));
    assertEquals("GMT+8", zone.at("/data/timezone").asText());
  }

  @Test
  void letsOnlySignedCallsThrough() throws Exception {
    simulator.requireSignature(true);
    assertEquals(401, send(instance(V20, "1001-2026010100")).statusCode());
    String token = token();
    assertEquals(200, send(signed(token, "secret")).statusCode());
    assertEquals(0, json(send(signed(token, "secret"))).get("status").asInt());
    HttpResponse<String> wrong = send(signed(token, "other"));
    assertEquals(401, wrong.statusCode());
    assertTrue(json(wrong).has("message"));
    simulator.tokens().expireAll();
    assertEquals(1203, json(send(signed(token, "secret"))).get("status").asInt());
    simulator.expiredTokenStatus(401);
    assertEquals(401, send(signed(token, "secret")).statusCode());
  }

  @Test
  void failsTheNextCallsOnly() throws Exception {
    simulator.faults().set(Fault.retryAfter(429, Duration.ofSeconds(2)), FaultScope.next(1));
    HttpResponse<String> answer = send(instance(V20, "1001-2026010100"));
    assertEquals(429, answer.statusCode());
    assertEquals("2", answer.headers().firstValue("Retry-After").orElseThrow());
    assertEquals(200, send(instance(V20, "1001-2026010100")).statusCode());
  }

  @Test
  void failsSomeIdsOnly() throws Exception {
    simulator.faults().set(Fault.code(62109), FaultScope.ids("1001-2026010100"));
    assertEquals(62109, get("1001-2026010100").get("status").asInt());
    assertEquals(0, get("1001-2026010101").get("status").asInt());
    simulator.faults().clear();
    assertEquals(0, get("1001-2026010100").get("status").asInt());
  }

  @Test
  void cutsBodiesAndConnections() {
    for (Fault fault : List.of(Fault.reset(), Fault.halfBody())) {
      simulator.faults().set(fault, FaultScope.all());
      assertThrows(IOException.class, () -> get("1001-2026010100"));
    }
  }

  @Test
  void failsOnlyTheCallsThatMeetTheCondition() throws Exception {
    simulator
        .faults()
        .set(Fault.status(403), FaultScope.all().where(call -> call.header("accept").isEmpty()));
    assertEquals(403, send(instance(V20, "1001-2026010100")).statusCode());
    HttpRequest accepting =
        HttpRequest.newBuilder(instance(V20, "1001-2026010100"), (name, value) -> true)
            .header("Accept", "application/json")
            .build();
    assertEquals(200, send(accepting).statusCode());
  }

  @Test
  void failsAboutTheShareOfTheCallsThatItIsTold() throws Exception {
    simulator.faults().set(Fault.forShare(0.5, Fault.status(500)), FaultScope.all());
    int failed = 0;
    for (int call = 0; call < 200; call++) {
      failed += send(instance(V20, "1001-2026010100")).statusCode() == 500 ? 1 : 0;
    }
    assertTrue(70 < failed && failed < 130, failed + " of 200");
  }

  @Test
  void answersNothingWhenItIsSilent() {
    simulator.faults().set(Fault.silence(), FaultScope.next(1));
    HttpRequest impatient =
        HttpRequest.newBuilder(instance(V20, "1001-2026010100"), (name, value) -> true)
            .timeout(Duration.ofMillis(300))
            .build();
    assertThrows(HttpTimeoutException.class, () -> send(impatient));
  }

  @Test
  void closesEachConnectionAfterItsAnswerWhenTold() throws Exception {
    simulator.closeAfterAnswer(true);
    int before = simulator.connectionsMade();
    for (int call = 0; call < 3; call++) {
      get("1001-2026010100");
    }
    assertEquals(3, simulator.connectionsMade() - before);
  }

  @Test
  void frozenConnectionsGetNoAnswerAndNewOnesDo() throws Exception {
    get("1001-2026010100");
    simulator.freezeConnections();
    HttpRequest impatient =
        HttpRequest.newBuilder(instance(V20, "1001-2026010100"), (name, value) -> true)
            .timeout(Duration.ofMillis(300))
            .build();
    assertThrows(HttpTimeoutException.class, () -> send(impatient));
    assertEquals(0, get("1001-2026010100").get("status").asInt());
  }

  @Test
  void tellsWhenAnIdWasAskedFor() throws Exception {
    long before = System.nanoTime();
    get("1001-2026010100");
    get("1001-2026010101");
    get("1001-2026010100");
    long[] times = simulator.traffic().callTimesOf("1001-2026010100");
    assertEquals(2, times.length);
    assertTrue(before < times[0] && times[0] < times[1] && times[1] < System.nanoTime());
  }

  @Test
  void sendsBodiesWithoutAnEnd() throws Exception {
    simulator.faults().set(Fault.endlessBody(), FaultScope.all());
    try (InputStream body =
        client.send(instance(V20, "1001-2026010100"), BodyHandlers.ofInputStream()).body()) {
      assertEquals(1_000_000, body.readNBytes(1_000_000).length);
    }
  }

  @Test
  void sendsHugeAndTricklingBodiesThatAreWhole() throws Exception {
    simulator.faults().set(Fault.hugeBody(3_000_000), FaultScope.next(1));
    HttpResponse<String> huge = send(instance(V20, "2438-2026010100"));
    assertEquals(3_000_000, huge.body().getBytes(UTF_8).length);
    assertEquals(0, json(huge).get("status").asInt());
    simulator.faults().set(Fault.tricklingBody(Duration.ofNanos(1)), FaultScope.next(1));
    assertEquals(0, get("2438-2026010100").get("status").asInt());
  }

  @Test
  void goesDownAndComesUpOnTheSamePort() throws Exception {
    get("1001-2026010100");
    simulator.goDown();
    assertThrows(IOException.class, () -> get("1001-2026010100"));
    simulator.comeUp();
    assertEquals(0, get("1001-2026010100").get("status").asInt());
  }

  @Test
  void goesDownForAWhileWhenToldOverHttp() throws Exception {
    control("down", "{\"forMs\":300}");
    assertThrows(IOException.class, () -> get("1001-2026010100"));
    Awaitility.await()
        .ignoreExceptions()
        .until(() -> get("1001-2026010100").get("status").asInt() == 0);
  }

  @Test
  void slowAnswersDoNotHoldUpEachOther() {
    int calls = 256;
    // No call gets its answer before all of them are in flight.
    Phaser allInFlight = new Phaser(calls);
    simulator
        .faults()
        .latency(
            () -> {
              allInFlight.arriveAndAwaitAdvance();
              return 0;
            });
    List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
    for (int i = 0; i < calls; i++) {
      answers.add(client.sendAsync(instance(V20, "1001-2026010100"), BodyHandlers.ofString()));
    }
    answers.forEach(answer -> assertEquals(200, answer.join().statusCode()));
    assertEquals(calls, simulator.traffic().maxInFlight());
    assertEquals(calls, simulator.traffic().callsOf("1001-2026010100"));
  }

  @Test
  void isSteeredOverHttp() throws Exception {
    control("fault", "{\"fault\":\"status\",\"status\":503,\"endpoints\":[\"get\"],\"times\":1}");
    assertEquals(503, send(instance(V20, "1001-2026010100")).statusCode());
    assertEquals(200, send(instance(V20, "1001-2026010100")).statusCode());
    control("latency", "{\"medianMs\":1,\"p99Ms\":2}");
    control("tokens", "{\"refuse\":1002}");
    assertEquals(1002, json(send(tokenRequest())).get("status").asInt());
    control("clear", "{}");
    JsonNode stats = json(send(request("/simulator/stats?detail=true")));
    assertEquals(2, stats.get("calls").asInt());
    assertEquals(1, stats.get("tokenCalls").asInt());
    assertEquals(2, stats.at("/callsById/1001-2026010100").asInt());
    assertEquals(2, stats.get("callTimes").size());
    HttpResponse<String> refused = send(post("/simulator/fault", "{\"fault\":\"boredom\"}"));
    assertEquals(400, refused.statusCode());
    assertEquals("The simulator has no fault boredom", json(refused).get("message").asText());
  }

  @Test
  void failsTheTokenServiceToo() throws Exception {
    simulator.faults().set(Fault.status(500), FaultScope.all().on(Endpoint.TOKEN));
    assertEquals(500, send(tokenRequest()).statusCode());
    assertEquals(200, send(instance(V20, "1001-2026010100")).statusCode());
  }

  private String token() throws Exception {
    simulator.tokens().application("key", "secret");
    return json(send(tokenRequest())).at("/data/accessToken").asText();
  }

  private HttpRequest tokenRequest() {
    return post(
        EnosSimulator.TOKEN_SERVICE + "get",
        "{\"appKey\":\"key\",\"timestamp\":1572574909697,\"encryption\":\""
            + ApimSignature.ofTokenRequest("key", "1572574909697", "secret")
            + "\"}");
  }

  private HttpRequest signed(String token, String secret) {
    String query = "action=get&flowInstId=1001-2026010100&userId=u%20%26&orgId=o";
    String signature =
        ApimSignature.ofCall(
            token, ApiRequest.parametersOf(query), new byte[0], "1572574909697", secret);
    return HttpRequest.newBuilder(uri(V20 + "flowInstances?" + query))
        .header("apim-accesstoken", token)
        .header("apim-timestamp", "1572574909697")
        .header("apim-signature", signature)
        .build();
  }

  private JsonNode get(String id) throws Exception {
    return json(send(instance(V20, id)));
  }

  private JsonNode search(String root, String criteria) throws Exception {
    return json(send(post(root + "flowInstances?action=search", criteria))).get("data");
  }

  private JsonNode control(String call, String body) throws Exception {
    HttpResponse<String> answer = send(post("/simulator/" + call, body));
    assertEquals(200, answer.statusCode(), answer.body());
    return json(answer);
  }

  private HttpRequest instance(String root, String id) {
    return request(root + "flowInstances?action=get&flowInstId=" + id + "&userId=u&orgId=o");
  }

  private HttpRequest request(String target) {
    return HttpRequest.newBuilder(uri(target)).build();
  }

  private HttpRequest post(String target, String body) {
    return HttpRequest.newBuilder(uri(target))
        .POST(HttpRequest.BodyPublishers.ofString(body))
        .build();
  }

  private URI uri(String target) {
    return URI.create(simulator.baseUrl() + target);
  }

  private HttpResponse<String> send(HttpRequest request) throws Exception {
    return client.send(request, BodyHandlers.ofString());
  }

  private static JsonNode json(HttpResponse<String> answer) throws IOException {
    return JSON.readTree(answer.body());
  }
}
