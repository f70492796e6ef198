package io.flowinstance.graph;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.math.BigInteger;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * The nodes of one run and how they depend on each other: the InstanceGraph Struct of <em>Get Flow
 * Instance</em>. The lists and {@code others} are never null; every other component may be, which
 * means the API did not say.
 *
 * @param owners user names, separated by semicolons
 * @param flows other workflows that tasks of this one wait for
 * @param instId the id of the workflow instance
 * @param id the id of the workflow
 * @param relations the edges, in the API's order, each once
 * @param tasks every element of the API's array, in its place: {@link TaskInstance} or {@link
 *     UnreadableTask}
 * @param others the fields that the documentation does not know, under the API's own names, in its
 *     order
 */
public record InstanceGraph(
    String creator,
    String freq,
    BigInteger alertMode,
    String owners,
    String cycle,
    String doAs,
    List<FlowReference> flows,
    String alertTo,
    String name,
    String instId,
    BigInteger id,
    List<Relation> relations,
    JsonNode parameters,
    String appId,
    List<GraphTask> tasks,
    Map<String, JsonNode> others)
    implements Element {

  static final Struct<InstanceGraph> STRUCT =
      Struct.of(
          InstanceGraph.class,
          Map.of(
              "flows", FlowInstanceDecoder::flows,
              "relations", FlowInstanceDecoder::relations,
              "tasks", FlowInstanceDecoder::tasks));

  public InstanceGraph {
    flows = List.copyOf(flows);
    relations = List.copyOf(relations);
    tasks = List.copyOf(tasks);
    others = Collections.unmodifiableMap(others);
  }

  /** The tasks that could be read, in graph order. */
  public List<TaskInstance> readableTasks() {
    return tasks.stream()
        .filter(TaskInstance.class::isInstance)
        .map(TaskInstance.class::cast)
        .toList();
  }

  /** The elements of {@code tasks} that could not be read, in graph order. */
  public List<UnreadableTask> unreadableTasks() {
    return tasks.stream()
        .filter(UnreadableTask.class::isInstance)
        .map(UnreadableTask.class::cast)
        .toList();
  }

  /**
   * Writes the graph as one JSON object, under the canonical names, unreadable tasks exactly as
   * they came.
   */
  @Override
  public void writeTo(JsonGenerator json) throws IOException {
    STRUCT.write(this, others, json);
  }
}
