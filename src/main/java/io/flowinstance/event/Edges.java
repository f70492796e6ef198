package io.flowinstance.event;

import io.flowinstance.graph.Relation;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The neighbours of each node of a graph, found in constant time, in the order of the relations,
 * each once.
 */
final class Edges {
  private final Map<String, List<String>> upstream = new HashMap<>();
  private final Map<String, List<String>> downstream = new HashMap<>();

  private record Edge(String source, String target) {}

  Edges(List<Relation> relations) {
    Set<Edge> seen = new HashSet<>();
    for (Relation relation : relations) {
      String source = relation.source();
      String target = relation.target();
      // One end alone is not an edge. Two relations may differ in their cycle gap only.
      if (source != null && target != null && seen.add(new Edge(source, target))) {
        upstream.computeIfAbsent(target, node -> new ArrayList<>()).add(source);
        downstream.computeIfAbsent(source, node -> new ArrayList<>()).add(target);
      }
    }
  }

  /** The nodes that this one waits for. */
  List<String> upstream(String nodeId) {
    return upstream.getOrDefault(nodeId, List.of());
  }

  /** The nodes that wait for this one. */
  List<String> downstream(String nodeId) {
    return downstream.getOrDefault(nodeId, List.of());
  }
}
