package io.flowinstance.graph;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.math.BigDecimal;
import java.util.Collections;
import java.util.Map;

/**
 * Another workflow that tasks of this one wait for: the FlowInstanceGraph RecordCodec of <em>Get
 * Flow Instance</em>. Every component but {@code others} may be null, which means the API did not
 * say.
 *
 * @param flowId the id of the other workflow; here the API spells it as text
 * @param nodeId the id that relations start from
 * @param x the x-axis on the configuration panel
 * @param y the y-axis on the configuration panel
 * @param flowInstId the id of the instance of the other workflow
 * @param status a name; NONE has been seen, which is no status of a flow instance
 * @param others the fields that the documentation does not know, under the API's own names, in its
 *     order
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
    Map<String, JsonNode> others)
    implements Element {

  static final RecordCodec<FlowReference> STRUCT = RecordCodec.of(FlowReference.class);

  public FlowReference {
    others = Collections.unmodifiableMap(others);
  }

  /** Writes the reference as one JSON object, under the canonical names. */
  @Override
  public void writeTo(JsonGenerator json) throws IOException {
    STRUCT.write(this, others, json);
  }
}
