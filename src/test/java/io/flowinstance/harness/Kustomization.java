package io.flowinstance.harness;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.flowinstance.harness.Manifests.Manifest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * The part of kustomize that {@code k8s/} uses, so that a build renders it without kubectl. It
 * refuses every field that it does not know. Config maps keep their names without a hash.
 */
public final class Kustomization {
  private static final Set<String> FIELDS =
      Set.of(
          "apiVersion",
          "kind",
          "resources",
          "components",
          "configurations",
          "configMapGenerator",
          "patches",
          "namespace",
          "labels",
          "replicas",
          "images");

  /** The field that tells the elements of a list apart, where Kubernetes merges by one. */
  private static final Map<String, String> KEYS =
      Map.of(
          "containers", "name",
          "volumes", "name",
          "env", "name",
          "volumeMounts", "mountPath",
          "topologySpreadConstraints", "topologyKey");

  private static final List<String> TEMPLATES =
      List.of("/spec/template", "/spec/jobTemplate/spec/template");

  private final Path folder;
  private final JsonNode content;
  private final List<ObjectNode> objects;

  private Kustomization(Path folder, List<ObjectNode> objects) {
    this.folder = folder;
    this.objects = objects;
    List<Manifest> documents = Manifests.documents(folder.resolve("kustomization.yaml"));
    content = documents.get(0).content();
    content.fieldNames().forEachRemaining(name -> known(FIELDS, name));
  }

  /** The folders that {@code kubectl apply -k} takes, in the order of their paths. */
  public static List<Path> folders() {
    return Manifests.ofKind("Kustomization").stream()
        .map(manifest -> manifest.file().getParent())
        .toList();
  }

  /** The objects that a folder describes. */
  public static List<ObjectNode> render(Path folder) {
    List<ObjectNode> objects = new ArrayList<>();
    new Kustomization(folder, objects).add();
    return objects;
  }

  private void add() {
    for (JsonNode resource : content.path("resources")) {
      Path path = path(resource);
      if (Files.isDirectory(path)) {
        objects.addAll(render(path));
      } else {
        Manifests.documents(path).forEach(one -> objects.add(one.content()));
      }
    }
    content.path("components").forEach(one -> new Kustomization(path(one), objects).add());
    content.path("configMapGenerator").forEach(this::generate);
    for (JsonNode patch : content.path("patches")) {
      for (Manifest document : Manifests.documents(path(patch.get("path")))) {
        merge(find(document.kind(), document.name()), document.content());
      }
    }
    if (content.has("namespace")) {
      objects.forEach(object -> setNamespace(object, content.get("namespace").textValue()));
    }
    content.path("labels").forEach(this::label);
    for (JsonNode replicas : content.path("replicas")) {
      ((ObjectNode) find("Deployment", replicas.get("name").textValue()).get("spec"))
          .set("replicas", replicas.get("count"));
    }
    content.path("images").forEach(this::setImage);
  }

  private Path path(JsonNode name) {
    return folder.resolve(name.textValue()).normalize();
  }

  private void known(Set<String> names, String name) {
    if (!names.contains(name)) {
      throw new IllegalArgumentException(folder + ": Kustomization does not render " + name);
    }
  }

  private ObjectNode find(String kind, String name) {
    return objects.stream()
        .filter(object -> object.get("kind").textValue().equals(kind))
        .filter(object -> object.at("/metadata/name").textValue().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException(folder + ": no " + kind + " " + name));
  }

  private void generate(JsonNode generator) {
    String name = generator.get("name").textValue();
    ObjectNode map;
    if (generator.path("behavior").asText().equals("merge")) {
      map = find("ConfigMap", name);
    } else {
      map = Manifests.json("{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\"}");
      map.putObject("metadata").put("name", name);
      JsonNode labels = generator.at("/options/labels");
      if (labels.isObject()) {
        map.withObject("/metadata").set("labels", labels.deepCopy());
      }
      objects.add(map);
    }
    ObjectNode data = map.withObject("/data");
    generator
        .path("envs")
        .forEach(file -> Manifests.environment(path(file)).forEach((k, v) -> data.put(k, v)));
    for (JsonNode file : generator.path("files")) {
      String[] entry = file.textValue().split("=", 2);
      data.put(entry[0], Manifests.text(folder.resolve(entry[1])));
    }
  }

  private static void merge(ObjectNode base, ObjectNode patch) {
    for (Map.Entry<String, JsonNode> entry : patch.properties()) {
      String name = entry.getKey();
      JsonNode there = base.get(name);
      if (entry.getValue().isNull()) {
        base.remove(name);
      } else if (entry.getValue() instanceof ObjectNode value
          && there instanceof ObjectNode object) {
        merge(object, value);
      } else if (entry.getValue() instanceof ArrayNode list
          && there instanceof ArrayNode array
          && KEYS.containsKey(name)) {
        list.forEach(element -> mergeElement(array, (ObjectNode) element, KEYS.get(name)));
      } else {
        base.set(name, entry.getValue());
      }
    }
  }

  private static void mergeElement(ArrayNode array, ObjectNode patch, String key) {
    for (JsonNode element : array) {
      if (element.get(key).equals(patch.get(key))) {
        merge((ObjectNode) element, patch);
        return;
      }
    }
    array.insert(0, patch);
  }

  private static void setNamespace(ObjectNode object, String namespace) {
    boolean isNamespace = object.get("kind").textValue().equals("Namespace");
    object.withObject("/metadata").put(isNamespace ? "name" : "namespace", namespace);
  }

  private void label(JsonNode labels) {
    labels.fieldNames().forEachRemaining(name -> known(Set.of("pairs", "includeTemplates"), name));
    ObjectNode pairs = (ObjectNode) labels.get("pairs");
    for (ObjectNode object : objects) {
      object.withObject("/metadata/labels").setAll(pairs.deepCopy());
      if (labels.path("includeTemplates").asBoolean()) {
        if (object.at("/spec/jobTemplate").isObject()) {
          object.withObject("/spec/jobTemplate/metadata/labels").setAll(pairs.deepCopy());
        }
        inTemplates(
            object, template -> template.withObject("/metadata/labels").setAll(pairs.deepCopy()));
      }
    }
  }

  private void setImage(JsonNode image) {
    for (ObjectNode object : objects) {
      inTemplates(
          object,
          template -> {
            for (JsonNode container : template.at("/spec/containers")) {
              if (container.path("image").equals(image.get("name"))) {
                String name = image.path("newName").asText(image.get("name").textValue());
                String version =
                    image.has("digest")
                        ? "@" + image.get("digest").textValue()
                        : ":" + image.get("newTag").textValue();
                ((ObjectNode) container).put("image", name + version);
              }
            }
          });
    }
  }

  private static void inTemplates(ObjectNode object, Consumer<ObjectNode> change) {
    // An Integration has a template too, which kustomize leaves alone.
    if (Set.of("Deployment", "CronJob").contains(object.get("kind").textValue())) {
      for (String path : TEMPLATES) {
        if (object.at(path) instanceof ObjectNode template) {
          change.accept(template);
        }
      }
    }
  }
}
