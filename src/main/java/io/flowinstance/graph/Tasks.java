package io.flowinstance.graph;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.List;

/**
 * The elements of {@code graph.tasks}, in its order. Written, they are the tasks alone.
 *
 * @param unreadable those that are not tasks
 */
public record Tasks(@JsonValue List<TaskInstance> readable, List<UnreadableTask> unreadable) {

  /** One sentence for each element that is not a task; empty but for the first ten. */
  public List<String> faults() {
    return unreadable.stream().map(UnreadableTask::message).toList();
  }
}
