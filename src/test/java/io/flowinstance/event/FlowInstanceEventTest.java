package io.flowinstance.event;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.flowinstance.graph.FlowInstanceDecoder;
import io.flowinstance.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skyscreamer.jsonassert.JSONAssert;

class FlowInstanceEventTest {
  private static final Observation OBSERVATION =
      new Observation(
          "flow-instance-ids-1-5",
          "yourUserId",
          "yourOrgId",
          Instant.parse("2026-01-01T00:00:00Z"),
          Instant.parse("2026-01-01T00:00:00.0209Z"));
  private static final EventZones UTC = new EventZones(ZoneId.of("UTC"), ZoneId.of("UTC"));

  @Test
  void saysEverythingOfTheSampleInTheOrderOfTheContract() throws Exception {
    String expected =
        """
        {"instanceId":"2438-201907261239","flowId":2438,"flowName":"rew","freq":"0 1/1 * * * ? *","cycle":"mi","parameters":[],"doAs":"yourDoAs",
        "graph":{"creator":"yourCreator","freq":"0 1/1 * * * ? *","alertMode":3,"owners":";yourOwners;","cycle":"mi","doAs":"yourDoAs","flows":[],
        "alertTo":"","name":"rew","instId":"2438-201907261239","id":2438,"relations":[],"parameters":[],"appId":"",
        "tasks":[{"taskName":"fr","taskInstId":"104452-201907261239","x":0.0198,"y":0.0045,"taskId":"104452","nodeId":"t_104452","status":"SUCCESS"}],"unreadableTasks":[]},
        "status":0,"statusDesc":"INIT","triggerTime":"2019-07-26 20:39:00","startTime":"2019-07-26 12:39:37","endTime":"2019-07-26 12:39:42",
        "timestamp":"2019-07-26 12:38:30.0","virtual":false,"owner":"yourOwners","alertMode":3,"calDt":"2019-07-25","hasEditPri":false,"hasReadPri":true,
        "enrichment":{"state":"WAITING","settled":false,"triggeredAt":"2019-07-26T20:39:00.000Z","startedAt":"2019-07-26T12:39:37.000Z","endedAt":"2019-07-26T12:39:42.000Z","createdAt":"2019-07-26T12:38:30.000Z",
        "durationMs":5000,"businessDate":"2019-07-25","timeZone":"UTC","triggerTimeZone":"UTC","owners":["yourOwners"],
        "taskCount":1,"unreadableTaskCount":0,"taskCountByStatus":{"SUCCESS":1},
        "taskCountByState":{"WAITING":0,"RUNNING":0,"SUSPENDED":0,"SUCCEEDED":1,"FAILED":0,"CANCELED":0,"SKIPPED":0,"UNKNOWN":0},
        "roots":["t_104452"],"leaves":["t_104452"],
        "userId":"yourUserId","orgId":"yourOrgId","observationId":"flow-instance-ids-1-5","askedAt":"2026-01-01T00:00:00.000Z","fetchedAt":"2026-01-01T00:00:00.020Z"}}
        """;
    FlowInstanceEvent event = sample();
    valid(event);
    assertEquals(Json.read(expected).toString(), Json.read(event.toJson()).toString());
    assertEquals("2438-201907261239", event.key());
    assertEquals("io.flowinstance.flow-instance.v1", FlowInstanceEvent.TYPE);
  }

  @Test
  void saysOfATaskOfTheSampleWhatTheContractSays() throws Exception {
    String expected =
        """
        {"taskInstId":"104452-201907261239","taskId":"104452","taskName":"fr","nodeId":"t_104452","status":"SUCCESS","state":"SUCCEEDED","settled":true,"x":0.0198,"y":0.0045,
        "upstream":[],"downstream":[],"index":0,"taskCount":1,
        "flowInstance":{"instanceId":"2438-201907261239","flowId":2438,"flowName":"rew","cycle":"mi","calDt":"2019-07-25","businessDate":"2019-07-25","status":0,"statusDesc":"INIT","state":"WAITING","settled":false,
        "owners":["yourOwners"],"triggerTime":"2019-07-26 20:39:00","triggeredAt":"2019-07-26T20:39:00.000Z",
        "startedAt":"2019-07-26T12:39:37.000Z","endedAt":"2019-07-26T12:39:42.000Z"},
        "instanceId":"2438-201907261239","orgId":"yourOrgId","observationId":"flow-instance-ids-1-5",
        "askedAt":"2026-01-01T00:00:00.000Z","fetchedAt":"2026-01-01T00:00:00.020Z"}
        """;
    TaskStatusEvent task = sample().tasks(bytes -> {}).get(0);
    valid(task);
    assertEquals(Json.read(expected).toString(), Json.read(task.toJson()).toString());
    assertEquals("104452-201907261239", new String(task.key(), UTF_8));
    assertEquals("io.flowinstance.task-status.v1", TaskStatusEvent.TYPE);
  }

  @Test
  void saysWithoutAnythingToSayOnlyWhatIsAlwaysThere() throws Exception {
    JSONAssert.assertEquals(
        """
        {"instanceId":"asked","graph":{"flows":[],"relations":[],"tasks":[],"unreadableTasks":[]},"appId":"",
         "enrichment":{"state":"UNKNOWN","settled":false,"timeZone":"UTC","triggerTimeZone":"UTC","owners":[],"taskCount":0,"unreadableTaskCount":0,"taskCountByStatus":{},
          "taskCountByState":{"WAITING":0,"RUNNING":0,"SUSPENDED":0,"SUCCEEDED":0,"FAILED":0,"CANCELED":0,"SKIPPED":0,"UNKNOWN":0},
          "roots":[],"leaves":[],"userId":"yourUserId","orgId":"yourOrgId","observationId":"flow-instance-ids-1-5","askedAt":"2026-01-01T00:00:00.000Z","fetchedAt":"2026-01-01T00:00:00.020Z"}}
        """,
        valid(event("{'appId':''}")).toString(),
        true);
  }

  @Test
  void readsTheTriggerTimeInItsOwnZone() throws Exception {
    EventZones zones = new EventZones(ZoneId.of("Europe/Berlin"), ZoneId.of("GMT+8"));
    String data =
        "{'triggerTime':'2019-07-26 20:39:00','startTime':'2019-07-26"
            + " 12:00:00','endTime':'2019-07-26 12:00:00.5','timestamp':'2019-01-26 12:00:00.0'}";
    Enrichment enrichment = event(data, zones).enrichment();
    assertEquals(Instant.parse("2019-07-26T12:39:00Z"), enrichment.triggeredAt());
    assertEquals(Instant.parse("2019-07-26T10:00:00Z"), enrichment.startedAt());
    assertEquals(Instant.parse("2019-01-26T11:00:00Z"), enrichment.createdAt());
    assertEquals(500, enrichment.durationMs());
  }

  @ParameterizedTest
  @CsvSource({
    "2020-02-29T00:00:00Z,2020-02-29T00:00:00.000Z",
    "2019-07-26T12:38:30.0259Z,2019-07-26T12:38:30.025Z",
    "1969-12-31T23:59:59.999999999Z,1969-12-31T23:59:59.999Z",
    "0000-01-01T00:00:00Z,0000-01-01T00:00:00.000Z",
    "9999-12-31T23:59:59.5Z,9999-12-31T23:59:59.500Z",
    "+10000-01-01T00:00:00Z,+10000-01-01T00:00:00.000Z",
    "-0001-12-31T23:59:59Z,-0001-12-31T23:59:59.000Z"
  })
  void spellsInstantsWithThreeDigitsOfASecond(Instant instant, String text) {
    assertEquals(text, Times.text(instant));
  }

  @ParameterizedTest
  @CsvSource({
    "2020-02-29 00:00:00,2020-02-29T00:00:00Z",
    "2019-07-26 12:38:30.0,2019-07-26T12:38:30Z",
    "2019-07-26 12:38:30.25,2019-07-26T12:38:30.250Z",
    "2019-07-26 12:38:30.123456789,2019-07-26T12:38:30.123456789Z"
  })
  void readsTimes(String text, Instant instant) throws Exception {
    FlowInstanceEvent event = event("{'startTime':'" + text + "'}");
    valid(event);
    assertEquals(instant, event.enrichment().startedAt());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "2019-02-29 00:00:00",
        "2019-07-26",
        "2019-07-26 24:00:00",
        "2019-07-26 12:38:60",
        "2019-07-26T12:38:30",
        "2019-7-26 12:38:30",
        "2019-07-26 12:38:30.",
        "2019-07-26 12:38:30.1234567890",
        "2019-07-26 12:38:30Z",
        "٢٠١٩-07-26 12:38:30",
        "+2019-07-26 12:38:30"
      })
  void leavesOutWhatIsNoTime(String text) throws Exception {
    FlowInstanceEvent event = event("{'endTime':'2019-07-26 12:39:42','startTime':'" + text + "'}");
    valid(event);
    assertNull(event.enrichment().startedAt());
    assertNull(event.enrichment().durationMs());
  }

  @Test
  void leavesOutADurationThatWouldBeNegative() throws Exception {
    assertNull(
        event("{'startTime':'2019-07-26 12:39:42.0001','endTime':'2019-07-26 12:39:42'}")
            .enrichment()
            .durationMs());
    assertEquals(
        0,
        event("{'startTime':'2019-07-26 12:39:42','endTime':'2019-07-26 12:39:42'}")
            .enrichment()
            .durationMs());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "a;b|c|a,b",
        ";a; ;b ;|c|a,b",
        ";|c;|c",
        "|;c;|c",
        "||",
      })
  void takesTheOwnersFromTheInstanceElseFromTheGraph(String owner, String owners, String expected)
      throws Exception {
    String data = "{'owner':'%s','graph':{'owners':'%s'}}".formatted(text(owner), text(owners));
    FlowInstanceEvent event = event(data);
    valid(event);
    assertEquals(text(expected), String.join(",", event.enrichment().owners()));
  }

  @Test
  void countsReadableTasksByStatusInOrderOfAppearance() throws Exception {
    FlowInstanceEvent event =
        event(
            "{'graph':{'tasks':[{'taskInstId':'1','status':'WAIT'},{'status':'FAIL'},{'taskInstId':'2'},{'taskInstId':'3','status':'INIT'},{'taskInstId':'4','status':'WAIT'}]}}");
    valid(event);
    assertEquals(4, event.enrichment().taskCount());
    Map<String, Integer> counts = event.enrichment().taskCountByStatus();
    assertEquals("{WAIT=2, INIT=1}", counts.toString());
  }

  @Test
  void takesABlankStatusAndABlankNodeIdForNone() throws Exception {
    FlowInstanceEvent event =
        event(
            "{'graph':{'tasks':[{'taskInstId':'1','status':'','nodeId':' '},{'taskInstId':'2','nodeId':'t_2'}],'flows':[{'nodeId':''}],'relations':[{'source':'','target':'t_2'},{'source':'t_2','target':' '}]}}");
    valid(event);
    assertEquals("{}", event.enrichment().taskCountByStatus().toString());
    assertEquals(List.of("t_2"), event.enrichment().roots());
    assertEquals(List.of("t_2"), event.enrichment().leaves());
    JsonNode task = valid(event.tasks(bytes -> {}).get(1));
    assertEquals("[] []", task.get("upstream") + " " + task.get("downstream"));
  }

  @ParameterizedTest
  @CsvSource({
    "INIT,WAITING,false",
    "WAIT,WAITING,false",
    "READY,WAITING,false",
    "NONE,WAITING,false",
    "RUNNING,RUNNING,false",
    "rerun,RUNNING,false",
    "SUSPEND,SUSPENDED,false",
    "SUCCESS,SUCCEEDED,true",
    "FAIL,FAILED,true",
    "Internal_Error,FAILED,true",
    "TIMEOUT,FAILED,true",
    "CANCEL,CANCELED,true",
    "SKIP,SKIPPED,true",
    "PAUSED,UNKNOWN,false",
    "'',UNKNOWN,false",
    ",UNKNOWN,false"
  })
  void tellsTheStateByTheStatus(String status, State state, boolean settled) {
    assertEquals(state, State.of(status));
    assertEquals(settled, State.of(status).isSettled());
  }

  @ParameterizedTest
  @CsvSource({
    "-1,SUCCESS,FAILED",
    "0,SUCCESS,WAITING",
    "1,FAIL,SUCCEEDED",
    "2,FAIL,RUNNING",
    "3,FAIL,SUSPENDED",
    "4,SUCCESS,FAILED",
    "5,FAIL,WAITING",
    "6,FAIL,WAITING",
    "7,SUCCESS,FAILED",
    "8,FAIL,CANCELED",
    "9,FAIL,RUNNING",
    "10,FAIL,SKIPPED",
    "11,FAIL,FAILED",
    "-2,success,SUCCEEDED",
    ",CANCEL,CANCELED",
    "11,,UNKNOWN"
  })
  void tellsTheStateOfAnInstanceByItsNumberElseByItsName(Integer code, String name, State state) {
    assertEquals(state, State.of(State.status(code, name)));
  }

  @ParameterizedTest
  @CsvSource({"RUNNING,false", "RERUN,false", "WAIT,true", "FAIL,true", "SUSPEND,true"})
  void anInstanceIsSettledWhenNoReadableTaskRuns(String status, boolean settled) throws Exception {
    String tasks = "{'taskInstId':'1','status':'%s'},{'status':'RUNNING'}".formatted(status);
    FlowInstanceEvent event = event("{'status':-1,'graph':{'tasks':[" + tasks + "]}}");
    assertEquals(settled, valid(event).at("/enrichment/settled").booleanValue());
    assertEquals(
        settled, valid(event.tasks(bytes -> {}).get(0)).at("/flowInstance/settled").booleanValue());
  }

  @Test
  void leavesOutTimesThatHaveNoFourDigitsOfAYearInUtc() throws Exception {
    EventZones east = new EventZones(ZoneId.of("+08:00"), ZoneId.of("-08:00"));
    FlowInstanceEvent event =
        event("{'startTime':'0000-01-01 00:00:00','triggerTime':'9999-12-31 23:59:59'}", east);
    valid(event);
    assertNull(event.enrichment().startedAt());
    assertNull(event.enrichment().triggeredAt());
  }

  private static final String DIAMOND =
      """
      {'instanceId':'9-1','graph':{
        'tasks':[{'taskInstId':'d','nodeId':'t_d'},{'taskInstId':'b','nodeId':'t_b'},7,{'taskInstId':'c','nodeId':'t_c'},
                 {'taskInstId':'lone','nodeId':'t_lone'},{'taskInstId':'nowhere'}],
        'flows':[{'nodeId':'f_a'},{'flowId':'1'}],
        'relations':[{'source':'f_a','target':'t_c'},{'source':'f_a','target':'t_b'},{'source':'t_b','target':'t_d'},{'source':'t_c','target':'t_d'},
                     {'source':'t_c','target':'t_d','cycleGap':'D1'},{'source':'ghost','target':'t_b'},{'source':'t_d','target':'gone'},{'cycleGap':'D0'}]}}
      """;

  @Test
  void namesRootsAndLeavesFlowsFirst() throws Exception {
    FlowInstanceEvent event = event(DIAMOND);
    valid(event);
    assertEquals(List.of("f_a", "t_lone"), event.enrichment().roots());
    assertEquals(List.of("t_lone"), event.enrichment().leaves());
  }

  @Test
  void namesTheNeighboursOfEachTaskOnceAndKeepsUnknownOnes() throws Exception {
    List<TaskStatusEvent> tasks = event(DIAMOND).tasks(bytes -> {});
    assertEquals(
        List.of(
            "d 0/5 [\"t_b\",\"t_c\"] [\"gone\"]",
            "b 1/5 [\"f_a\",\"ghost\"] [\"t_d\"]",
            "c 3/5 [\"f_a\"] [\"t_d\"]",
            "lone 4/5 [] []",
            "nowhere 5/5 [] []"),
        tasks.stream()
            .map(FlowInstanceEventTest::valid)
            .map(
                task ->
                    "%s %s/%s %s %s"
                        .formatted(
                            task.get("taskInstId").textValue(),
                            task.get("index"),
                            task.get("taskCount"),
                            task.get("upstream"),
                            task.get("downstream")))
            .toList());
    assertEquals(List.of(0, 1, 3, 4, 5), tasks.stream().map(TaskStatusEvent::index).toList());
  }

  @Test
  void takesANodeThatWaitsForItself() throws Exception {
    FlowInstanceEvent event =
        event(
            "{'graph':{'tasks':[{'taskInstId':'a','nodeId':'t'}],'relations':[{'source':'t','target':'t'}]}}");
    assertEquals(List.of(), event.enrichment().roots());
    assertEquals("[\"t\"]", valid(event.tasks(bytes -> {}).get(0)).get("upstream").toString());
  }

  @Test
  void letsItsOwnNamesWinAndKeepsUnknownFieldsOfATask() throws Exception {
    FlowInstanceEvent event =
        event(
            """
            {'enrichment':'theirs','other':1,'graph':{'enrichment':'kept','unreadableTasks':'theirs','tasks':[{'taskInstId':'1','parameters':'{}','other':[null],
              'upstream':0,'downstream':0,'index':'x','count':7,'taskCount':0,'flowInstance':0,'fetchedAt':0,'askedAt':0,'state':0,'settled':0,
              'instanceId':0,'orgId':0,'observationId':0,'enrichment':'kept'}]}}
            """);
    JsonNode instance = valid(event);
    assertTrue(instance.get("enrichment").isObject());
    assertEquals(1, instance.get("other").intValue());
    assertEquals("kept", instance.at("/graph/enrichment").textValue());
    assertEquals("x", instance.at("/graph/tasks/0/index").textValue());
    assertEquals("[]", instance.at("/graph/unreadableTasks").toString());
    JSONAssert.assertEquals(
        """
        {"taskInstId":"1","state":"UNKNOWN","settled":false,"upstream":[],"downstream":[],"index":0,"taskCount":1,
         "instanceId":"asked","orgId":"yourOrgId","observationId":"flow-instance-ids-1-5",
         "flowInstance":{"instanceId":"asked","state":"UNKNOWN","settled":false,"owners":[]},
         "askedAt":"2026-01-01T00:00:00.000Z","fetchedAt":"2026-01-01T00:00:00.020Z",
         "parameters":{},"other":[null],"count":7,"enrichment":"kept"}
        """,
        valid(event.tasks(bytes -> {}).get(0)).toString(),
        true);
  }

  @Test
  void splitsTenThousandTasks() throws Exception {
    StringBuilder tasks = new StringBuilder("{'taskInstId':'0','nodeId':'t_0'}");
    StringBuilder relations = new StringBuilder("{'source':'f','target':'t_0'}");
    for (int i = 1; i < 10_000; i++) {
      tasks.append(",{'taskInstId':'%d','nodeId':'t_%d','status':'INIT'}".formatted(i, i));
      relations.append(",{'source':'t_0','target':'t_%d'}".formatted(i));
    }
    FlowInstanceEvent event =
        event("{'graph':{'tasks':[" + tasks + "],'relations':[" + relations + "]}}");
    List<TaskStatusEvent> split = event.tasks(bytes -> {});
    assertEquals(10_000, split.size());
    assertEquals(9_999, valid(split.get(0)).get("downstream").size());
    for (TaskStatusEvent task : split.subList(1, 10_000)) {
      assertTrue(task.toJson().length < 600);
    }
    assertEquals("[\"t_0\"]", valid(split.get(9_999)).get("upstream").toString());
    assertEquals(9_999, event.enrichment().leaves().size());
  }

  @Test
  void keepsTextOfEveryLanguage() throws Exception {
    String name = "描述 ü 😀 \\u0000 \\\\ \\n";
    FlowInstanceEvent event =
        event("{'flowName':'%s','graph':{'tasks':[{'taskInstId':'1'}]}}".formatted(name));
    String read = Json.read('"' + name + '"').textValue();
    assertEquals(read, valid(event).get("flowName").textValue());
    JsonNode task = valid(event.tasks(bytes -> {}).get(0));
    assertEquals(read, task.at("/flowInstance/flowName").textValue());
  }

  @Test
  void isHeldByASchemaThatRefusesWrongTypes() throws Exception {
    JsonNode wrong =
        Json.read(
            new String(sample().toJson(), UTF_8)
                .replace("\"durationMs\":5000", "\"durationMs\":-1"));
    assertFalse(Schemas.FLOW_INSTANCE.get(0).validate(wrong).isEmpty());
    assertFalse(Schemas.TASK_STATUS.get(0).validate(wrong).isEmpty());
  }

  private static FlowInstanceEvent sample() throws Exception {
    try (InputStream in =
        FlowInstanceEventTest.class.getResourceAsStream("/printed/flow-instance-struct.txt")) {
      JsonNode data = Json.readLenient(in.readAllBytes());
      return FlowInstanceEvent.of(
          new FlowInstanceDecoder().decode(data, "asked"), UTC, OBSERVATION);
    }
  }

  private static FlowInstanceEvent event(String data) throws Exception {
    return event(data, UTC);
  }

  private static FlowInstanceEvent event(String data, EventZones zones) throws Exception {
    JsonNode read = Json.read(data.replace('\'', '"'));
    return FlowInstanceEvent.of(
        new FlowInstanceDecoder().decode(read, "asked"), zones, OBSERVATION);
  }

  private static JsonNode valid(FlowInstanceEvent event) throws Exception {
    refuseDuplicateKeys(event.toJson());
    return Schemas.valid(Schemas.FLOW_INSTANCE, event.toJson());
  }

  private static JsonNode valid(TaskStatusEvent event) {
    try {
      refuseDuplicateKeys(event.toJson());
      return Schemas.valid(Schemas.TASK_STATUS, event.toJson());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void refuseDuplicateKeys(byte[] json) throws IOException {
    new ObjectMapper().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION).readTree(json);
  }

  private static String text(String cell) {
    return cell == null ? "" : cell;
  }
}
