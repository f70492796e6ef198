package io.flowinstance.graph;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.util.Map;

/**
 * One run of a task: <em>TaskInstanceGraph</em> of <em>Get Flow Instance</em>. Every component but
 * {@code index}, {@code taskInstId} and {@code others} may be null, which means the API did not
 * say.
 *
 * @param index the place in {@code graph.tasks}, from 0
 * @param taskInstId the id of the task instance: opaque text, never blank
 * @param x the x-axis on the configuration panel
 * @param y the y-axis on the configuration panel
 * @param taskId the id of the task
 * @param nodeId the id that relations point to; not the task id
 * @param status a name such as SUCCESS, CANCEL or INIT; the set is open
 * @param others the fields that the documentation does not know, in the API's order
 */
public record TaskInstance(
    @JsonIgnore int index,
    String taskName,
    String taskInstId,
    BigDecimal x,
    BigDecimal y,
    String taskId,
    String nodeId,
    String status,
    JsonNode parameters,
    @JsonAnyGetter Map<String, JsonNode> others) {}
