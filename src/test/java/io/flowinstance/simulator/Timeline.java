package io.flowinstance.simulator;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * An instance that goes on by the clock: its runs, in the order of their starts. A run goes through
 * the steps of the workflow until it is over or the next one starts.
 */
record Timeline(Workflow workflow, int lastStep, List<Run> runs) {
  /**
   * One run.
   *
   * @param step how long each step takes
   */
  record Run(Instant start, Duration step) {
    Instant reaches(int number) {
      return start.plus(step.multipliedBy(number));
    }
  }

  /** Where an instance stands in one of its runs. */
  record Position(Run run, boolean rerun, int step) {}

  static Timeline of(Workflow workflow, Run first) {
    return new Timeline(workflow, workflow.lastStep(), List.of(first));
  }

  /** Throws IllegalArgumentException when the run starts before the last one is over. */
  Timeline rerun(Run next) {
    Run last = runs.get(runs.size() - 1);
    if (next.start().isBefore(last.reaches(lastStep))) {
      throw new IllegalArgumentException(
          "A re-run at " + next.start() + " would start before " + last.reaches(lastStep));
    }
    return new Timeline(workflow, lastStep, Stream.concat(runs.stream(), Stream.of(next)).toList());
  }

  /** Where it stands then; before its first run, at the first step of that. */
  Position at(Instant now) {
    int number = runs.size() - 1;
    while (number > 0 && now.isBefore(runs.get(number).start())) {
      number--;
    }
    Run run = runs.get(number);
    long steps = Math.max(0, Duration.between(run.start(), now).dividedBy(run.step()));
    return new Position(run, number > 0, (int) Math.min(steps, lastStep));
  }

  /**
   * What a reader who misses nothing sees until then, in the order of the times: of each time the
   * instance first, then the tasks in graph order.
   */
  List<StatusChange> changes(InstanceId id, Instant until) {
    List<StatusChange> changes = new ArrayList<>();
    Map<String, String> statuses = new HashMap<>();
    for (Run run : runs) {
      for (int step = 0; step <= lastStep && !run.reaches(step).isAfter(until); step++) {
        Instant at = run.reaches(step);
        Workflow.Progress progress = workflow.at(step, run != runs.get(0));
        if (!Objects.equals(statuses.put("", progress.statusDesc()), progress.statusDesc())) {
          changes.add(new StatusChange(at, "", progress.statusDesc()));
        }
        for (int task = 0; task < progress.tasks().size(); task++) {
          String taskInstId = workflow.tasks().get(task).id() + "-" + id.suffix();
          String status = progress.tasks().get(task);
          if (!Objects.equals(statuses.put(taskInstId, status), status)) {
            changes.add(new StatusChange(at, taskInstId, status));
          }
        }
      }
    }
    return changes;
  }
}
