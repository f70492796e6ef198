package io.flowinstance.harness;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The pods of one rendered object.
 *
 * @param owner kind and name of the object
 * @param labels the pods' labels
 * @param spec the pods' spec; of an Integration, what the operator merges into it
 * @param isTemplate whether the operator of Camel K adds its traits to it
 * @param objects all that is rendered with it
 */
public record Pod(
    String owner,
    Map<String, String> labels,
    JsonNode spec,
    boolean isTemplate,
    List<ObjectNode> objects) {

  /** The pods that a folder describes. */
  public static List<Pod> of(Path folder) {
    List<ObjectNode> objects = Kustomization.render(folder);
    List<Pod> pods = new ArrayList<>();
    for (ObjectNode object : objects) {
      String kind = object.get("kind").textValue();
      JsonNode template =
          switch (kind) {
            case "CronJob" -> object.at("/spec/jobTemplate/spec/template");
            case "Deployment", "Integration" -> object.at("/spec/template");
            default -> null;
          };
      // The route that uses the Kamelet has none: its pod is Camel K's, and not this program's.
      if (template != null && !template.isMissingNode()) {
        boolean isTemplate = kind.equals("Integration");
        JsonNode labels = (isTemplate ? object : template).at("/metadata/labels");
        ObjectNode spec = template.get("spec").deepCopy();
        if (isTemplate) {
          spec.set("serviceAccountName", object.at("/spec/serviceAccountName"));
        }
        String owner = folder + " " + kind + " " + object.at("/metadata/name").textValue();
        pods.add(new Pod(owner, texts(labels), spec, isTemplate, objects));
      }
    }
    return pods;
  }

  private static Map<String, String> texts(JsonNode object) {
    Map<String, String> texts = new LinkedHashMap<>();
    object.properties().forEach(field -> texts.put(field.getKey(), field.getValue().asText()));
    return texts;
  }

  /** Whether it runs the pipeline, and not a command. */
  public boolean isPipeline() {
    return "pipeline".equals(labels.get("app.kubernetes.io/component"));
  }

  /** Whether it serves health and metrics until it is asked to stop. */
  public boolean isServed() {
    return container().has("livenessProbe") || isPipeline();
  }

  /** Its only container. */
  public JsonNode container() {
    if (spec.get("containers").size() != 1) {
      throw new IllegalStateException(owner + " has more than one container");
    }
    return spec.at("/containers/0");
  }

  /** The variables of its container, those of config maps included. */
  public Map<String, String> environment() {
    Map<String, String> environment = new LinkedHashMap<>();
    for (JsonNode source : container().path("envFrom")) {
      environment.putAll(texts(configMap(source.at("/configMapRef/name")).get("data")));
    }
    container()
        .path("env")
        .forEach(one -> environment.put(one.get("name").textValue(), one.path("value").asText()));
    return environment;
  }

  private JsonNode configMap(JsonNode name) {
    return objects.stream()
        .filter(object -> object.get("kind").textValue().equals("ConfigMap"))
        .filter(object -> object.at("/metadata/name").equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalStateException(owner + ": no config map " + name));
  }

  @Override
  public String toString() {
    return owner;
  }
}
