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
import java.util.Set;

/** The published schemas, and messages held against them. */
public final class Schemas {
  public static final JsonSchema FLOW_INSTANCE = schema("flow-instance.v1");
  public static final JsonSchema TASK_STATUS = schema("task-status.v1");

  private Schemas() {}

  /** Reads a message after holding it against its schema. */
  public static JsonNode valid(JsonSchema schema, byte[] message) throws IOException {
    JsonNode value = Json.read(message);
    assertEquals(Set.of(), schema.validate(value), () -> "against the schema: " + value);
    return value;
  }

  private static JsonSchema schema(String name) {
    String resource = "/schemas/" + name + ".schema.json";
    try (InputStream in = Schemas.class.getResourceAsStream(resource)) {
      return JsonSchemaFactory.getInstance(VersionFlag.V7)
          .getSchema(
              Json.read(in.readAllBytes()),
              SchemaValidatorsConfig.builder().formatAssertionsEnabled(true).build());
    } catch (IOException e) {
      throw new UncheckedIOException(resource, e);
    }
  }
}
