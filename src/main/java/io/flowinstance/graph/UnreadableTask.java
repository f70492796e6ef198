package io.flowinstance.graph;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.json.Json;
import java.io.IOException;

/**
 * An element of {@code graph.tasks} that is no task. It costs nothing but itself: the other tasks
 * are read.
 *
 * @param index the place in {@code graph.tasks}, from 0
 * @param message one sentence that names the place and the value
 * @param raw the element exactly as it came
 */
public record UnreadableTask(int index, String message, JsonNode raw) implements Element {
  /** Writes its place, and its JSON as a text: a list of these has one shape. */
  @Override
  public void writeTo(JsonGenerator json) throws IOException {
    json.writeStartObject();
    json.writeNumberField("index", index);
    json.writeStringField("raw", new String(Json.write(raw), UTF_8));
    json.writeEndObject();
  }
}
