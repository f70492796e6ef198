package io.flowinstance.graph;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.math.BigDecimal;
import java.util.Collections;
import java.util.Map;

/**
 * One run of a task: the TaskInstanceGraph RecordCodec of <em>Get Flow Instance</em>. Every
 * component but {@code index}, {@code taskInstId} and {@code others} may be null, which means the
 * API did not say.
 *
 * @param index the place in {@code graph.tasks}, from 0
 * @param taskInstId the id of the task instance: opaque text, never blank
 * @param x the x-axis on the configuration panel
 * @param y the y-axis on the configuration panel
 * @param taskId the id of the task
 * @param nodeId the id that relations point to; not the task id
 * @param status a name such as SUCCESS, CANCEL or INIT; the set is open
 * @param others the fields that the documentation does not know, under the API's own names, in its
 *     order
 */
public record TaskInstance(
    int index,
    String taskName,
    String taskInstId,
    BigDecimal x,
    BigDecimal y,
    String taskId,
    String nodeId,
    String status,
    JsonNode parameters,
    Map<String, JsonNode> others)
    implements Element {

  static final RecordCodec<TaskInstance> STRUCT = RecordCodec.of(TaskInstance.class);

  public TaskInstance {
    others = Collections.unmodifiableMap(others);
  }

  /** Writes the task as one JSON object, under the canonical names. */
  @Override
  public void writeTo(JsonGenerator json) throws IOException {
    STRUCT.write(this, others, json);
  }
}
