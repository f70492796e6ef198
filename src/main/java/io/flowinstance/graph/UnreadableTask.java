package io.flowinstance.graph;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;

/**
 * An element of {@code graph.tasks} that is no task. It costs nothing but itself: the other tasks
 * are read.
 *
 * @param index the place in {@code graph.tasks}, from 0
 * @param message one sentence that names the place and the value
 * @param raw the element exactly as it came
 */
public record UnreadableTask(int index, String message, JsonNode raw) implements GraphTask {
  /** The place as a JSON pointer into the FlowInstance, such as {@code /graph/tasks/3}. */
  public String pointer() {
    return FlowInstanceDecoder.task(index).toString();
  }

  /** Writes the element exactly as it came. */
  @Override
  public void writeTo(JsonGenerator json) throws IOException {
    json.writeTree(raw);
  }
}
