package io.flowinstance.command;

import io.flowinstance.graph.FlowReference;
import io.flowinstance.graph.InstanceGraph;
import io.flowinstance.graph.Relation;
import io.flowinstance.graph.TaskInstance;
import io.flowinstance.json.Printable;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import picocli.CommandLine.Help.Ansi;

/**
 * The graph of an instance as a tree: what waits for a node stands under it. A node with several
 * nodes before it is drawn under the first of them, with all that follows; under the others it is
 * only named.
 */
final class TaskTree {
  private final Ansi ansi;
  private final boolean unicode;
  private final Map<String, Node> byNodeId = new LinkedHashMap<>();
  private final List<Node> nodes = new ArrayList<>();

  /** A task, another workflow, or a nodeId that only relations know. */
  private record Node(String label, Set<Node> following, Set<Node> before) {
    Node(String label) {
      this(label, new LinkedHashSet<>(), new LinkedHashSet<>());
    }

    /** Two nodes may look the same: only the node itself is equal to it. */
    @Override
    public boolean equals(Object other) {
      return this == other;
    }

    @Override
    public int hashCode() {
      return System.identityHashCode(this);
    }
  }

  /** A node where it is to be drawn. */
  private record Branch(Node node, String indent, boolean root, boolean last) {}

  private TaskTree(Ansi ansi, boolean unicode) {
    this.ansi = ansi;
    this.unicode = unicode;
  }

  /**
   * Draws a graph, line by line.
   *
   * @param unicode whether more than ASCII can be shown
   */
  static void draw(InstanceGraph graph, Ansi ansi, boolean unicode, Consumer<String> lines) {
    TaskTree tree = new TaskTree(ansi, unicode);
    for (FlowReference flow : graph.flows()) {
      tree.add(flow.nodeId(), tree.label(flow));
    }
    for (TaskInstance task : graph.tasks().readable()) {
      tree.add(task.nodeId(), tree.label(task));
    }
    graph.relations().forEach(tree::connect);
    tree.draw(lines);
  }

  private void add(String nodeId, String label) {
    Node node = new Node(label);
    nodes.add(node);
    if (nodeId != null) {
      byNodeId.putIfAbsent(nodeId, node);
    }
  }

  private void connect(Relation relation) {
    if (relation.source() != null && relation.target() != null) {
      Node source = node(relation.source());
      Node target = node(relation.target());
      source.following().add(target);
      target.before().add(source);
    }
  }

  private Node node(String nodeId) {
    return byNodeId.computeIfAbsent(
        nodeId,
        unknown -> {
          Node node = new Node(Printable.of(unknown) + "  (not in the graph)");
          nodes.add(node);
          return node;
        });
  }

  private void draw(Consumer<String> lines) {
    Set<Node> drawn = new HashSet<>();
    for (Node node : nodes) {
      if (node.before().isEmpty()) {
        draw(node, drawn, lines);
      }
    }
    // What is left goes round in a circle, which EnOS says there is not.
    for (Node node : nodes) {
      if (!drawn.contains(node)) {
        draw(node, drawn, lines);
      }
    }
  }

  /** Without recursion: a chain may be as long as it likes. */
  private void draw(Node root, Set<Node> drawn, Consumer<String> lines) {
    Deque<Branch> open = new ArrayDeque<>();
    open.push(new Branch(root, "", true, true));
    while (!open.isEmpty()) {
      Branch branch = open.pop();
      Node node = branch.node();
      boolean first = drawn.add(node);
      boolean drawnBefore = !first && !node.following().isEmpty();
      lines.accept(
          branch.indent()
              + (branch.root() ? "" : sign(branch.last()))
              + node.label()
              + (first ? "" : faint(drawnBefore ? "  (continued above)" : "  (above)")));
      if (!first) {
        continue;
      }
      List<Node> following = new ArrayList<>(node.following());
      String indent = branch.root() ? "" : branch.indent() + (branch.last() ? "   " : bar());
      for (int at = following.size() - 1; at >= 0; at--) {
        open.push(new Branch(following.get(at), indent, false, at == following.size() - 1));
      }
    }
  }

  private String sign(boolean last) {
    if (unicode) {
      return last ? "└─ " : "├─ ";
    }
    return last ? "`- " : "|- ";
  }

  private String bar() {
    return unicode ? "│  " : "|  ";
  }

  private String label(FlowReference flow) {
    StringBuilder label = new StringBuilder();
    append(label, printable(flow.flowName()));
    append(label, printable(flow.flowInstId() != null ? flow.flowInstId() : flow.flowId()));
    append(label, "(another workflow)");
    if (flow.status() != null) {
      append(label, StatusColours.of(flow.status(), ansi));
    }
    return label.toString();
  }

  private String label(TaskInstance task) {
    StringBuilder label = new StringBuilder();
    append(label, printable(task.taskName()));
    append(label, printable(task.taskInstId()));
    append(label, task.status() == null ? "(no status)" : StatusColours.of(task.status(), ansi));
    return label.toString();
  }

  private static String printable(String text) {
    return text == null ? null : Printable.of(text);
  }

  private static void append(StringBuilder label, String part) {
    if (part != null && !part.isBlank()) {
      label.append(label.isEmpty() ? "" : "  ").append(part);
    }
  }

  private String faint(String text) {
    return ansi.enabled() ? Ansi.Style.faint.on() + text + Ansi.Style.reset.on() : text;
  }
}
