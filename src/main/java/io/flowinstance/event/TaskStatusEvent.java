package io.flowinstance.event;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.SerializableString;
import com.fasterxml.jackson.core.io.SerializedString;
import io.flowinstance.graph.FlowInstance;
import io.flowinstance.graph.TaskInstance;
import io.flowinstance.json.Json;
import java.io.IOException;
import java.util.List;

/**
 * One task of a workflow instance as a message: what the documentation knows of it, its neighbours,
 * and the instance it runs in; what else the API said of it stands in the {@link
 * FlowInstanceEvent}. The shape is that of {@code schemas/task-status.v1.schema.json}.
 */
public final class TaskStatusEvent {
  /** The CloudEvents type. */
  public static final String TYPE = "io.flowinstance.task-status.v1";

  private final TaskInstance task;
  private final List<String> upstream;
  private final List<String> downstream;
  private final Siblings siblings;

  /** What all tasks of an instance share, serialized once. */
  private record Siblings(int count, SerializableString flowInstance, String fetchedAt) {}

  private TaskStatusEvent(TaskInstance task, Edges edges, Siblings siblings) {
    this.task = task;
    this.upstream = edges.upstream(task.nodeId());
    this.downstream = edges.downstream(task.nodeId());
    this.siblings = siblings;
  }

  static List<TaskStatusEvent> split(FlowInstance instance, Edges edges, Enrichment enrichment) {
    byte[] block = Json.write(json -> writeInstance(instance, enrichment, json));
    Siblings siblings =
        new Siblings(
            instance.graph().tasks().size(),
            new SerializedString(new String(block, UTF_8)),
            enrichment.fetchedAt().toString());
    return instance.graph().readableTasks().stream()
        .map(task -> new TaskStatusEvent(task, edges, siblings))
        .toList();
  }

  /** What the API said. */
  public TaskInstance task() {
    return task;
  }

  /** The key of the message: the id of the task instance. */
  public String key() {
    return task.taskInstId();
  }

  /** The CloudEvents type. */
  public String type() {
    return TYPE;
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
    EventJson.write("x", task.x(), json);
    EventJson.write("y", task.y(), json);
    EventJson.write("upstream", upstream, json);
    EventJson.write("downstream", downstream, json);
    json.writeNumberField("index", task.index());
    json.writeNumberField("count", siblings.count());
    json.writeFieldName("flowInstance");
    json.writeRawValue(siblings.flowInstance());
    EventJson.write("fetchedAt", siblings.fetchedAt(), json);
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
    EventJson.write("status", instance.status(), json);
    EventJson.write("statusDesc", instance.statusDesc(), json);
    EventJson.write("owners", enrichment.owners(), json);
    EventJson.write("triggerTime", instance.triggerTime(), json);
    EventJson.write("triggeredAt", enrichment.triggeredAt(), json);
    EventJson.write("startedAt", enrichment.startedAt(), json);
    EventJson.write("endedAt", enrichment.endedAt(), json);
    json.writeEndObject();
  }
}
