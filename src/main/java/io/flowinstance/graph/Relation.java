package io.flowinstance.graph;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;

/**
 * An edge of the graph: <em>Relation</em> of <em>Get Flow Instance</em>. Every component but {@code
 * others} may be null, which means the API did not say.
 *
 * @param cycleGap the difference of the schedule times: a cycle letter and an offset, such as
 *     {@code D0}
 * @param source the nodeId of what comes first: a task or another workflow
 * @param target the nodeId of what waits
 * @param others the fields that the documentation does not know, in the API's order
 */
public record Relation(
    String cycleGap,
    String source,
    String target,
    Boolean rerun,
    @JsonAnyGetter Map<String, JsonNode> others) {}
