package io.flowinstance.simulator;

import io.flowinstance.simulator.Workflow.Flow;
import io.flowinstance.simulator.Workflow.Relation;
import io.flowinstance.simulator.Workflow.Task;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The workflows of the simulated organisation, by flowId:
 *
 * <table>
 * <caption>Shapes</caption>
 * <tr><td>1001</td><td>linear: four tasks, one after the other</td></tr>
 * <tr><td>1002</td><td>fan-out: one task, then five beside each other, then one</td></tr>
 * <tr><td>1003</td><td>diamond: one, two, one</td></tr>
 * <tr><td>1004</td><td>cross-flow: two workflows and a task upstream of three tasks</td></tr>
 * <tr><td>1005</td><td>a diamond of which one branch fails, and the instance with it</td></tr>
 * <tr><td>2438, 2809</td><td>the samples of the API's own page (see {@link PageSample})</td></tr>
 * <tr><td>100001 to 150000</td><td>flowId − 100000 tasks, for benchmarks: a binary tree</td></tr>
 * <tr><td>404</td><td>does not exist</td></tr>
 * <tr><td>any other</td><td>a single task</td></tr>
 * </table>
 *
 * The instances of the last row are started by hand, all others by a schedule.
 */
final class Workflows {
  static final int UNKNOWN = 404;
  static final int FIRST_SIZED = 100_000;
  static final int MOST_TASKS = 50_000;

  private Workflows() {}

  static boolean exists(int flowId) {
    return flowId != UNKNOWN && flowId != FIRST_SIZED && flowId <= FIRST_SIZED + MOST_TASKS;
  }

  /** How its instances are started, by the API's numbers: 0 by hand, 1 by a schedule. */
  static int type(int flowId) {
    return flowId > FIRST_SIZED || (flowId >= 1001 && flowId <= 1005) || PageSample.exists(flowId)
        ? 1
        : 0;
  }

  static Workflow of(int flowId) {
    return switch (flowId) {
      case 1001 ->
          new Drawing(flowId, "meter-readings", "D", "0 0 2 * * ? *", ";ann;bob;")
              .chain("extract", "clean", "aggregate", "publish")
              .done();
      case 1002 ->
          new Drawing(flowId, "regional-forecast", "H", "0 5 * * * ? *", "ann;;carol")
              .chain("weather")
              .fanOut("weather", "north", "east", "south", "west", "islands")
              .join("total", "north", "east", "south", "west", "islands")
              .done();
      case 1003 ->
          new Drawing(flowId, "energy-balance", "D", "0 30 3 * * ? *", ";dora;")
              .chain("load")
              .fanOut("load", "generation", "consumption")
              .join("balance", "generation", "consumption")
              .done();
      case 1004 ->
          new Drawing(flowId, "monthly-billing", "M", "0 0 6 1 * ? *", "bob; carol ;")
              .flow(2788, "meter-readings", false, "D0")
              .flow(2819, "tariffs (all)", true, "M1")
              .chain("prices")
              .join("invoices", "f_2788", "f_2819", "prices")
              .fanOut("invoices", "send")
              .done();
      case 1005 ->
          new Drawing(flowId, "grid-health", "mi", "0 0/15 * * * ? *", ";ann;")
              .chain("collect")
              .fanOut("collect", "voltage", "frequency")
              .join("report", "voltage", "frequency")
              .fails("frequency")
              .done();
      default ->
          flowId > FIRST_SIZED
              ? tree(flowId, flowId - FIRST_SIZED)
              : new Drawing(flowId, "workflow-" + flowId, "W", "0 0 4 ? * MON *", ";erin;")
                  .chain("only")
                  .done();
    };
  }

  /** Task n waits for task (n-1)/2, so that a large workflow is neither flat nor deep. */
  private static Workflow tree(int flowId, int size) {
    // Smaller workflows come before it in the numbering, so that no two share a task id.
    int firstTaskId = 20_000_000 + size * (size - 1) / 2;
    Drawing drawing =
        new Drawing(flowId, firstTaskId, "sized-" + size, "H", "0 0 * * * ? *", ";ann;bob;");
    for (int n = 0; n < size; n++) {
      drawing.chain("task-" + n);
      if (n > 0) {
        drawing.relate(drawing.tasks.get((n - 1) / 2).nodeId(), drawing.tasks.get(n));
      }
    }
    return drawing.done();
  }

  /** A workflow in the making. */
  private static final class Drawing {
    private final int flowId;
    private final int firstTaskId;
    private final String name;
    private final String cycle;
    private final String freq;
    private final String owners;
    private final List<Flow> flows = new ArrayList<>();
    private final List<Task> tasks = new ArrayList<>();
    private final List<Relation> relations = new ArrayList<>();
    private Set<String> failing = Set.of();

    Drawing(int flowId, String name, String cycle, String freq, String owners) {
      this(flowId, flowId * 100, name, cycle, freq, owners);
    }

    Drawing(int flowId, int firstTaskId, String name, String cycle, String freq, String owners) {
      this.flowId = flowId;
      this.firstTaskId = firstTaskId;
      this.name = name;
      this.cycle = cycle;
      this.freq = freq;
      this.owners = owners;
    }

    Drawing flow(int id, String flowName, boolean virtual, String cycleGap) {
      flows.add(new Flow(id, flowName, virtual, cycleGap));
      return this;
    }

    Drawing chain(String first, String... others) {
      Task last = task(first);
      for (String other : others) {
        Task next = task(other);
        relate(last.nodeId(), next);
        last = next;
      }
      return this;
    }

    Drawing fanOut(String source, String... targets) {
      String nodeId = nodeId(source);
      for (String target : targets) {
        relate(nodeId, task(target));
      }
      return this;
    }

    Drawing join(String target, String... sources) {
      Task task = task(target);
      for (String source : sources) {
        relate(nodeId(source), task);
      }
      return this;
    }

    Drawing fails(String taskName) {
      failing = Set.of(taskName);
      return this;
    }

    Workflow done() {
      String parameters = "[{\"key\":\"path\",\"value\":\"/data/" + name + "\"}]";
      return new Workflow(
          flowId, name, cycle, freq, owners, parameters, flows, tasks, relations, failing);
    }

    private Task task(String taskName) {
      Task task = new Task(firstTaskId + tasks.size(), taskName);
      tasks.add(task);
      return task;
    }

    private void relate(String source, Task target) {
      Optional<Flow> flow = flows.stream().filter(f -> f.nodeId().equals(source)).findFirst();
      String cycleGap = flow.map(Flow::cycleGap).orElse(cycle + "0");
      relations.add(new Relation(source, target.nodeId(), cycleGap, flow.isEmpty()));
    }

    private String nodeId(String nameOrNodeId) {
      return tasks.stream()
          .filter(task -> task.name().equals(nameOrNodeId))
          .map(Task::nodeId)
          .findFirst()
          .orElse(nameOrNodeId);
    }
  }
}
