package io.flowinstance.event;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.graph.FlowInstance;
import io.flowinstance.graph.TaskInstance;
import java.io.IOException;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * One task of a workflow instance as a message: what the API said of it, its state, its neighbours,
 * and the instance it runs in. The shape is that of {@code schemas/task-status.v1.schema.json}.
 *
 * @param all the events that it is one of
 * @param at its place among them, from 0
 */
public record TaskStatusEvent(TaskStatusEvents all, int at) {
  /** The CloudEvents type. */
  public static final String TYPE = "io.flowinstance.task-status.v1";

  /** The computed fields: an unknown field of the task of one of these names gives way to ours. */
  private static final Set<String> COMPUTED =
      Set.of(
          ("state settled upstream downstream index taskCount flowInstance instanceId orgId"
                  + " observationId askedAt fetchedAt")
              .split(" "));

  /** The key of the message, in UTF-8: the id of the task instance. */
  public byte[] key() {
    return all.key(at);
  }

  /** The place of the task among all elements of {@code graph.tasks}, from 0. */
  public int index() {
    return all.index(at);
  }

  /** The value of the message: compact JSON in UTF-8. */
  public byte[] toJson() {
    return all.json(at);
  }

  /** Begins the object of an event, with the fields that stand before those that all share. */
  static void begin(TaskInstance task, Edges edges, JsonGenerator json) throws IOException {
    json.writeStartObject();
    write("taskInstId", task.taskInstId(), json);
    write("taskId", task.taskId(), json);
    write("taskName", task.taskName(), json);
    write("nodeId", task.nodeId(), json);
    write("status", task.status(), json);
    State state = State.of(task.status());
    json.writeStringField("state", state.name());
    json.writeBooleanField("settled", state.isSettled());
    write("x", task.x(), json);
    write("y", task.y(), json);
    Edges.Node node = edges.of(task.nodeId());
    write("upstream", node.upstream(), json);
    write("downstream", node.downstream(), json);
    json.writeNumberField("index", task.index());
  }

  /** Ends it, with the fields that stand behind those that all share. */
  static void end(TaskInstance task, JsonGenerator json) throws IOException {
    if (task.parameters() != null) {
      json.writeFieldName("parameters");
      json.writeTree(task.parameters());
    }
    for (Map.Entry<String, JsonNode> other : task.others().entrySet()) {
      if (!COMPUTED.contains(other.getKey())) {
        json.writeFieldName(other.getKey());
        json.writeTree(other.getValue());
      }
    }
    json.writeEndObject();
  }

  /** An object of the fields that all events of an instance share. */
  static void writeShared(
      FlowInstance instance, Enrichment enrichment, Observation observation, JsonGenerator json)
      throws IOException {
    json.writeStartObject();
    json.writeNumberField("taskCount", enrichment.taskCount());
    json.writeFieldName("flowInstance");
    writeInstance(instance, enrichment, json);
    // What differs from fetch to fetch stands together: that is 2 % less on the wire.
    write("instanceId", instance.instanceId(), json);
    write("orgId", observation.orgId(), json);
    write("observationId", observation.id(), json);
    write("askedAt", observation.askedAt(), json);
    write("fetchedAt", observation.fetchedAt(), json);
    json.writeEndObject();
  }

  private static void writeInstance(
      FlowInstance instance, Enrichment enrichment, JsonGenerator json) throws IOException {
    json.writeStartObject();
    write("instanceId", instance.instanceId(), json);
    write("flowId", instance.flowId(), json);
    write("flowName", instance.flowName(), json);
    write("cycle", instance.cycle(), json);
    write("calDt", instance.calDt(), json);
    write("businessDate", enrichment.businessDate(), json);
    write("status", instance.status(), json);
    write("statusDesc", instance.statusDesc(), json);
    json.writeStringField("state", enrichment.state().name());
    json.writeBooleanField("settled", enrichment.settled());
    write("owners", enrichment.owners(), json);
    write("triggerTime", instance.triggerTime(), json);
    write("triggeredAt", enrichment.triggeredAt(), json);
    write("startedAt", enrichment.startedAt(), json);
    write("endedAt", enrichment.endedAt(), json);
    json.writeEndObject();
  }

  /** What is null is left out. */
  private static void write(String name, String value, JsonGenerator json) throws IOException {
    if (value != null) {
      json.writeStringField(name, value);
    }
  }

  private static void write(String name, Instant value, JsonGenerator json) throws IOException {
    if (value != null) {
      json.writeStringField(name, Times.text(value));
    }
  }

  private static void write(String name, Number value, JsonGenerator json) throws IOException {
    if (value instanceof BigDecimal decimal) {
      json.writeNumberField(name, decimal);
    } else if (value != null) {
      json.writeNumberField(name, value.longValue());
    }
  }

  private static void write(String name, List<String> values, JsonGenerator json)
      throws IOException {
    json.writeArrayFieldStart(name);
    for (String value : values) {
      json.writeString(value);
    }
    json.writeEndArray();
  }
}
