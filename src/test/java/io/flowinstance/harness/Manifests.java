package io.flowinstance.harness;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** What is under {@code k8s/}, read from the files: no cluster, no kubectl. */
public final class Manifests {
  public static final Path FOLDER = Path.of("k8s");

  private static final ObjectMapper JSON = new ObjectMapper();

  private Manifests() {}

  /**
   * One YAML document.
   *
   * @param file where it stands
   * @param content all of it
   */
  public record Manifest(Path file, ObjectNode content) {
    public String kind() {
      return content.path("kind").asText();
    }

    public String name() {
      return content.at("/metadata/name").asText();
    }

    @Override
    public String toString() {
      return file + " " + kind() + " " + name();
    }
  }

  /** Every document of every YAML file, kustomizations included, in the order of their paths. */
  public static List<Manifest> all() {
    List<Manifest> manifests = new ArrayList<>();
    for (Path file : files(".yaml")) {
      manifests.addAll(documents(file));
    }
    return manifests;
  }

  /** Every document of a kind. */
  public static List<Manifest> ofKind(String kind) {
    return all().stream().filter(manifest -> manifest.kind().equals(kind)).toList();
  }

  /** The one document of a kind in a file. */
  public static ObjectNode one(String file, String kind) {
    List<Manifest> found =
        documents(FOLDER.resolve(file)).stream()
            .filter(manifest -> manifest.kind().equals(kind))
            .toList();
    if (found.size() != 1) {
      throw new IllegalArgumentException(file + " has " + found.size() + " of kind " + kind);
    }
    return found.get(0).content();
  }

  /** The files whose names end so, in the order of their paths. */
  public static List<Path> files(String ending) {
    try (Stream<Path> files = Files.walk(FOLDER)) {
      return files.filter(file -> file.toString().endsWith(ending)).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The lines of an env file, as a generator of config maps reads them. */
  public static Map<String, String> environment(Path file) {
    Map<String, String> environment = new LinkedHashMap<>();
    for (String line : text(file).lines().filter(line -> !line.startsWith("#")).toList()) {
      int sign = line.indexOf('=');
      if (sign < 1 || environment.put(line.substring(0, sign), line.substring(sign + 1)) != null) {
        throw new IllegalArgumentException(file + ": " + line);
      }
    }
    return environment;
  }

  /** The documents of a YAML or JSON file. */
  static List<Manifest> documents(Path file) {
    return objects(text(file)).stream().map(object -> new Manifest(file, object)).toList();
  }

  /** The objects of a text in YAML. */
  public static List<ObjectNode> objects(String text) {
    List<ObjectNode> objects = new ArrayList<>();
    // Refuses a key that stands twice.
    Load load = new Load(LoadSettings.builder().setCodePointLimit(Integer.MAX_VALUE).build());
    for (Object document : load.loadAllFromString(text)) {
      if (document != null) {
        objects.add(JSON.valueToTree(document));
      }
    }
    return objects;
  }

  static ObjectNode json(String text) {
    try {
      return (ObjectNode) JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(text, e);
    }
  }

  public static String text(Path file) {
    try {
      return Files.readString(file, UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
