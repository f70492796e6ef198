package io.flowinstance.event;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.SerializableString;
import com.fasterxml.jackson.core.io.SerializedString;
import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.graph.FlowInstance;
import io.flowinstance.graph.TaskInstance;
import io.flowinstance.json.Json;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * One task of a workflow instance as a message: what the API said of it, its state, its neighbours,
 * and the instance it runs in. The shape is that of {@code schemas/task-status.v1.schema.json}.
 *
 * @param shared the fields that are the same for all tasks of the instance
 */
public record TaskStatusEvent(TaskInstance task, Edges edges, SerializableString shared) {
  /** The CloudEvents type. */
  public static final String TYPE = "io.flowinstance.task-status.v1";

  /** The computed fields: an unknown field of the task of one of these names gives way to ours. */
  private static final Set<String> COMPUTED =
      Set.of(
          ("state settled upstream downstream index taskCount flowInstance instanceId orgId"
                  + " observationId askedAt fetchedAt")
              .split(" "));

  static List<TaskStatusEvent> split(
      FlowInstance instance, Edges edges, Enrichment enrichment, Observation observation) {
    // What all tasks share is the greater part of an event, and is serialized once.
    String object =
        new String(Json.write(json -> writeShared(instance, enrichment, observation, json)), UTF_8);
    SerializableString shared =
        new SerializedString("," + object.substring(1, object.length() - 1));
    return instance.graph().tasks().readable().stream()
        .map(task -> new TaskStatusEvent(task, edges, shared))
        .toList();
  }

  /** The key of the message: the id of the task instance. */
  public String key() {
    return task.taskInstId();
  }

  /** The place of the task among all elements of {@code graph.tasks}, from 0. */
  public int index() {
    return task.index();
  }

  /** The value of the message: compact JSON in UTF-8. */
  public byte[] toJson() {
    return Json.write(this::writeTo);
  }

  private void writeTo(JsonGenerator json) throws IOException {
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
    json.writeRaw(shared);
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

  private static void writeShared(
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
