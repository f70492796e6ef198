package io.flowinstance.graph;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.util.Map;

/**
 * Another workflow that tasks of this one wait for: <em>FlowInstanceGraph</em> of <em>Get Flow
 * Instance</em>. Every component but {@code others} may be null, which means the API did not say.
 *
 * @param flowId the id of the other workflow; here the API spells it as text
 * @param nodeId the id that relations start from
 * @param x the x-axis on the configuration panel
 * @param y the y-axis on the configuration panel
 * @param flowInstId the id of the instance of the other workflow
 * @param status a name; NONE has been seen, which is not a status of a flow instance
 * @param others the fields that the documentation does not know, in the API's order
 */
public record FlowReference(
    String flowId,
    String flowName,
    String nodeId,
    Boolean isVirtual,
    BigDecimal x,
    BigDecimal y,
    String flowInstId,
    String status,
    JsonNode parameters,
    @JsonAnyGetter Map<String, JsonNode> others) {}
