package io.flowinstance.graph;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The nodes of one run and how they depend on each other: the InstanceGraph RecordCodec of <em>Get
 * Flow Instance</em>. The lists and {@code others} are never null; every other component may be,
 * which means the API did not say.
 *
 * @param owners user names, separated by semicolons
 * @param flows other workflows that tasks of this one wait for
 * @param instId the id of the workflow instance
 * @param id the id of the workflow
 * @param relations the edges, in the API's order, each once
 * @param tasks the elements of the API's array
 * @param others the fields that the documentation does not know, under the API's own names, in its
 *     order
 */
public record InstanceGraph(
    String creator,
    String freq,
    Integer alertMode,
    String owners,
    String cycle,
    String doAs,
    List<FlowReference> flows,
    String alertTo,
    String name,
    String instId,
    Long id,
    List<Relation> relations,
    JsonNode parameters,
    String appId,
    Tasks tasks,
    Map<String, JsonNode> others)
    implements Element {

  private static final String UNREADABLE_TASKS = "unreadableTasks";

  static final RecordCodec<InstanceGraph> STRUCT =
      RecordCodec.of(
          InstanceGraph.class,
          Map.of(
              "flows", FlowInstanceDecoder::flows,
              "relations", FlowInstanceDecoder::relations,
              "tasks", FlowInstanceDecoder::tasks));

  public InstanceGraph {
    flows = List.copyOf(flows);
    relations = List.copyOf(relations);
    others = Collections.unmodifiableMap(others);
  }

  /**
   * Writes the graph as one JSON object, under the canonical names, and the unreadable tasks apart
   * from the others. An unknown field named {@code unreadableTasks} gives way to ours.
   */
  @Override
  public void writeTo(JsonGenerator json) throws IOException {
    json.writeStartObject();
    STRUCT.writeFields(this, others, Set.of(UNREADABLE_TASKS), json);
    json.writeArrayFieldStart(UNREADABLE_TASKS);
    for (UnreadableTask task : tasks.unreadable()) {
      task.writeTo(json);
    }
    json.writeEndArray();
    json.writeEndObject();
  }
}
