package io.flowinstance.event;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SchemaValidatorsConfig;
import com.networknt.schema.SpecVersion.VersionFlag;
import io.flowinstance.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.apache.kafka.common.header.Headers;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** The published schemas, and messages held against them. */
public final class Schemas {
  /** Today's schema of an instance, and the released one. */
  public static final List<JsonSchema> FLOW_INSTANCE = schemas("flow-instance.v1");

  /** Today's schema of a task, and the released one. */
  public static final List<JsonSchema> TASK_STATUS = schemas("task-status.v1");

  /** Today's schema of a transition, and the released one. */
  public static final List<JsonSchema> TRANSITION = schemas("flow-instance-transition.v1");

  private static final JsonNode ASYNC_API = asyncApi();

  /** The headers of an event, as asyncapi.yaml describes them. */
  private static final JsonSchema EVENT_HEADERS = headers("cloudEventHeaders");

  /** The headers of a dead letter, as asyncapi.yaml describes them. */
  private static final JsonSchema DEAD_LETTER_HEADERS = headers("deadLetterHeaders");

  private Schemas() {}

  /** The document that describes the topics. */
  static JsonNode asyncApi() {
    try {
      return new ObjectMapper()
          .valueToTree(
              new Load(LoadSettings.builder().build())
                  .loadFromString(Files.readString(Path.of("asyncapi.yaml"))));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static JsonSchema headers(String name) {
    return schema(ASYNC_API.at("/components/schemas/" + name));
  }

  /** Holds the headers of a message against the document: those of a dead letter, or an event. */
  public static void assertHeaders(Headers headers) {
    ObjectNode texts = JsonNodeFactory.instance.objectNode();
    headers.forEach(header -> texts.put(header.key(), new String(header.value(), UTF_8)));
    JsonSchema schema = texts.has("dead-letter-reason") ? DEAD_LETTER_HEADERS : EVENT_HEADERS;
    assertEquals(Set.of(), schema.validate(texts), () -> "against asyncapi.yaml: " + texts);
  }

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
    return schema(json(resource));
  }

  private static JsonSchema schema(JsonNode json) {
    return JsonSchemaFactory.getInstance(VersionFlag.V7)
        .getSchema(json, SchemaValidatorsConfig.builder().formatAssertionsEnabled(true).build());
  }

  static JsonNode json(String resource) {
    try (InputStream in = Schemas.class.getResourceAsStream(resource)) {
      return Json.read(in.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(resource, e);
    }
  }
}
