package io.flowinstance.event;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SchemaValidatorsConfig;
import com.networknt.schema.SpecVersion.VersionFlag;
import io.flowinstance.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Set;

/** The published schemas, and messages held against them. */
public final class Schemas {
  /** Today's schema of an instance, and the released one. */
  public static final List<JsonSchema> FLOW_INSTANCE = schemas("flow-instance.v1");

  /** Today's schema of a task, and the released one. */
  public static final List<JsonSchema> TASK_STATUS = schemas("task-status.v1");

  /** Today's schema of a transition, and the released one. */
  public static final List<JsonSchema> TRANSITION = schemas("flow-instance-transition.v1");

  private Schemas() {}

  /** Reads a message after holding it against its schemas. */
  public static JsonNode valid(List<JsonSchema> schemas, byte[] message) throws IOException {
    JsonNode value = Json.read(message);
    for (JsonSchema schema : schemas) {
      assertEquals(Set.of(), schema.validate(value), () -> "against the schema: " + value);
    }
    return value;
  }

  private static List<JsonSchema> schemas(String name) {
    return List.of(
        schema("/schemas/" + name + ".schema.json"),
        schema("/schemas/released/" + name + ".schema.json"));
  }

  static JsonSchema schema(String resource) {
    return JsonSchemaFactory.getInstance(VersionFlag.V7)
        .getSchema(
            json(resource), SchemaValidatorsConfig.builder().formatAssertionsEnabled(true).build());
  }

  static JsonNode json(String resource) {
    try (InputStream in = Schemas.class.getResourceAsStream(resource)) {
      return Json.read(in.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(resource, e);
    }
  }
}
