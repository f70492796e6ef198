package io.flowinstance.graph;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;

/**
 * The nodes of one run and how they depend on each other: <em>InstanceGraph</em> of <em>Get Flow
 * Instance</em>. The lists and {@code others} are never null; every other component may be, which
 * means the API did not say.
 *
 * @param owners user names, separated by semicolons
 * @param flows other workflows that tasks of this one wait for
 * @param instId the id of the workflow instance
 * @param id the id of the workflow
 * @param relations the edges, in the API's order, each once
 * @param tasks the elements of the API's array
 * @param others the fields that the documentation does not know, in the API's order
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
    @JsonAnyGetter Map<String, JsonNode> others) {
  /** The elements of the API's array that are not tasks, apart from the others. */
  @JsonProperty
  List<UnreadableTask> unreadableTasks() {
    return tasks.unreadable();
  }
}
