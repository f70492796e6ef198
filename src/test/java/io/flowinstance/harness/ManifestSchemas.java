package io.flowinstance.harness;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion.VersionFlag;
import com.networknt.schema.ValidationMessage;
import io.flowinstance.harness.Manifests.Manifest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * The schemas of the kinds under {@code k8s/}, as JSON Schema that refuses unknown fields. {@link
 * #main} makes them from the CRDs of Camel K, KEDA, Strimzi and the Prometheus Operator, and from
 * the OpenAPI document of Kubernetes.
 */
public final class ManifestSchemas {
  static final Path FOLDER = Path.of("src/test/resources/manifests");

  private static final ObjectMapper JSON = new ObjectMapper();

  private static final Set<String> KEPT =
      Set.of(
          "type",
          "required",
          "enum",
          "pattern",
          "minimum",
          "maximum",
          "minLength",
          "maxLength",
          "minItems",
          "maxItems",
          "minProperties",
          "maxProperties");

  private static final Set<String> SCHEMAS = Set.of("items", "additionalProperties", "not");
  private static final Set<String> LISTS_OF_SCHEMAS = Set.of("anyOf", "oneOf", "allOf");

  /** What a manifest may say of itself. The rest of it is the cluster's. */
  private static final String METADATA =
      """
      {"type": "object", "required": ["name"], "additionalProperties": false, "properties": {
        "name": {"type": "string"}, "namespace": {"type": "string"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}}}}
      """;

  private ManifestSchemas() {}

  /** Each fault of an object, with its place; empty if the cluster would take it. */
  public static Set<ValidationMessage> faults(JsonNode object) {
    Path file = file(type(object));
    if (!Files.exists(file)) {
      throw new IllegalArgumentException(
          file + " is missing: make it as src/test/resources/manifests/README.md says");
    }
    return JsonSchemaFactory.getInstance(VersionFlag.V202012)
        .getSchema(Manifests.text(file))
        .validate(object);
  }

  /**
   * Makes a schema of each kind that {@code k8s/} uses.
   *
   * @param arguments the folder with the CRDs (.yaml) and the OpenAPI document of Kubernetes
   *     (.json)
   */
  public static void main(String[] arguments) throws IOException {
    Map<String, ObjectNode> schemas = new TreeMap<>();
    try (Stream<Path> files = Files.list(Path.of(arguments[0]))) {
      for (Path file : files.sorted().toList()) {
        for (Manifest document : Manifests.documents(file)) {
          ofDefinition(document.content(), schemas);
          ofKubernetes(document.content(), schemas);
        }
      }
    }
    Set<String> used = new TreeSet<>();
    for (Path folder : Kustomization.folders()) {
      Kustomization.render(folder).forEach(object -> used.add(type(object)));
    }
    for (String type : used) {
      if (!schemas.containsKey(type)) {
        throw new IllegalArgumentException(arguments[0] + " has no schema of " + type);
      }
      Files.writeString(file(type), schemas.get(type) + "\n");
    }
  }

  private static String type(JsonNode object) {
    return object.path("apiVersion").asText() + "/" + object.path("kind").asText();
  }

  private static Path file(String type) {
    return FOLDER.resolve(type.replace('/', '_') + ".json");
  }

  private static void ofDefinition(JsonNode definition, Map<String, ObjectNode> schemas) {
    JsonNode spec = definition.path("spec");
    for (JsonNode version : spec.path("versions")) {
      String type =
          "%s/%s/%s"
              .formatted(
                  spec.get("group").textValue(),
                  version.get("name").textValue(),
                  spec.at("/names/kind").textValue());
      schemas.put(type, ofObject(type, version.at("/schema/openAPIV3Schema")));
    }
  }

  private static void ofKubernetes(JsonNode openApi, Map<String, ObjectNode> schemas) {
    JsonNode definitions = openApi.path("definitions");
    for (JsonNode definition : definitions) {
      for (JsonNode kind : definition.path("x-kubernetes-group-version-kind")) {
        String group = kind.get("group").textValue();
        String type =
            (group.isEmpty() ? "" : group + "/")
                + kind.get("version").textValue()
                + "/"
                + kind.get("kind").textValue();
        ObjectNode schema = ofObject(type, definition);
        ObjectNode parts = JSON.createObjectNode();
        Deque<String> missing = new ArrayDeque<>(schema.findValuesAsText("$ref"));
        while (!missing.isEmpty()) {
          String name = missing.pop().replace("#/$defs/", "");
          if (definitions.has(name) && !parts.has(name)) {
            parts.set(name, trim(definitions.get(name)));
            missing.addAll(parts.get(name).findValuesAsText("$ref"));
          }
        }
        schemas.put(type, schema.set("$defs", parts));
      }
    }
  }

  private static ObjectNode ofObject(String type, JsonNode schema) {
    ObjectNode trimmed = trim(schema);
    ObjectNode properties = trimmed.withObject("/properties");
    properties.remove("status");
    properties.set("metadata", Manifests.json(METADATA));
    int kind = type.lastIndexOf('/');
    properties.putObject("apiVersion").put("const", type.substring(0, kind));
    properties.putObject("kind").put("const", type.substring(kind + 1));
    ArrayNode required = trimmed.withArray("/required");
    List.of("apiVersion", "kind", "metadata").forEach(required::add);
    return trimmed;
  }

  private static ObjectNode trim(JsonNode schema) {
    ObjectNode trimmed = JSON.createObjectNode();
    for (Map.Entry<String, JsonNode> entry : schema.properties()) {
      String name = entry.getKey();
      JsonNode value = entry.getValue();
      if (KEPT.contains(name)) {
        trimmed.set(name, value);
      } else if (SCHEMAS.contains(name)) {
        trimmed.set(name, value.isObject() ? trim(value) : value);
      } else if (LISTS_OF_SCHEMAS.contains(name)) {
        value.forEach(one -> trimmed.withArray("/" + name).add(trim(one)));
      } else if (name.equals("properties")) {
        ObjectNode properties = trimmed.putObject(name);
        value.properties().forEach(one -> properties.set(one.getKey(), trim(one.getValue())));
      } else if (name.equals("$ref")) {
        trimmed.put(name, value.textValue().replace("#/definitions/", "#/$defs/"));
      }
    }
    if (schema.path("format").asText().equals("int-or-string")) {
      trimmed.putArray("type").add("integer").add("string");
    }
    if (trimmed.has("properties")
        && !trimmed.has("additionalProperties")
        && !schema.path("x-kubernetes-preserve-unknown-fields").asBoolean()) {
      trimmed.put("additionalProperties", false);
    }
    return trimmed;
  }
}
