package io.flowinstance.simulator;

import static io.flowinstance.simulator.InstanceTemplate.BUSINESS_DATE;
import static io.flowinstance.simulator.InstanceTemplate.CREATION_TIME;
import static io.flowinstance.simulator.InstanceTemplate.END_TIME;
import static io.flowinstance.simulator.InstanceTemplate.START_TIME;
import static io.flowinstance.simulator.InstanceTemplate.SUFFIX;
import static io.flowinstance.simulator.InstanceTemplate.TRIGGER_TIME;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/**
 * Writes a workflow at a step the way the API really sends it: {@code graph} as a string of JSON,
 * {@code parameters} inside it escaped a second time; keys in camelCase here and in snake_case
 * there; ids as numbers here and as texts there; a start that has not come as null, as an empty
 * text or not at all.
 */
final class InstanceDrawing {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int SECONDS_PER_STEP = 37;

  private InstanceDrawing() {}

  static InstanceTemplate of(Workflow workflow, ApiVersion version, int step, boolean rerun) {
    Workflow.Progress progress = workflow.at(step, rerun);
    ObjectNode instance = JSON.createObjectNode();
    instance.put("instanceId", workflow.flowId() + "-" + SUFFIX);
    instance.put("flowId", workflow.flowId());
    instance.put("flowName", workflow.name());
    instance.put("freq", workflow.freq());
    instance.put("cycle", workflow.cycle());
    instance.put("parameters", workflow.parameters());
    instance.put(camelHere(workflow.flowId()) ? "doAs" : "do_as", "data_platform");
    instance.put("graph", text(graph(workflow, version, progress.tasks())));
    instance.put("status", progress.status());
    instance.put("statusDesc", progress.statusDesc());
    instance.put("triggerTime", hole(TRIGGER_TIME));
    time(instance, "startTime", progress.begun(), START_TIME, workflow.flowId());
    time(instance, "endTime", progress.over(), END_TIME, workflow.flowId() + 1);
    instance.put("timestamp", CREATION_TIME + ".0");
    instance.put("virtual", false);
    instance.put("owner", workflow.owners());
    instance.put("alertMode", 3);
    instance.put("calDt", hole(BUSINESS_DATE));
    instance.put("hasEditPri", false);
    instance.put("hasReadPri", true);
    return new InstanceTemplate(text(instance), workflow.lastStep() * SECONDS_PER_STEP);
  }

  private static ObjectNode graph(Workflow workflow, ApiVersion version, List<String> statuses) {
    boolean camel = camelHere(workflow.flowId());
    ObjectNode graph = JSON.createObjectNode();
    graph.put("creator", "erin");
    graph.put("freq", workflow.freq());
    graph.put(camel ? "alertMode" : "alert_mode", 3);
    graph.put("owners", workflow.owners());
    graph.put("cycle", workflow.cycle());
    graph.put(camel ? "doAs" : "do_as", "data_platform");
    flows(workflow, graph.putArray("flows"));
    if (version == ApiVersion.V2_0) {
      graph.put(camel ? "alertTo" : "alert_to", "");
      graph.put(camel ? "appId" : "app_id", "");
    }
    graph.put("name", workflow.name());
    graph.put(camel ? "instId" : "inst_id", workflow.flowId() + "-" + SUFFIX);
    if (camel) {
      graph.put("id", workflow.flowId());
    } else {
      graph.put("id", String.valueOf(workflow.flowId()));
    }
    ArrayNode relations = graph.putArray("relations");
    for (Workflow.Relation relation : workflow.relations()) {
      ObjectNode node = relations.addObject();
      node.put("cycleGap", relation.cycleGap());
      node.put("rerun", relation.rerun());
      node.put("source", relation.source());
      node.put("target", relation.target());
    }
    graph.put("parameters", workflow.parameters());
    tasks(workflow, graph.putArray("tasks"), statuses);
    return graph;
  }

  private static void flows(Workflow workflow, ArrayNode flows) {
    for (Workflow.Flow flow : workflow.flows()) {
      boolean camel = camelHere(flows.size());
      ObjectNode node = flows.addObject();
      node.put("isVirtual", flow.virtual());
      node.put(camel ? "flowId" : "flow_id", String.valueOf(flow.id()));
      node.put("x", 8.0E-4);
      node.put(camel ? "flowName" : "flow_name", flow.name());
      node.put("y", 0.0016999999046325683);
      node.put(camel ? "flowInstId" : "flow_inst_id", flow.id() + "-" + SUFFIX);
      node.put(camel ? "nodeId" : "node_id", flow.nodeId());
      node.put("status", "NONE");
    }
  }

  private static void tasks(Workflow workflow, ArrayNode tasks, List<String> statuses) {
    for (int i = 0; i < workflow.tasks().size(); i++) {
      Workflow.Task task = workflow.tasks().get(i);
      boolean camel = camelHere(i);
      ObjectNode node = tasks.addObject();
      node.put(camel ? "taskName" : "task_name", task.name());
      node.put(camel ? "taskInstId" : "task_inst_id", task.id() + "-" + SUFFIX);
      node.put("x", (i % 8 + 1) * 0.0025);
      node.put("y", (i / 8 + 1) * 0.0015);
      if (camel) {
        node.put("taskId", task.id());
      } else {
        node.put("task_id", String.valueOf(task.id()));
      }
      node.put(camel ? "nodeId" : "node_id", task.nodeId());
      node.put("status", statuses.get(i));
    }
  }

  /** A time that has not come is null, an empty text, or not there. */
  private static void time(ObjectNode node, String key, boolean known, char hole, int variant) {
    if (known) {
      node.put(key, hole(hole));
    } else if (variant % 3 == 0) {
      node.putNull(key);
    } else if (variant % 3 == 1) {
      node.put(key, "");
    }
  }

  private static boolean camelHere(int number) {
    return number % 2 == 0;
  }

  private static String hole(char hole) {
    return String.valueOf(hole);
  }

  static String text(ObjectNode node) {
    try {
      return JSON.writeValueAsString(node);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A JSON tree can be written", e);
    }
  }
}
