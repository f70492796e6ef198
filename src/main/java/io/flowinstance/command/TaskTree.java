package io.flowinstance.command;

import io.flowinstance.event.State;
import io.flowinstance.graph.FlowReference;
import io.flowinstance.graph.InstanceGraph;
import io.flowinstance.graph.Relation;
import io.flowinstance.graph.TaskInstance;
import io.flowinstance.json.Printable;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Help.Ansi;

/**
 * The graph of an instance as a tree: what waits for a node stands under it. A node with several
 * nodes before it is drawn under the first of them, with all that follows; under the others it is
 * only named.
 */
final class TaskTree {
  private final Ansi ansi;
  private final Map<String, Node> byNodeId = new HashMap<>();
  private final List<Node> nodes = new ArrayList<>();

  /** A task, another workflow, or a nodeId that only relations know. Two may look the same. */
  private static final class Node {
    private final String label;
    private final Set<Node> following = new LinkedHashSet<>();
    private boolean follows;
    private boolean drawn;

    Node(String label) {
      this.label = label;
    }
  }

  /**
   * A node where it is to be drawn.
   *
   * @param before what its line begins with
   * @param beforeFollowing what the lines of what follows begin with
   */
  private record Branch(Node node, String before, String beforeFollowing) {}

  private TaskTree(Ansi ansi) {
    this.ansi = ansi;
  }

  static void draw(InstanceGraph graph, Ansi ansi, boolean unicode, Consumer<String> lines) {
    TaskTree tree = new TaskTree(ansi);
    for (FlowReference flow : graph.flows()) {
      String id = flow.flowInstId() != null ? flow.flowInstId() : flow.flowId();
      String status = flow.status() == null ? null : tree.coloured(flow.status());
      tree.add(
          flow.nodeId(), printable(flow.flowName()), printable(id), "(another workflow)", status);
    }
    for (TaskInstance task : graph.tasks().readable()) {
      String status = task.status() == null ? "(no status)" : tree.coloured(task.status());
      tree.add(task.nodeId(), printable(task.taskName()), printable(task.taskInstId()), status);
    }
    for (Relation relation : graph.relations()) {
      if (relation.source() != null && relation.target() != null) {
        Node target = tree.node(relation.target());
        tree.node(relation.source()).following.add(target);
        target.follows = true;
      }
    }
    for (Node node : tree.nodes) {
      if (!node.follows) {
        tree.draw(node, unicode, lines);
      }
    }
    // What is left is part of a cycle, which EnOS does not allow.
    for (Node node : tree.nodes) {
      if (!node.drawn) {
        tree.draw(node, unicode, lines);
      }
    }
  }

  private Node add(String nodeId, String... parts) {
    Node node =
        new Node(
            Stream.of(parts)
                .filter(part -> part != null && !part.isBlank())
                .collect(Collectors.joining("  ")));
    nodes.add(node);
    if (nodeId != null) {
      byNodeId.putIfAbsent(nodeId, node);
    }
    return node;
  }

  private Node node(String nodeId) {
    Node known = byNodeId.get(nodeId);
    return known == null ? add(nodeId, printable(nodeId), "(not in the graph)") : known;
  }

  /** Draws without recursion, which a long chain would exhaust. */
  private void draw(Node root, boolean unicode, Consumer<String> lines) {
    String[] signs =
        unicode ? new String[] {"├─ ", "└─ ", "│  "} : new String[] {"|- ", "`- ", "|  "};
    Deque<Branch> open = new ArrayDeque<>(List.of(new Branch(root, "", "")));
    while (!open.isEmpty()) {
      Branch branch = open.pop();
      Node node = branch.node();
      String where = node.following.isEmpty() ? "  (above)" : "  (continued above)";
      lines.accept(
          branch.before()
              + node.label
              + (node.drawn ? Words.styled(where, ansi, List.of(Ansi.Style.faint)) : ""));
      if (node.drawn) {
        continue;
      }
      node.drawn = true;
      List<Node> following = new ArrayList<>(node.following);
      for (int at = following.size() - 1; at >= 0; at--) {
        boolean last = at == following.size() - 1;
        String indent = branch.beforeFollowing();
        open.push(
            new Branch(
                following.get(at),
                indent + signs[last ? 1 : 0],
                indent + (last ? "   " : signs[2])));
      }
    }
  }

  private String coloured(String status) {
    return Words.coloured(status, State.of(status), ansi);
  }

  private static String printable(String text) {
    return text == null ? null : Printable.of(text);
  }
}
