package io.flowinstance.command;

import io.flowinstance.event.State;
import io.flowinstance.graph.FlowReference;
import io.flowinstance.graph.InstanceGraph;
import io.flowinstance.graph.Relation;
import io.flowinstance.graph.TaskInstance;
import io.flowinstance.json.Printable;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** The graph of an instance as a Mermaid flowchart; each node has the colour of its state. */
final class MermaidFlowchart {
  private final List<String> lines = new ArrayList<>(List.of("flowchart LR"));
  private final Map<String, String> idsByNodeId = new HashMap<>();
  private final Set<State> states = EnumSet.noneOf(State.class);
  private int nodes;

  private MermaidFlowchart() {}

  static List<String> of(InstanceGraph graph) {
    MermaidFlowchart chart = new MermaidFlowchart();
    for (FlowReference flow : graph.flows()) {
      chart.add(
          flow.nodeId(),
          "[[\"%s\"]]",
          name(flow.flowName(), flow.flowInstId(), flow.flowId(), "another workflow"),
          flow.status());
    }
    for (TaskInstance task : graph.tasks().readable()) {
      chart.add(task.nodeId(), "[\"%s\"]", name(task.taskName(), task.taskInstId()), task.status());
    }
    Set<String> edges = new LinkedHashSet<>();
    for (Relation relation : graph.relations()) {
      if (relation.source() != null && relation.target() != null) {
        edges.add("  " + chart.id(relation.source()) + " --> " + chart.id(relation.target()));
      }
    }
    chart.lines.addAll(edges);
    chart.states.forEach(state -> chart.lines.add("  classDef " + state + " " + colours(state)));
    return chart.lines;
  }

  private String add(String nodeId, String shape, String name, String status) {
    String id = "n" + nodes++;
    State state = State.of(status);
    states.add(state);
    String label = escaped(name) + "<br/>" + escaped(status == null ? "no status" : status);
    lines.add("  " + id + shape.formatted(label) + ":::" + state);
    if (nodeId != null) {
      idsByNodeId.putIfAbsent(nodeId, id);
    }
    return id;
  }

  private String id(String nodeId) {
    String known = idsByNodeId.get(nodeId);
    return known != null ? known : add(nodeId, "([\"%s\"])", nodeId, "not in the graph");
  }

  /** The first of them that says something. */
  private static String name(String... names) {
    return Stream.of(names).filter(name -> name != null && !name.isBlank()).findFirst().orElse("");
  }

  /**
   * Everything but letters, digits and blanks as {@code #<code point>;}, so that no text is read as
   * Mermaid, Markdown or HTML. Signs that join two letters or digits, as in {@code a_b-1.2}, stay.
   */
  private static String escaped(String text) {
    int[] signs = Printable.of(text.strip()).codePoints().toArray();
    StringBuilder escaped = new StringBuilder();
    for (int i = 0; i < signs.length; i++) {
      boolean joins =
          "-_.".indexOf(signs[i]) >= 0
              && i > 0
              && i < signs.length - 1
              && Character.isLetterOrDigit(signs[i - 1])
              && Character.isLetterOrDigit(signs[i + 1]);
      if (joins || signs[i] == ' ' || Character.isLetterOrDigit(signs[i])) {
        escaped.appendCodePoint(signs[i]);
      } else {
        escaped.append('#').append(signs[i]).append(';');
      }
    }
    return escaped.toString();
  }

  /** As {@link Words#coloured} has them, on a page. */
  private static String colours(State state) {
    return switch (state) {
      case SUCCEEDED -> "fill:#d3f2d8,stroke:#1a7f37,color:#000";
      case FAILED -> "fill:#ffd7d5,stroke:#cf222e,color:#000";
      case RUNNING -> "fill:#cdf1f7,stroke:#0e7490,color:#000";
      case WAITING, SUSPENDED -> "fill:#fff5c9,stroke:#9a6700,color:#000";
      case CANCELED, SKIPPED -> "fill:#eaeef2,stroke:#8c959f,color:#57606a";
      case UNKNOWN -> "fill:#fff,stroke:#57606a,color:#000";
    };
  }
}
