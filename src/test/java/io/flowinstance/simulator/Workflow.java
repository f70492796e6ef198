package io.flowinstance.simulator;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A workflow as it was designed: its nodes and what waits for what.
 *
 * <p>An instance of it goes through steps. At step 0 nothing has begun; a task of level {@code l}
 * (its longest way from a root) runs at step {@code 2l+1} and is done from step {@code 2l+2} on. A
 * task of {@code failing} ends as FAIL, and what is downstream of it stays INIT. A re-run goes
 * through the same steps, begins as RERUN, and no task of it fails.
 *
 * @param owners as the API gives them, such as {@code ;ann;bob;}
 * @param parameters JSON text: an array of key and value
 * @param tasks in an order in which a task follows all that it waits for
 * @param failing names of tasks
 */
record Workflow(
    int flowId,
    String name,
    String cycle,
    String freq,
    String owners,
    String parameters,
    List<Flow> flows,
    List<Task> tasks,
    List<Relation> relations,
    Set<String> failing) {

  /** A task; its nodeId is {@code t_<id>}. */
  record Task(int id, String name) {
    String nodeId() {
      return "t_" + id;
    }
  }

  /**
   * A node that stands for another workflow; its nodeId is {@code f_<id>}.
   *
   * @param cycleGap which of its instances is waited for, such as M1: last month's
   */
  record Flow(int id, String name, boolean virtual, String cycleGap) {
    String nodeId() {
      return "f_" + id;
    }
  }

  /** The target waits for the source. */
  record Relation(String source, String target, String cycleGap, boolean rerun) {}

  /** The statuses that a step gives: one for each task, in order, and the instance's own. */
  record Progress(List<String> tasks, int status, String statusDesc, boolean begun, boolean over) {}

  /** The step at which every task is as done as it will be. */
  int lastStep() {
    return 2 * levels().values().stream().mapToInt(Integer::intValue).max().orElse(0) + 2;
  }

  Progress at(int step, boolean rerun) {
    Map<String, Integer> levels = levels();
    Set<String> failed = rerun ? Set.of() : failing;
    Set<String> blocked = blockedBy(failed);
    List<String> statuses =
        tasks.stream()
            .map(
                task -> {
                  int begin = 2 * levels.get(task.nodeId()) + 1;
                  if (step < begin || blocked.contains(task.nodeId())) {
                    return "INIT";
                  }
                  if (step == begin) {
                    return "RUNNING";
                  }
                  return failed.contains(task.name()) ? "FAIL" : "SUCCESS";
                })
            .toList();
    boolean over = step >= lastStep();
    if (statuses.contains("FAIL")) {
      // One failed node fails the instance, though others may still run.
      return new Progress(statuses, -1, "FAIL", true, over);
    }
    if (over) {
      return new Progress(statuses, 1, "SUCCESS", true, true);
    }
    if (step == 0) {
      return rerun
          ? new Progress(statuses, 9, "RERUN", true, false)
          : new Progress(statuses, 0, "INIT", false, false);
    }
    return new Progress(statuses, 2, "RUNNING", true, false);
  }

  private Map<String, Integer> levels() {
    Map<String, Integer> levels = new HashMap<>();
    tasks.forEach(task -> levels.put(task.nodeId(), 0));
    // Relations come in the order of their targets, so a source's level is final when it is read.
    for (Relation relation : relations) {
      if (levels.containsKey(relation.source())) {
        levels.merge(relation.target(), levels.get(relation.source()) + 1, Math::max);
      }
    }
    return levels;
  }

  private Set<String> blockedBy(Set<String> failed) {
    Set<String> ends = new HashSet<>();
    tasks.stream()
        .filter(task -> failed.contains(task.name()))
        .forEach(task -> ends.add(task.nodeId()));
    Set<String> blocked = new HashSet<>();
    for (Relation relation : relations) {
      if (ends.contains(relation.source()) || blocked.contains(relation.source())) {
        blocked.add(relation.target());
      }
    }
    return blocked;
  }
}
