package io.flowinstance.command;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.flowinstance.graph.FlowInstanceDecoder;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MermaidFlowchartTest {
  private final ObjectNode graph = JsonNodeFactory.instance.objectNode();

  private void task(String name, String nodeId, String status) {
    graph
        .withArray("tasks")
        .addObject()
        .put("taskName", name)
        .put("taskInstId", nodeId + "-1")
        .put("nodeId", nodeId)
        .put("status", status);
  }

  private void edge(String source, String target) {
    graph.withArray("relations").addObject().put("source", source).put("target", target);
  }

  private List<String> chart() {
    JsonNode data = JsonNodeFactory.instance.objectNode().set("graph", graph);
    return MermaidFlowchart.of(new FlowInstanceDecoder().decode(data, "1-1").graph());
  }

  @Test
  void namesAWorkflowByWhatThereIs() {
    graph.withArray("flows").addObject().put("flowInstId", "7-1").put("flowId", "7");
    graph.withArray("flows").addObject().put("flowId", "8");
    graph.withArray("flows").addObject().put("nodeId", "f_9");

    assertEquals(
        List.of(
            "  n0[[\"7-1<br/>no status\"]]:::UNKNOWN",
            "  n1[[\"8<br/>no status\"]]:::UNKNOWN",
            "  n2[[\"another workflow<br/>no status\"]]:::UNKNOWN"),
        chart().subList(1, 4));
  }

  @Test
  void drawsANodePerTaskAndWorkflowAndAnEdgePerRelation() {
    graph
        .withArray("flows")
        .addObject()
        .put("flowName", "tariffs")
        .put("flowId", "2819")
        .put("nodeId", "f_2819");
    task("load", "t_1", "SUCCESS");
    task(null, "t_2", "FAIL");
    edge("f_2819", "t_2");
    edge("t_1", "t_2");
    edge("t_1", "t_2");
    edge("t_9", "t_1");

    assertEquals(
        List.of(
            "flowchart LR",
            "  n0[[\"tariffs<br/>no status\"]]:::UNKNOWN",
            "  n1[\"load<br/>SUCCESS\"]:::SUCCEEDED",
            "  n2[\"t_2-1<br/>FAIL\"]:::FAILED",
            "  n3([\"t_9<br/>not in the graph\"]):::UNKNOWN",
            "  n0 --> n2",
            "  n1 --> n2",
            "  n3 --> n1",
            "  classDef SUCCEEDED fill:#d3f2d8,stroke:#1a7f37,color:#000",
            "  classDef FAILED fill:#ffd7d5,stroke:#cf222e,color:#000",
            "  classDef UNKNOWN fill:#fff,stroke:#57606a,color:#000"),
        chart());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "a\"]; click n0 \"x | a#34;#93;#59; click n0 #34;x",
        "#35; #quot; | #35;35#59; #35;quot#59;",
        "<script>&lt; | #60;script#62;#38;lt#59;",
        "1. first | 1#46; first",
        "- *b* _c_ `d` | #45; #42;b#42; #95;c#95; #96;d#96;",
        "style x:#1; | style x#58;#35;1#59;",
        "%%{init} $$x$$ | #37;#37;#123;init#125; #36;#36;x#36;#36;",
        "regional-forecast_2.1 | regional-forecast_2.1",
        "Zähler 読み取り | Zähler 読み取り"
      })
  void escapesWhatMermaidMarkdownOrHtmlWouldRead(String name, String label) {
    task(name, "t_1", "SUCCESS");

    assertEquals("  n0[\"" + label + "<br/>SUCCESS\"]:::SUCCEEDED", chart().get(1));
  }

  @ParameterizedTest
  @ValueSource(strings = {"a\nb", "a\u001bb", "a\u202eb", "a\u0000b"})
  void showsAControlCharacterAsAReplacementCharacter(String name) {
    task(name, "t_1", "a\rb");

    assertEquals("  n0[\"a#65533;b<br/>a#65533;b\"]:::UNKNOWN", chart().get(1));
  }

  @Test
  void hasNothingButItsHeadWithoutAGraph() {
    assertEquals(List.of("flowchart LR"), chart());
  }
}
