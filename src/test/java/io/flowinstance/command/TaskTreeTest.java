package io.flowinstance.command;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.flowinstance.graph.FlowInstanceDecoder;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.Help.Ansi;

class TaskTreeTest {
  private final ObjectNode graph = JsonNodeFactory.instance.objectNode();
  private final ArrayNode flows = graph.putArray("flows");
  private final ArrayNode tasks = graph.putArray("tasks");
  private final ArrayNode relations = graph.putArray("relations");

  private void task(String name, String status) {
    tasks
        .addObject()
        .put("taskName", name)
        .put("taskInstId", name + "-1")
        .put("nodeId", name)
        .put("status", status);
  }

  private void edge(String source, String target) {
    relations.addObject().put("source", source).put("target", target);
  }

  private List<String> draw(Ansi ansi, boolean unicode) {
    JsonNode data = JsonNodeFactory.instance.objectNode().set("graph", graph);
    List<String> lines = new ArrayList<>();
    TaskTree.draw(new FlowInstanceDecoder().decode(data, "1-1").graph(), ansi, unicode, lines::add);
    return lines;
  }

  private void assertDrawn(String... lines) {
    assertEquals(List.of(lines), draw(Ansi.OFF, true));
  }

  @Test
  void drawsANodeWithSeveralBeforeItOnceAndNamesItUnderTheOthers() {
    task("load", "SUCCESS");
    task("left", "FAIL");
    task("right", "RUNNING");
    task("join", "WAIT");
    task("end", "INIT");
    edge("load", "left");
    edge("load", "right");
    edge("left", "join");
    edge("right", "join");
    edge("join", "end");

    assertDrawn(
        "load  load-1  SUCCESS",
        "├─ left  left-1  FAIL",
        "│  └─ join  join-1  WAIT",
        "│     └─ end  end-1  INIT",
        "└─ right  right-1  RUNNING",
        "   └─ join  join-1  WAIT  (continued above)");
  }

  @Test
  void marksOtherWorkflowsAndNodesThatOnlyRelationsKnow() {
    flows.addObject().put("flowName", "tariffs").put("flowId", "2819").put("nodeId", "f_2819");
    task("prices", null);
    edge("f_2819", "prices");
    edge("t_9", "prices");

    assertDrawn(
        "tariffs  2819  (another workflow)",
        "└─ prices  prices-1  (no status)",
        "t_9  (not in the graph)",
        "└─ prices  prices-1  (no status)  (above)");
  }

  @Test
  void drawsEveryNodeOfACircle() {
    task("a", "INIT");
    task("b", "INIT");
    edge("a", "b");
    edge("b", "a");

    assertDrawn("a  a-1  INIT", "└─ b  b-1  INIT", "   └─ a  a-1  INIT  (continued above)");
  }

  @Test
  void drawsAChainThatIsLongerThanAStack() {
    for (int i = 0; i < 5_000; i++) {
      task("t" + i, "INIT");
      if (i > 0) {
        edge("t" + (i - 1), "t" + i);
      }
    }

    List<String> lines = draw(Ansi.OFF, false);
    assertEquals(5_000, lines.size());
    assertEquals("   `- t2  t2-1  INIT", lines.get(2));
  }

  @Test
  void coloursAStatusAndLetsNothingElseReachTheTerminal() {
    task("evil\u001b[2J", "FAIL");

    assertEquals(
        List.of("evil\uFFFD[2J  evil\uFFFD[2J-1  \u001b[1m\u001b[31mFAIL\u001b[0m"),
        draw(Ansi.ON, true));
  }
}
