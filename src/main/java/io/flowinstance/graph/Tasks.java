package io.flowinstance.graph;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.util.List;

/**
 * The elements of {@code graph.tasks}, those that are tasks apart from the others. Written, they
 * are the tasks alone.
 *
 * @param readable the tasks, in graph order
 * @param unreadable the other elements, in graph order
 */
public record Tasks(List<TaskInstance> readable, List<UnreadableTask> unreadable)
    implements Element {

  public Tasks {
    readable = List.copyOf(readable);
    unreadable = List.copyOf(unreadable);
  }

  /** One sentence for each element that is no task, in graph order. */
  public List<String> faults() {
    return unreadable.stream().map(UnreadableTask::message).toList();
  }

  @Override
  public void writeTo(JsonGenerator json) throws IOException {
    json.writeStartArray();
    for (TaskInstance task : readable) {
      task.writeTo(json);
    }
    json.writeEndArray();
  }
}
