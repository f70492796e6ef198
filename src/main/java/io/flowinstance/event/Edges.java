package io.flowinstance.event;

import io.flowinstance.graph.Relation;
import io.flowinstance.json.Json;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The neighbours of each node of a graph, found in constant time, in the order of the relations,
 * each once.
 */
final class Edges {
  private static final Node ALONE = new Node(List.of(), List.of());

  private final Map<String, Node> nodes = new HashMap<>();

  /**
   * @param upstream the nodes that it waits for
   * @param downstream the nodes that wait for it
   */
  record Node(List<String> upstream, List<String> downstream) {}

  Edges(List<Relation> relations) {
    for (Relation relation : relations) {
      String source = relation.source();
      String target = relation.target();
      // One end alone is not an edge.
      if (Json.isBlank(source) || Json.isBlank(target)) {
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

  /** The neighbours of a node; the nodeId may be null. */
  Node of(String nodeId) {
    return nodes.getOrDefault(nodeId, ALONE);
  }

  /** Adds a node to those that wait for none, and to those that none waits for. */
  void addEnd(String nodeId, Set<String> roots, Set<String> leaves) {
    if (Json.isBlank(nodeId)) {
      return;
    }
    Node node = of(nodeId);
    if (node.upstream().isEmpty()) {
      roots.add(nodeId);
    }
    if (node.downstream().isEmpty()) {
      leaves.add(nodeId);
    }
  }
}
