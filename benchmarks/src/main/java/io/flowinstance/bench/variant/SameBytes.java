package io.flowinstance.bench.variant;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.SerializableString;
import com.fasterxml.jackson.core.io.SerializedString;
import com.fasterxml.jackson.core.util.ByteArrayBuilder;
import java.io.IOException;
import java.net.URLEncoder;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/**
 * The messages of the pipeline, written by hand: an answer is read once, as a stream, and what the
 * messages of all its tasks share is made once. Keys, values, headers and timestamps are those that
 * {@code docs/messages.md} describes, in the time zone UTC.
 *
 * <p>Nothing is validated: every time is taken for a valid one. What the API's documentation does
 * not know, and a task that cannot be read, ends the program.
 */
public final class SameBytes implements MessageWriter {
  private static final FieldTable INSTANCE =
      new FieldTable()
          .text("instanceId")
          .whole("flowId")
          .text("flowName", "freq", "cycle")
          .jsonInText("parameters")
          .text("doAs")
          .structure("graph")
          .whole("status")
          .text("statusDesc", "triggerTime", "startTime", "endTime", "timestamp")
          .bool("virtual")
          .text("owner")
          .whole("alertMode")
          .text("calDt")
          .bool("hasEditPri", "hasReadPri")
          .whole("id")
          .text("alertTo", "appId");
  private static final int INSTANCE_ID = INSTANCE.at("instanceId");
  private static final int FLOW_NAME = INSTANCE.at("flowName");
  private static final int CYCLE = INSTANCE.at("cycle");
  private static final int GRAPH_AT = INSTANCE.at("graph");
  private static final int STATUS = INSTANCE.at("status");
  private static final int STATUS_DESC = INSTANCE.at("statusDesc");
  private static final int TRIGGER_TIME = INSTANCE.at("triggerTime");
  private static final int START_TIME = INSTANCE.at("startTime");
  private static final int END_TIME = INSTANCE.at("endTime");
  private static final int TIMESTAMP = INSTANCE.at("timestamp");
  private static final int OWNER = INSTANCE.at("owner");
  private static final int CAL_DT = INSTANCE.at("calDt");

  private static final FieldTable GRAPH =
      new FieldTable()
          .text("creator", "freq")
          .whole("alertMode")
          .text("owners", "cycle", "doAs")
          .structure("flows")
          .text("alertTo", "name", "instId")
          .whole("id")
          .structure("relations")
          .jsonInText("parameters")
          .text("appId")
          .structure("tasks");
  private static final int OWNERS = GRAPH.at("owners");
  private static final int FLOWS_AT = GRAPH.at("flows");
  private static final int RELATIONS_AT = GRAPH.at("relations");
  private static final int TASKS_AT = GRAPH.at("tasks");

  private static final FieldTable FLOW =
      new FieldTable()
          .text("flowId", "flowName", "nodeId")
          .bool("isVirtual")
          .decimal("x", "y")
          .text("flowInstId", "status")
          .jsonInText("parameters");
  private static final int FLOW_NODE_ID = FLOW.at("nodeId");

  private static final FieldTable RELATION =
      new FieldTable().text("cycleGap", "source", "target").bool("rerun");
  private static final int SOURCE = RELATION.at("source");
  private static final int TARGET = RELATION.at("target");

  private static final FieldTable TASK =
      new FieldTable()
          .text("taskName", "taskInstId")
          .decimal("x", "y")
          .text("taskId", "nodeId", "status")
          .jsonInText("parameters");
  private static final int TASK_NAME = TASK.at("taskName");
  private static final int TASK_INST_ID = TASK.at("taskInstId");
  private static final int X = TASK.at("x");
  private static final int TASK_ID = TASK.at("taskId");
  private static final int NODE_ID = TASK.at("nodeId");
  private static final int TASK_STATUS = TASK.at("status");
  private static final int TASK_PARAMETERS = TASK.at("parameters");

  private static final SerializedString ENRICHMENT = new SerializedString("enrichment");
  private static final SerializedString OWNERS_NAME = new SerializedString("owners");
  private static final SerializedString UPSTREAM = new SerializedString("upstream");
  private static final SerializedString DOWNSTREAM = new SerializedString("downstream");
  private static final SerializedString INDEX = new SerializedString("index");

  private static final DateTimeFormatter INSTANT =
      new DateTimeFormatterBuilder().appendInstant(3).toFormatter(Locale.ROOT);

  /** What a status means. */
  private enum State {
    WAITING(false, "INIT", "WAIT", "READY", "NONE"),
    RUNNING(false, "RUNNING", "RERUN"),
    SUSPENDED(false, "SUSPEND"),
    SUCCEEDED(true, "SUCCESS"),
    FAILED(true, "FAIL", "INTERNAL_ERROR", "TIMEOUT"),
    CANCELED(true, "CANCEL"),
    SKIPPED(true, "SKIP"),
    UNKNOWN(false);

    private static final State[] ALL = values();
    private static final Map<String, State> BY_STATUS = new HashMap<>();

    /** By the code of an instance, which begins at -1. */
    private static final State[] BY_CODE = {
      FAILED, WAITING, SUCCEEDED, RUNNING, SUSPENDED, FAILED, WAITING, WAITING, FAILED, CANCELED,
      RUNNING, SKIPPED
    };

    static {
      for (State state : ALL) {
        for (String status : state.statuses) {
          BY_STATUS.put(status, state);
        }
      }
    }

    private final boolean settled;
    private final String[] statuses;

    /** The fields {@code state} and {@code settled} of a task. */
    private final SerializableString fields;

    State(boolean settled, String... statuses) {
      this.settled = settled;
      this.statuses = statuses;
      fields = new SerializedString(",\"state\":\"%s\",\"settled\":%b".formatted(name(), settled));
    }

    static State of(String status) {
      if (status == null) {
        return UNKNOWN;
      }
      State state = BY_STATUS.get(status);
      return state != null
          ? state
          : BY_STATUS.getOrDefault(status.strip().toUpperCase(Locale.ROOT), UNKNOWN);
    }

    static State ofInstance(String code, String status) {
      int at = code == null ? -1 : 1 + Integer.parseInt(code);
      return at >= 0 && at < BY_CODE.length ? BY_CODE[at] : of(status);
    }
  }

  /** A nodeId, and its neighbours. */
  private static final class Node {
    private List<String> upstream = List.of();
    private List<String> downstream = List.of();
    private boolean listed;

    void addUpstream(String nodeId) {
      upstream = upstream.isEmpty() ? new ArrayList<>(4) : upstream;
      upstream.add(nodeId);
    }

    void addDownstream(String nodeId) {
      downstream = downstream.isEmpty() ? new ArrayList<>(4) : downstream;
      downstream.add(nodeId);
    }
  }

  private final String flowInstances;
  private final String taskStatuses;
  private final String userId;
  private final String orgId;
  private final Header specVersion = header("ce_specversion", "1.0");
  private final Header instanceType = header("ce_type", "io.flowinstance.flow-instance.v1");
  private final Header taskType = header("ce_type", "io.flowinstance.task-status.v1");
  private final Header contentType = header("content-type", "application/json");
  private final Header source;

  public SameBytes(String flowInstances, String taskStatuses, String userId, String orgId) {
    this.flowInstances = flowInstances;
    this.taskStatuses = taskStatuses;
    this.userId = userId;
    this.orgId = orgId;
    source = header("ce_source", "/enos/" + URLEncoder.encode(orgId, UTF_8).replace("+", "%20"));
  }

  @Override
  public List<ProducerRecord<byte[], byte[]>> messages(byte[] answer, Fetch fetch)
      throws IOException {
    Instance instance = new Instance();
    try (JsonParser json = FieldTable.JSON.createParser(answer)) {
      json.nextToken();
      for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
        json.nextToken();
        if (name.equals("data")) {
          instance.read(json);
        }
      }
    }
    return instance.messages(fetch);
  }

  /** An answer's instance, on its way to its messages. */
  private final class Instance {
    private final String[] fields = INSTANCE.newObject();
    private final String[] graph = GRAPH.newObject();
    private final List<String[]> flows = new ArrayList<>(0);
    private final List<String[]> relations = new ArrayList<>();
    private final List<String[]> tasks = new ArrayList<>();
    private final Map<String, Node> nodes = new HashMap<>();

    private State state;
    private boolean settled;
    private List<String> owners;
    private String triggeredAt;
    private String startedAt;
    private String endedAt;
    private final Map<String, int[]> countByStatus = new LinkedHashMap<>();
    private final int[] countByState = new int[State.ALL.length];

    void read(JsonParser json) throws IOException {
      for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
        if (name.equals("graph")) {
          json.nextToken();
          try (JsonParser text =
              FieldTable.JSON.createParser(
                  json.getTextCharacters(), json.getTextOffset(), json.getTextLength())) {
            readGraph(text);
          }
        } else {
          INSTANCE.readValue(json, fields, name);
        }
      }
    }

    private void readGraph(JsonParser json) throws IOException {
      json.nextToken();
      for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
        switch (name) {
          case "flows" -> readAll(FLOW, json, flows);
          case "relations" -> readAll(RELATION, json, relations);
          case "tasks" -> readAll(TASK, json, tasks);
          default -> GRAPH.readValue(json, graph, name);
        }
      }
    }

    private void readAll(FieldTable table, JsonParser json, List<String[]> objects)
        throws IOException {
      json.nextToken();
      while (json.nextToken() == JsonToken.START_OBJECT) {
        objects.add(table.read(json));
      }
    }

    List<ProducerRecord<byte[], byte[]>> messages(Fetch fetch) throws IOException {
      connect();
      interpret();
      String askedAt = INSTANT.format(fetch.askedAt());
      String fetchedAt = INSTANT.format(fetch.fetchedAt());
      long timestamp = fetch.fetchedAt().toEpochMilli();
      Header time = header("ce_time", fetchedAt);
      List<ProducerRecord<byte[], byte[]>> messages = new ArrayList<>(1 + tasks.size());
      ByteArrayBuilder bytes = new ByteArrayBuilder(4000);
      try (JsonGenerator json = FieldTable.JSON.createGenerator(bytes)) {
        writeInstance(fetch, askedAt, fetchedAt, json);
        byte[] key = fields[INSTANCE_ID].getBytes(UTF_8);
        messages.add(
            new ProducerRecord<>(
                flowInstances,
                null,
                timestamp,
                key,
                written(json, bytes),
                headers(instanceType, time, fetch.observationId(), key)));
        writeShared(fetch, askedAt, fetchedAt, json);
        String object = new String(written(json, bytes), UTF_8);
        SerializableString shared =
            new SerializedString("," + object.substring(1, object.length() - 1));
        String idPrefix = fetch.observationId() + "/";
        for (int index = 0; index < tasks.size(); index++) {
          String[] task = tasks.get(index);
          writeTask(task, index, shared, json);
          byte[] taskKey = task[TASK_INST_ID].getBytes(UTF_8);
          messages.add(
              new ProducerRecord<>(
                  taskStatuses,
                  null,
                  timestamp,
                  taskKey,
                  written(json, bytes),
                  headers(taskType, time, idPrefix + index, taskKey)));
        }
      }
      return messages;
    }

    private List<Header> headers(Header type, Header time, String id, byte[] subject) {
      return Arrays.asList(
          specVersion,
          type,
          contentType,
          source,
          time,
          header("ce_id", id),
          new RecordHeader("ce_subject", subject));
    }

    /** What was written since the last message, which is its value. */
    private static byte[] written(JsonGenerator json, ByteArrayBuilder bytes) throws IOException {
      json.flush();
      byte[] value = bytes.toByteArray();
      bytes.reset();
      return value;
    }

    /** Gives each node its neighbours, and keeps of equal relations the first. */
    private void connect() {
      List<String[]> repeated = new ArrayList<>(0);
      for (int at = 0; at < relations.size(); at++) {
        String[] relation = relations.get(at);
        Node from = node(relation[SOURCE]);
        Node to = node(relation[TARGET]);
        boolean known =
            from.downstream.size() < to.upstream.size()
                ? from.downstream.contains(relation[TARGET])
                : to.upstream.contains(relation[SOURCE]);
        if (!known) {
          from.addDownstream(relation[TARGET]);
          to.addUpstream(relation[SOURCE]);
        } else if (relations.subList(0, at).stream().anyMatch(r -> Arrays.equals(r, relation))) {
          repeated.add(relation);
        }
      }
      if (!repeated.isEmpty()) {
        relations.removeIf(relation -> repeated.stream().anyMatch(r -> r == relation));
      }
    }

    private Node node(String nodeId) {
      return nodes.computeIfAbsent(nodeId, id -> new Node());
    }

    private void interpret() {
      for (String[] task : tasks) {
        String status = task[TASK_STATUS];
        if (status != null) {
          countByStatus.computeIfAbsent(status, name -> new int[1])[0]++;
        }
        countByState[State.of(status).ordinal()]++;
      }
      state = State.ofInstance(fields[STATUS], fields[STATUS_DESC]);
      settled = state.settled && countByState[State.RUNNING.ordinal()] == 0;
      owners = names(fields[OWNER]);
      owners = owners.isEmpty() ? names(graph[OWNERS]) : owners;
      triggeredAt = instant(fields[TRIGGER_TIME]);
      startedAt = instant(fields[START_TIME]);
      endedAt = instant(fields[END_TIME]);
    }

    private void writeInstance(Fetch fetch, String askedAt, String fetchedAt, JsonGenerator json)
        throws IOException {
      json.writeStartObject();
      INSTANCE.write(fields, 0, GRAPH_AT, json);
      INSTANCE.writeName(GRAPH_AT, json);
      writeGraph(json);
      INSTANCE.write(fields, GRAPH_AT + 1, fields.length, json);
      json.writeFieldName(ENRICHMENT);
      json.writeStartObject();
      json.writeStringField("state", state.name());
      json.writeBooleanField("settled", settled);
      text("triggeredAt", triggeredAt, json);
      text("startedAt", startedAt, json);
      text("endedAt", endedAt, json);
      text("createdAt", instant(fields[TIMESTAMP]), json);
      if (startedAt != null && endedAt != null) {
        long duration = millis(fields[END_TIME]) - millis(fields[START_TIME]);
        if (duration >= 0) {
          json.writeNumberField("durationMs", duration);
        }
      }
      text("businessDate", fields[CAL_DT], json);
      json.writeStringField("timeZone", "UTC");
      json.writeStringField("triggerTimeZone", "UTC");
      texts(OWNERS_NAME, owners, json);
      json.writeNumberField("taskCount", tasks.size());
      json.writeNumberField("unreadableTaskCount", 0);
      json.writeObjectFieldStart("taskCountByStatus");
      for (Map.Entry<String, int[]> count : countByStatus.entrySet()) {
        json.writeNumberField(count.getKey(), count.getValue()[0]);
      }
      json.writeEndObject();
      json.writeObjectFieldStart("taskCountByState");
      for (State each : State.ALL) {
        json.writeNumberField(each.name(), countByState[each.ordinal()]);
      }
      json.writeEndObject();
      writeNodesWithout("roots", node -> node.upstream, json);
      writeNodesWithout("leaves", node -> node.downstream, json);
      json.writeStringField("userId", userId);
      writeObservation(fetch, askedAt, fetchedAt, json);
      json.writeEndObject();
      json.writeEndObject();
    }

    private void writeGraph(JsonGenerator json) throws IOException {
      json.writeStartObject();
      GRAPH.write(graph, 0, FLOWS_AT, json);
      writeAll(FLOW, flows, FLOWS_AT, json);
      GRAPH.write(graph, FLOWS_AT + 1, RELATIONS_AT, json);
      writeAll(RELATION, relations, RELATIONS_AT, json);
      GRAPH.write(graph, RELATIONS_AT + 1, TASKS_AT, json);
      writeAll(TASK, tasks, TASKS_AT, json);
      json.writeArrayFieldStart("unreadableTasks");
      json.writeEndArray();
      json.writeEndObject();
    }

    private void writeAll(FieldTable table, List<String[]> objects, int at, JsonGenerator json)
        throws IOException {
      GRAPH.writeName(at, json);
      json.writeStartArray();
      for (String[] object : objects) {
        table.write(object, json);
      }
      json.writeEndArray();
    }

    /** Writes the nodeIds without such neighbours, each once. */
    private void writeNodesWithout(
        String name, Function<Node, List<String>> neighbours, JsonGenerator json)
        throws IOException {
      json.writeArrayFieldStart(name);
      for (String[] flow : flows) {
        writeNodeWithout(flow[FLOW_NODE_ID], neighbours, json);
      }
      for (String[] task : tasks) {
        writeNodeWithout(task[NODE_ID], neighbours, json);
      }
      json.writeEndArray();
      nodes.values().forEach(node -> node.listed = false);
    }

    private void writeNodeWithout(
        String nodeId, Function<Node, List<String>> neighbours, JsonGenerator json)
        throws IOException {
      if (nodeId != null) {
        Node node = node(nodeId);
        if (!node.listed && neighbours.apply(node).isEmpty()) {
          node.listed = true;
          json.writeString(nodeId);
        }
      }
    }

    /** Writes what the messages of all tasks have in common. */
    private void writeShared(Fetch fetch, String askedAt, String fetchedAt, JsonGenerator json)
        throws IOException {
      json.writeStartObject();
      json.writeNumberField("taskCount", tasks.size());
      json.writeObjectFieldStart("flowInstance");
      INSTANCE.write(fields, INSTANCE_ID, FLOW_NAME + 1, json);
      INSTANCE.write(fields, CYCLE, CYCLE + 1, json);
      INSTANCE.write(fields, CAL_DT, CAL_DT + 1, json);
      text("businessDate", fields[CAL_DT], json);
      INSTANCE.write(fields, STATUS, STATUS_DESC + 1, json);
      json.writeStringField("state", state.name());
      json.writeBooleanField("settled", settled);
      texts(OWNERS_NAME, owners, json);
      INSTANCE.write(fields, TRIGGER_TIME, TRIGGER_TIME + 1, json);
      text("triggeredAt", triggeredAt, json);
      text("startedAt", startedAt, json);
      text("endedAt", endedAt, json);
      json.writeEndObject();
      INSTANCE.write(fields, INSTANCE_ID, INSTANCE_ID + 1, json);
      writeObservation(fetch, askedAt, fetchedAt, json);
      json.writeEndObject();
    }

    private void writeObservation(Fetch fetch, String askedAt, String fetchedAt, JsonGenerator json)
        throws IOException {
      json.writeStringField("orgId", orgId);
      json.writeStringField("observationId", fetch.observationId());
      json.writeStringField("askedAt", askedAt);
      json.writeStringField("fetchedAt", fetchedAt);
    }

    private void writeTask(String[] task, int index, SerializableString shared, JsonGenerator json)
        throws IOException {
      json.writeStartObject();
      TASK.write(task, TASK_INST_ID, TASK_INST_ID + 1, json);
      TASK.write(task, TASK_ID, TASK_ID + 1, json);
      TASK.write(task, TASK_NAME, TASK_NAME + 1, json);
      TASK.write(task, NODE_ID, TASK_STATUS + 1, json);
      json.writeRaw(State.of(task[TASK_STATUS]).fields);
      TASK.write(task, X, X + 2, json);
      Node node = task[NODE_ID] == null ? null : nodes.get(task[NODE_ID]);
      texts(UPSTREAM, node == null ? List.of() : node.upstream, json);
      texts(DOWNSTREAM, node == null ? List.of() : node.downstream, json);
      json.writeFieldName(INDEX);
      json.writeNumber(index);
      json.writeRaw(shared);
      TASK.write(task, TASK_PARAMETERS, TASK_PARAMETERS + 1, json);
      json.writeEndObject();
    }
  }

  private static List<String> names(String text) {
    return text == null
        ? List.of()
        : Arrays.stream(text.split(";")).map(String::strip).filter(n -> !n.isEmpty()).toList();
  }

  /**
   * The instant, with three digits of a second, of a local time in UTC; null where there is none.
   */
  private static String instant(String time) {
    if (time == null || time.isEmpty()) {
      return null;
    }
    String fraction = time.length() > 20 ? (time.substring(20) + "000").substring(0, 3) : "000";
    return time.substring(0, 10) + 'T' + time.substring(11, 19) + '.' + fraction + 'Z';
  }

  /** The milliseconds since the epoch of a local time in UTC. */
  private static long millis(String time) {
    LocalDateTime local =
        LocalDateTime.of(
            number(time, 0, 4),
            number(time, 5, 7),
            number(time, 8, 10),
            number(time, 11, 13),
            number(time, 14, 16),
            number(time, 17, 19));
    return 1000 * local.toEpochSecond(ZoneOffset.UTC) + number(instant(time), 20, 23);
  }

  private static int number(String text, int from, int to) {
    return Integer.parseInt(text, from, to, 10);
  }

  private static void text(String name, String value, JsonGenerator json) throws IOException {
    if (value != null) {
      json.writeStringField(name, value);
    }
  }

  private static void texts(SerializedString name, List<String> values, JsonGenerator json)
      throws IOException {
    json.writeFieldName(name);
    json.writeStartArray();
    for (String value : values) {
      json.writeString(value);
    }
    json.writeEndArray();
  }

  private static Header header(String name, String value) {
    return new RecordHeader(name, value.getBytes(UTF_8));
  }
}
