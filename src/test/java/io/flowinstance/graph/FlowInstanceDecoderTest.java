package io.flowinstance.graph;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.flowinstance.json.Json;
import java.io.InputStream;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skyscreamer.jsonassert.JSONAssert;

class FlowInstanceDecoderTest {
  private final FlowInstanceDecoder decoder = new FlowInstanceDecoder();

  @Test
  void readsTheStructSampleAsPrinted() throws Exception {
    assertReads(
        """
        {"instanceId":"2438-201907261239","flowId":2438,"flowName":"rew","freq":"0 1/1 * * * ? *","cycle":"mi","parameters":[],"doAs":"yourDoAs",
         "graph":{"creator":"yourCreator","freq":"0 1/1 * * * ? *","alertMode":3,"owners":";yourOwners;","cycle":"mi","doAs":"yourDoAs","flows":[],
           "alertTo":"","name":"rew","instId":"2438-201907261239","id":2438,"relations":[],"parameters":[],"appId":"",
           "tasks":[{"taskName":"fr","taskInstId":"104452-201907261239","x":0.0198,"y":0.0045,"taskId":"104452","nodeId":"t_104452","status":"SUCCESS"}],"unreadableTasks":[]},
         "status":0,"statusDesc":"INIT","triggerTime":"2019-07-26 20:39:00","startTime":"2019-07-26 12:39:37","endTime":"2019-07-26 12:39:42",
         "timestamp":"2019-07-26 12:38:30.0","virtual":false,"owner":"yourOwners","alertMode":3,"calDt":"2019-07-25","hasEditPri":false,"hasReadPri":true}
        """,
        Json.readLenient(resource("flow-instance-struct")));
  }

  @Test
  void readsTheReturnSampleAsPrinted() throws Exception {
    assertReads(
        """
        {"instanceId":"2809-20190808093200","flowId":2809,"flowName":"21","freq":"0 0 0 * * ? *","cycle":"D","parameters":[],"doAs":"yourDoAs",
         "graph":{"creator":"yourCreator","freq":"0 0 0 * * ? *","alertMode":3,"owners":"yourOwners","cycle":"D","doAs":"yourDoAs","flows":[],
           "alertTo":"","name":"21","instId":"2809-20190808093200","id":2809,"relations":[],"parameters":[],"appId":"",
           "tasks":[{"taskName":"tass","taskInstId":"104890-20190808093200","x":0.002,"y":0.002,"taskId":"104890","nodeId":"t_104890","status":"SUCCESS"}],"unreadableTasks":[]},
         "status":1,"statusDesc":"SUCCESS","triggerTime":"2019-08-08 09:32:12","startTime":"2019-08-08 09:32:30","endTime":"2019-08-08 09:32:32",
         "timestamp":"2019-08-08 09:34:36.0","virtual":false,"owner":"yourOwners","alertMode":3,"calDt":"2019-08-07","hasEditPri":true,"hasReadPri":true}
        """,
        Json.readLenient(resource("return-sample")).get("data"));
  }

  @Test
  void readsTheGraphOutOfItsText() throws Exception {
    String graph =
        "{\"tasks\":[{\"taskInstId\":\"1\",\"parameters\":\"[{\\\"key\\\":\\\"k\\\"}]\"}]}";
    String expected = graph(tasks("{'taskInstId':'1','parameters':[{'key':'k'}]}"));
    JsonNode once = json("{'flowId':1}");
    ((ObjectNode) once).put("graph", graph);
    assertReads(expected, once);
    String twice = new String(Json.write(graph), UTF_8);
    ((ObjectNode) once).put("graph", twice);
    assertReads(expected, once);
  }

  /** A text in texts. */
  private static String packed(String text, int times) {
    return times == 0 ? text : packed(new String(Json.write(text), UTF_8), times - 1);
  }

  @Test
  void readsTextsInsideEachOtherAFewTimesAndNotForEver() throws Exception {
    ObjectNode data = (ObjectNode) json("{'flowId':1}");
    data.put("parameters", packed("[1]", 3));
    assertEquals(Json.read("[1]"), decoder.decode(data, "asked").parameters());
    data.put("parameters", packed("[1]", 4));
    assertEquals("[1]", decoder.decode(data, "asked").parameters().textValue());

    data.put("graph", packed("{}", 3));
    assertEquals(List.of(), decoder.decode(data, "asked").graph().tasks().readable());
    data.put("graph", packed("{}", 4));
    String message =
        assertThrows(UnreadableResponseException.class, () -> decoder.decode(data, "asked"))
            .getMessage();
    assertTrue(message.startsWith("/graph is not a JSON object: "), message);
  }

  @Test
  void textsOfOneAnswerAreUnpackedUpToAMillionValues() throws Exception {
    String half = "[0" + ",0".repeat(Json.MAX_TOKENS / 2) + "]";
    String task = "{'taskInstId':'%d','parameters':'%s'}";
    String tasks =
        IntStream.range(0, 4)
            .mapToObj(i -> task.formatted(i, half))
            .collect(Collectors.joining(","));

    ObjectNode asTree = (ObjectNode) json("{'graph':%s}".formatted(tasks(tasks)));
    JsonNode asText =
        asTree.deepCopy().put("graph", new String(Json.write(asTree.get("graph")), UTF_8));

    for (JsonNode data : List.of(asTree, asText)) {
      List<TaskInstance> read = decoder.decode(data, "asked").graph().tasks().readable();
      assertEquals(
          List.of(false, false, true, true),
          read.stream().map(each -> each.parameters().isTextual()).toList());
    }
  }

  @Test
  void findsARepeatedRelationAmongManyOfOneHash() throws Exception {
    String relations =
        IntStream.range(0, 1 << 16)
            .mapToObj(i -> Integer.toBinaryString(1 << 16 | i).substring(1))
            .map(bits -> bits.replace("0", "Aa").replace("1", "BB"))
            .map("{'source':'%s'}"::formatted)
            .collect(Collectors.joining(","));

    JsonNode data =
        json("{'graph':{'relations':[%s,{'source':'%s'}]}}".formatted(relations, "BB".repeat(16)));

    FlowInstance instance =
        assertTimeoutPreemptively(Duration.ofSeconds(10), () -> decoder.decode(data, "asked"));
    assertEquals(1 << 16, instance.graph().relations().size());
  }

  @Test
  void readsAPrintedGraphInsideAText() throws Exception {
    JsonNode data = json("{'flowId':1}");
    ((ObjectNode) data).put("graph", "{\"parameters\":\"[{\"key\":\"k\"}]\"}");
    assertReads(
        graph(
            "{'parameters':[{'key':'k'}],'flows':[],'relations':[],'tasks':[],'unreadableTasks':[]}"),
        data);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'flowId':1}",
        "{'flowId':1,'graph':null}",
        "{'flowId':1,'graph':' '}",
        "{'flowId':1,'graph':'null'}",
        "{'flowId':1,'graph':{'tasks':null,'flows':null}}"
      })
  void readsNoGraphAsAnEmptyOne(String data) throws Exception {
    assertReads(graph("{'flows':[],'relations':[],'tasks':[],'unreadableTasks':[]}"), json(data));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"graph\":5}|/graph is not a JSON object: 5",
        "{\"graph\":\"nonsense\"}|/graph: Unrecognized token 'nonsense': was expecting (JSON String,"
            + " Number, Array, Object or token 'null', 'true' or 'false') at line 1, column 1:"
            + " \"nonsense\"",
        "{\"graph\":\"{\\\"id\\\":1e99999999999}\"}|/graph: A number has an exponent out of range:"
            + " \"{\\\"id\\\":1e99999999999}\"",
        "{\"graph\":\"[]\"}|/graph is not a JSON object: \"[]\"",
        "{\"graph\":[]}|/graph is not a JSON object: []",
        "{\"graph\":{\"tasks\":{}}}|/graph/tasks is not an array: {}",
        "{\"graph\":{\"flows\":\"[]\"}}|/graph/flows is not an array: \"[]\"",
        "{\"graph\":{\"relations\":1}}|/graph/relations is not an array: 1",
        "{\"graph\":{\"relations\":[null,7]}}|/graph/relations/1 is not an object: 7",
        "{\"graph\":{\"flows\":[{\"is_virtual\":\"maybe\"}]}}|/graph/flows/0/is_virtual is not a"
            + " boolean: \"maybe\"",
        "{\"graph\":{\"id\":\"\"}}|/graph/id is not a whole number of 64 bits: \"\"",
        "{\"flowId\":2438.5}|/flowId is not a whole number of 64 bits: 2438.5",
        "{\"flow_id\":\"x\"}|/flow_id is not a whole number of 64 bits: \"x\"",
        "{\"owner\":[]}|/owner is not a text: []",
        "{\"status\":1e999999999}|/status is not a whole number of 32 bits: 1E+999999999",
        "{\"owner\":1e999999999}|/owner is not a text: 1E+999999999",
        "{\"unknown\":1}|The data is not a FlowInstance: {\"unknown\":1}",
        "{\"flowId\":null}|The data is not a FlowInstance: {\"flowId\":null}",
        "[]|The data is not a FlowInstance: []",
        "[{\"flowId\":1},{\"flowId\":1}]|The data is not a FlowInstance:"
            + " [{\"flowId\":1},{\"flowId\":1}]",
        "\"text\"|The data is not a FlowInstance: \"text\"",
        "null|The data is not a FlowInstance: null",
      })
  void refusesWithThePlaceAndTheValue(String data, String message) throws Exception {
    JsonNode read = Json.read(data);
    var refused =
        assertThrows(UnreadableResponseException.class, () -> decoder.decode(read, "asked"));
    assertEquals(message, refused.getMessage());
  }

  @Test
  void cutsTheValueItShows() throws Exception {
    JsonNode data = json("{'flowId':'" + "x".repeat(1000) + "'}");
    var refused =
        assertThrows(UnreadableResponseException.class, () -> decoder.decode(data, "asked"));
    assertEquals(
        "/flowId is not a whole number of 64 bits: \"" + "x".repeat(79) + "…",
        refused.getMessage());
  }

  @Test
  void takesTheOnlyElementOfAnArray() throws Exception {
    assertEquals("7-1", decode("[{'instanceId':'7-1'}]").instanceId());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"{'flowId':1}", "{'flowId':1,'instanceId':null}", "{'flowId':1,'instanceId':''}"})
  void namesAnInstanceWithoutIdByTheIdAskedFor(String data) throws Exception {
    assertEquals("asked", decode(data).instanceId());
  }

  @Test
  void readsBothSpellingsOfEveryName() throws Exception {
    assertReads(
        """
        {"instanceId":"1","flowName":"n","doAs":"d","calDt":"c","hasEditPri":true,"alertTo":"a","appId":"p",
         "graph":{"doAs":"d","instId":"1","alertMode":0,"appId":"p",
           "flows":[{"flowId":"2","flowName":"f","nodeId":"f_2","isVirtual":true,"flowInstId":"2-1"}],
           "relations":[{"cycleGap":"D0","source":"f_2","target":"t_3","rerun":false}],
           "tasks":[{"taskName":"t","taskInstId":"3-1","taskId":"3","nodeId":"t_3"}],"unreadableTasks":[]}}
        """,
        json(
            """
            {"instance_id":"1","flow_name":"n","do_as":"d","cal_dt":"c","has_edit_pri":true,"alert_to":"a","app_id":"p",
             "graph":{"do_as":"d","inst_id":1,"alert_mode":0,"app_id":"p",
               "flows":[{"flow_id":2,"flow_name":"f","node_id":"f_2","is_virtual":1,"flow_inst_id":"2-1"}],
               "relations":[{"cycle_gap":"D0","source":"f_2","target":"t_3","rerun":"0"}],
               "tasks":[{"task_name":"t","task_inst_id":"3-1","task_id":3,"node_id":"t_3"}]}}
            """));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'flowName':'camel','flow_name':'snake'}|camel",
        "{'flow_name':'snake','flowName':'camel'}|camel",
        "{'flowName':null,'flow_name':'snake'}|snake",
        "{'flow_name':{},'flowName':'camel'}|camel",
        "{'flowName':'','flow_name':'snake'}|''",
      },
      quoteCharacter = '`')
  void prefersCamelCaseThatIsNotNull(String data, String name) throws Exception {
    assertEquals(name.replace("'", ""), decode(data.replace("''", "\"\"")).flowName());
  }

  @Test
  void keepsUnknownFieldsWhereTheyStood() throws Exception {
    assertReads(
        """
        {"instanceId":"asked","flowId":1,"Odd_name":{"a":[null,{"b":null}]},"zero":0.10,
         "graph":{"flows":[{"f":1}],"relations":[{"r":""}],"tasks":[{"taskInstId":"1","t":[]}],"g":false,"unreadableTasks":[]}}
        """,
        json(
            """
            {"Odd_name":{"a":[null,{"b":null}]},"flowId":1,"zero":0.10,"gone":null,
             "graph":{"g":false,"gone":null,"flows":[{"f":1,"gone":null}],"relations":[{"r":""}],"tasks":[{"t":[],"taskInstId":"1","gone":null}]}}
            """));
    assertEquals(
        List.of("b", "a"), List.copyOf(decode("{'b':1,'flowId':1,'a':2}").others().keySet()));
  }

  @Test
  void leavesNullOutAndKeepsAnEmptyText() throws Exception {
    FlowInstance instance = decode("{'flowName':null,'cycle':''}");
    assertNull(instance.flowName());
    assertEquals("", instance.cycle());
  }

  @ParameterizedTest
  @CsvSource({
    "'x',x",
    "104452,104452",
    "104452.0,104452",
    "1E3,1000",
    "8.0E-4,0.00080",
    "true,true",
    "false,false",
    "12345678901234567890123,12345678901234567890123"
  })
  void readsText(String value, String text) throws Exception {
    String quoted = value.equals("x") ? "'x'" : value;
    assertEquals(text, decode("{'flowName':" + quoted + "}").flowName());
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      value = {
        "7,7",
        "-1,-1",
        "2438.0,2438",
        "1.2E2,120",
        "'7',7",
        "' 7.0 ',7",
        "0.00,0",
        "9223372036854775807.0,9223372036854775807",
        "-9223372036854775808,-9223372036854775808"
      })
  void readsWholeNumbers(String value, Long whole) throws Exception {
    assertEquals(whole, decode("{'flowId':" + value + "}").flowId());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "7.5",
        "'7.5'",
        "''",
        "' '",
        "'x'",
        "true",
        "{}",
        "[]",
        "'0x7'",
        "'+7'",
        "'٧'",
        "9223372036854775808",
        "-9223372036854775809",
        "1E101",
        "'1E999999999'"
      })
  void refusesOtherWholeNumbers(String value) {
    assertThrows(UnreadableResponseException.class, () -> decode("{'flowId':" + value + "}"));
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      value = {
        "true,true",
        "false,false",
        "'TRUE',true",
        "'False',false",
        "0,false",
        "1,true",
        "'0',false",
        "'1',true",
        "1.0,true",
        "'0.0',false",
        "' true ',true"
      })
  void readsBooleans(String value, boolean truth) throws Exception {
    assertEquals(truth, decode("{'virtual':" + value + "}").virtual());
  }

  @ParameterizedTest
  @ValueSource(strings = {"2", "-1", "2147483649", "'yes'", "''", "{}", "0.5"})
  void refusesOtherBooleans(String value) {
    assertThrows(UnreadableResponseException.class, () -> decode("{'virtual':" + value + "}"));
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      value = {
        "0.0198,0.0198",
        "8.0E-4,0.00080",
        "5,5",
        "'0.5',0.5",
        "' -1e2 ',-1E+2",
        "0.0016999999046325683,0.0016999999046325683"
      })
  void readsNumbers(String value, String number) throws Exception {
    String data = "{'graph':" + tasks("{'taskInstId':'1','x':" + value + "}") + "}";
    assertEquals(number, decode(data).graph().tasks().readable().get(0).x().toString());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "\"[]\"|[]",
        "\"{\\\"a\\\":null}\"|{\"a\":null}",
        "\"\\\"[1]\\\"\"|[1]",
        "\"\\\"text\\\"\"|\"text\"",
        "\"a=b\"|\"a=b\"",
        "\"\"|\"\"",
        "\"5\"|5",
        "\"[\"|\"[\"",
        "{\"a\":\"[]\"}|{\"a\":\"[]\"}",
        "true|true",
        "\"\\\"\\\\ud83d\\\"\"|\"\uFFFD\"",
        "\"\uFEFF[]\"|[]",
      })
  void unpacksParameters(String value, String unpacked) throws Exception {
    JsonNode data = Json.read("{\"parameters\":" + value + "}");
    assertEquals(Json.read(unpacked), decoder.decode(data, "asked").parameters());
  }

  @Test
  void leavesOutParametersThatHoldNull() throws Exception {
    assertNull(decode("{'flowId':1,'parameters':'null'}").parameters());
  }

  @Test
  void keepsParametersThatBreakTheLimitsAsText() throws Exception {
    String deep = "[".repeat(101) + "]".repeat(101);
    assertEquals(deep, decode("{'parameters':'" + deep + "'}").parameters().textValue());
  }

  @Test
  void keepsRelationsInOrderAndAnExactRepetitionOnce() throws Exception {
    InstanceGraph graph =
        decode(
                """
                {"graph":{"relations":[{"source":"b","target":"c","rerun":true},null,{"source":"a","target":"b"},
                  {"target":"c","source":"b","rerun":"true"},{"source":"b","target":"c"}],"flows":[null]}}
                """)
            .graph();
    assertEquals(
        List.of("b>c true", "a>b null", "b>c null"),
        graph.relations().stream()
            .map(edge -> edge.source() + ">" + edge.target() + " " + edge.rerun())
            .toList());
    assertEquals(List.of(), graph.flows());
  }

  @Test
  void keepsAFieldWithoutAName() throws Exception {
    InstanceGraph graph =
        decode(
                "{'graph':{'flows':[{'':1}],'relations':[{'':2}],'tasks':[{'taskInstId':'1','':3}]}}")
            .graph();

    assertEquals("{\"\":1}", new String(Json.write(graph.flows().get(0)), UTF_8));
    assertEquals("{\"\":2}", new String(Json.write(graph.relations().get(0)), UTF_8));
    assertEquals("3", graph.tasks().readable().get(0).others().get("").toString());
  }

  @Test
  void keepsUnreadableTasksApartAndReadsTheOthers() throws Exception {
    String tasks =
        "null,{'taskInstId':'1'},5,{'task_id':7,'gone':null},{'taskInstId':'"
            + " '},{'taskInstId':'2','x':'left'},{'taskInstId':'3'}";
    FlowInstance instance = decode("{'instanceId':'9','graph':" + tasks(tasks) + "}");
    InstanceGraph graph = instance.graph();
    assertEquals(
        List.of(
            "/graph/tasks/0 is not an object: null",
            "/graph/tasks/2 is not an object: 5",
            "/graph/tasks/3 has no taskInstId: {\"task_id\":7,\"gone\":null}",
            "/graph/tasks/4 has no taskInstId: {\"taskInstId\":\" \"}",
            "/graph/tasks/5/x is not a number: \"left\""),
        graph.tasks().unreadable().stream().map(UnreadableTask::message).toList());
    assertEquals(
        List.of(1, 6), graph.tasks().readable().stream().map(TaskInstance::index).toList());
    assertWrites(
        """
        {'instanceId':'9','graph':{'flows':[],'relations':[],'tasks':[{'taskInstId':'1'},{'taskInstId':'3'}],'unreadableTasks':[
          {'index':0,'raw':'null'},{'index':2,'raw':'5'},{'index':3,'raw':'{\\"task_id\\":7,\\"gone\\":null}'},
          {'index':4,'raw':'{\\"taskInstId\\":\\" \\"}'},{'index':5,'raw':'{\\"taskInstId\\":\\"2\\",\\"x\\":\\"left\\"}'}]}}
        """,
        instance);
  }

  /** A text is read as a stream wherever that tells what counts. */
  @Test
  void readsAGraphInATextAsItsTreeIsRead() throws Exception {
    List<String> names =
        List.of("taskInstId", "task_inst_id", "x", "status", "parameters", "nodeId", "other");
    List<String> values =
        List.of(
            "'1'",
            "'1'",
            "'a'",
            "1.50",
            "7",
            "null",
            "'null'",
            "true",
            "'[]'",
            "'{\\\"a\\\":1}'",
            "{'a':1}",
            "' '",
            "[]",
            "1E400");
    Random random = new Random(1);
    for (int round = 0; round < 3_000; round++) {
      String tasks = array(random, () -> object(random, names, values));
      String relations =
          array(random, () -> object(random, List.of("source", "target", "rerun"), values));
      String graph =
          random.nextInt(9) == 0
              ? object(random, List.of("flows", "tasks", "id", "unreadableTasks"), values)
              : "{'tasks':%s,'flows':[],'id':7,'relations':%s}".formatted(tasks, relations);
      JsonNode tree = json(graph);
      String ofTree = decodedOrRefused(JsonNodeFactory.instance.objectNode().set("graph", tree));
      // The tree has lost what stands twice, and the text as it came has not.
      for (String text : List.of(new String(Json.write(tree), UTF_8), graph.replace('\'', '"'))) {
        assertEquals(
            ofTree,
            decodedOrRefused(JsonNodeFactory.instance.objectNode().put("graph", text)),
            graph);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'taskInstId':'1','taskInstId':'2'}",
        "{'taskInstId':'1','status':'a','taskInstId':'2','status':null}",
        "{'task_inst_id':'1','taskInstId':'2','other':1,'other':null}",
        "{'taskInstId':'2','task_inst_id':'1','other':null,'other':2}"
      })
  void readsWhatStandsTwiceInATextAsItsTreeIsRead(String task) throws Exception {
    String graph = "{'tasks':[" + task + "]}";
    assertEquals(
        decodedOrRefused(json("{'graph':" + graph + "}")),
        decodedOrRefused(
            JsonNodeFactory.instance.objectNode().put("graph", graph.replace('\'', '"'))));
  }

  private String decodedOrRefused(JsonNode data) {
    try {
      FlowInstance instance = decoder.decode(data, "asked");
      return instance + new String(Json.write(instance), UTF_8);
    } catch (UnreadableResponseException e) {
      return e.getMessage();
    }
  }

  private static String array(Random random, Supplier<String> element) {
    return random
        .ints(random.nextInt(4), 0, 12)
        .mapToObj(at -> at == 0 ? "null" : at == 1 ? "5" : element.get())
        .collect(Collectors.joining(",", "[", "]"));
  }

  private static String object(Random random, List<String> names, List<String> values) {
    String first = random.nextInt(9) == 0 ? "" : "'taskInstId':'1'";
    return Stream.concat(
            Stream.of(first).filter(field -> !field.isEmpty()),
            random
                .ints(random.nextInt(4), 0, names.size())
                .mapToObj(
                    name ->
                        "'%s':%s"
                            .formatted(names.get(name), values.get(random.nextInt(values.size())))))
        .collect(Collectors.joining(",", "{", "}"));
  }

  @Test
  void saysThatAGraphTextIsTooLarge() {
    String graph = "{'tasks':[0" + ",0".repeat(Json.MAX_TOKENS) + "]}";
    String message =
        assertThrows(
                UnreadableResponseException.class,
                () -> decode("{'graph':'" + graph.replace("'", "\\\"") + "'}"))
            .getMessage();
    assertTrue(message.startsWith("/graph: The text has more than 1000000 JSON tokens: "), message);
  }

  @Test
  void readsTenThousandTasks() throws Exception {
    String tasks =
        IntStream.range(0, 10_000)
            .mapToObj(i -> "{'taskInstId':'" + i + "-1','nodeId':'t_" + i + "','x':0.5,'extra':1}")
            .collect(Collectors.joining(","));
    assertEquals(
        10_000, decode("{'graph':" + tasks(tasks) + "}").graph().tasks().readable().size());
  }

  @Test
  void doesNotLetTheCallerChangeWhatItRead() throws Exception {
    FlowInstance instance = decode("{'flowId':1,'a':1}");
    assertThrows(UnsupportedOperationException.class, () -> instance.others().clear());
    assertTrue(instance.graph().tasks().readable().isEmpty());
  }

  private FlowInstance decode(String data) throws Exception {
    return decoder.decode(json(data), "asked");
  }

  private void assertReads(String expected, JsonNode data) throws Exception {
    assertWrites(expected, decoder.decode(data, "asked"));
  }

  private static void assertWrites(String expected, FlowInstance instance) throws Exception {
    String written = new String(Json.write(instance), UTF_8);
    JSONAssert.assertEquals(expected.replace('\'', '"'), written, true);
  }

  private static String graph(String graph) {
    return "{'instanceId':'asked','flowId':1,'graph':" + graph + "}";
  }

  private static String tasks(String tasks) {
    return "{'flows':[],'relations':[],'tasks':[" + tasks + "],'unreadableTasks':[]}";
  }

  private static JsonNode json(String text) throws Exception {
    return Json.read(text.replace('\'', '"'));
  }

  private static byte[] resource(String name) throws Exception {
    try (InputStream in =
        FlowInstanceDecoderTest.class.getResourceAsStream("/printed/" + name + ".txt")) {
      return in.readAllBytes();
    }
  }
}
