package io.flowinstance.graph;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.Comparator;
import java.util.Map;

/**
 * An edge of the graph: <em>Relation</em> of <em>Get Flow Instance</em>. Every component but {@code
 * others} may be null, which means the API did not say.
 *
 * <p>Its order means nothing, but lets a hash table find one of many with an equal hash.
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
    @JsonAnyGetter Map<String, JsonNode> others)
    implements Comparable<Relation> {
  private static final Comparator<Relation> ORDER =
      Comparator.comparing(Relation::source, nullsFirst())
          .thenComparing(Relation::target, nullsFirst())
          .thenComparing(Relation::cycleGap, nullsFirst())
          .thenComparing(Relation::rerun, nullsFirst())
          .thenComparing(relation -> relation.others().toString());

  private static <T extends Comparable<T>> Comparator<T> nullsFirst() {
    return Comparator.nullsFirst(Comparator.naturalOrder());
  }

  @Override
  public int compareTo(Relation other) {
    return ORDER.compare(this, other);
  }
}
