package io.flowinstance.engines;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;

/** The JSON Schema of a message, asked for the fields that it names. */
final class MessageSchema {
  private static final Path SCHEMAS = Path.of("..", "src", "main", "resources", "schemas");

  private final JsonNode schema;

  /** The schema in a file, such as {@code task-status.v1.schema.json}. */
  MessageSchema(String file) {
    try {
      schema = new ObjectMapper().readTree(SCHEMAS.resolve(file).toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Whether there is such a field: {@code flowInstance/state}, or {@code graph/tasks//nodeId}. */
  boolean names(String path) {
    JsonNode at = schema;
    for (String name : path.split("/", -1)) {
      JsonNode whole = resolve(at);
      at = name.isEmpty() ? whole.path("items") : whole.path("properties").path(name);
      if (at.isMissingNode()) {
        return false;
      }
    }
    return true;
  }

  private JsonNode resolve(JsonNode at) {
    return at.has("$ref") ? schema.at(at.get("$ref").asText().substring(1)) : at;
  }
}
