package io.flowinstance.event;

import io.flowinstance.graph.Relation;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The neighbours of each node of a graph, found in constant time, in the order of the relations,
 * each once.
 */
final class Edges {
  private static final Node ALONE = new Node(List.of(), List.of());

  private final Map<String, Node> nodes = new HashMap<>();

  private record Node(List<String> upstream, List<String> downstream) {}

  Edges(List<Relation> relations) {
    for (Relation relation : relations) {
      String source = relation.source();
      String target = relation.target();
      // One end alone is not an edge.
      if (source == null || target == null) {
        continue;
      }
      List<String> downstream = node(source).downstream();
      List<String> upstream = node(target).upstream();
      // Two relations may differ in their cycle gap only. The shorter list is never long: a graph
      // of a million edges has nodes of a thousand on one side at most.
      boolean isKnown =
          downstream.size() < upstream.size()
              ? downstream.contains(target)
              : upstream.contains(source);
      if (!isKnown) {
        downstream.add(target);
        upstream.add(source);
      }
    }
  }

  private Node node(String nodeId) {
    return nodes.computeIfAbsent(nodeId, id -> new Node(new ArrayList<>(2), new ArrayList<>(2)));
  }

  /** The nodes that this one waits for. */
  List<String> upstream(String nodeId) {
    return nodes.getOrDefault(nodeId, ALONE).upstream();
  }

  /** The nodes that wait for this one. */
  List<String> downstream(String nodeId) {
    return nodes.getOrDefault(nodeId, ALONE).downstream();
  }
}
