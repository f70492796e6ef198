package io.flowinstance.event;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.graph.FlowInstance;
import io.flowinstance.graph.TaskInstance;
import java.io.IOException;
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
    EventJson.write("taskInstId", task.taskInstId(), json);
    EventJson.write("taskId", task.taskId(), json);
    EventJson.write("taskName", task.taskName(), json);
    EventJson.write("nodeId", task.nodeId(), json);
    EventJson.write("status", task.status(), json);
    State state = State.of(task.status());
    json.writeStringField("state", state.name());
    json.writeBooleanField("settled", state.isSettled());
    EventJson.write("x", task.x(), json);
    EventJson.write("y", task.y(), json);
    EventJson.write("upstream", edges.upstream(task.nodeId()), json);
    EventJson.write("downstream", edges.downstream(task.nodeId()), json);
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
    EventJson.write("instanceId", instance.instanceId(), json);
    EventJson.write("orgId", observation.orgId(), json);
    EventJson.write("observationId", observation.id(), json);
    EventJson.write("askedAt", observation.askedAt(), json);
    EventJson.write("fetchedAt", observation.fetchedAt(), json);
    json.writeEndObject();
  }

  private static void writeInstance(
      FlowInstance instance, Enrichment enrichment, JsonGenerator json) throws IOException {
    json.writeStartObject();
    EventJson.write("instanceId", instance.instanceId(), json);
    EventJson.write("flowId", instance.flowId(), json);
    EventJson.write("flowName", instance.flowName(), json);
    EventJson.write("cycle", instance.cycle(), json);
    EventJson.write("calDt", instance.calDt(), json);
    EventJson.write("businessDate", enrichment.businessDate(), json);
    EventJson.write("status", instance.status(), json);
    EventJson.write("statusDesc", instance.statusDesc(), json);
    json.writeStringField("state", enrichment.state().name());
    json.writeBooleanField("settled", enrichment.settled());
    EventJson.write("owners", enrichment.owners(), json);
    EventJson.write("triggerTime", instance.triggerTime(), json);
    EventJson.write("triggeredAt", enrichment.triggeredAt(), json);
    EventJson.write("startedAt", enrichment.startedAt(), json);
    EventJson.write("endedAt", enrichment.endedAt(), json);
    json.writeEndObject();
  }
}
