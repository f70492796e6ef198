package io.flowinstance.graph;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.Collections;
import java.util.Map;

/**
 * An edge of the graph: the Relation RecordCodec of <em>Get Flow Instance</em>. Every component but
 * {@code others} may be null, which means the API did not say.
 *
 * @param cycleGap the difference of the schedule times: a cycle letter and an offset, such as
 *     {@code D0}
 * @param source the nodeId of what comes first: a task or another workflow
 * @param target the nodeId of what waits
 * @param others the fields that the documentation does not know, under the API's own names, in its
 *     order
 */
public record Relation(
    String cycleGap, String source, String target, Boolean rerun, Map<String, JsonNode> others)
    implements Element {

  static final RecordCodec<Relation> STRUCT = RecordCodec.of(Relation.class);

  public Relation {
    others = Collections.unmodifiableMap(others);
  }

  /** Writes the relation as one JSON object, under the canonical names. */
  @Override
  public void writeTo(JsonGenerator json) throws IOException {
    STRUCT.write(this, others, json);
  }
}
