package io.flowinstance.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.config.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** One file, one route, one name. */
class RouteFilesTest {
  private static final Pattern PLACEHOLDER = Pattern.compile("\\{\\{([^}]+)}}");

  static List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("routes"))) {
      return files.sorted().toList();
    }
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> only(Path file) throws IOException {
    List<Map<String, Map<String, Object>>> elements =
        (List<Map<String, Map<String, Object>>>)
            new Load(LoadSettings.builder().build()).loadFromString(Files.readString(file));
    assertEquals(1, elements.size(), "routes in " + file);
    return elements.get(0).values().iterator().next();
  }

  @ParameterizedTest
  @MethodSource("files")
  void aFileHoldsOneRouteOfItsName(Path file) throws IOException {
    assertEquals(file.getFileName().toString(), only(file).get("id") + ".camel.yaml");
  }

  @ParameterizedTest
  @MethodSource("files")
  @SuppressWarnings("unchecked")
  void aRouteIsCalledByItsNameAndSaysWhatItTakesAndGives(Path file) throws IOException {
    Map<String, Object> route = only(file);
    Map<String, Object> from = (Map<String, Object>) route.get("from");
    if (from == null) {
      return;
    }
    assertTrue(route.get("description").toString().contains(" -> "), file.toString());
    if (from.get("uri").equals("direct")) {
      assertEquals(route.get("id"), ((Map<String, Object>) from.get("parameters")).get("name"));
    }
  }

  @ParameterizedTest
  @MethodSource("files")
  @SuppressWarnings("unchecked")
  void onlyThePipelineHandlesErrors(Path file) throws IOException {
    Map<String, Object> route = only(file);
    if (!route.containsKey("from")) {
      return;
    }
    if (route.get("id").equals("pipeline")) {
      assertEquals("on-error", route.get("routeConfigurationId"));
    } else {
      assertNotNull(((Map<String, Object>) route.get("errorHandler")).get("noErrorHandler"));
    }
  }

  @ParameterizedTest
  @MethodSource("files")
  void placesAndTopicsComeFromTheSettings(Path file) throws IOException {
    String text = Files.readString(file);
    assertFalse(text.contains("localhost"), file.toString());
    Set<String> known = knownSettings();
    Matcher placeholder = PLACEHOLDER.matcher(text);
    while (placeholder.find()) {
      assertTrue(known.contains(placeholder.group(1)), placeholder.group() + " in " + file);
    }
  }

  @Test
  void thePipelineLoadsEveryFile() throws IOException {
    assertEquals(
        files().stream().map(file -> "classpath:" + file).collect(Collectors.toSet()),
        Set.of(Application.routes(true).split(",")));
    assertFalse(Application.routes(false).contains("discover"));
  }

  @ParameterizedTest
  @MethodSource("files")
  void aFileHasATestOfItsName(Path file) {
    String name =
        Stream.of(file.getFileName().toString().replace(".camel.yaml", "").split("-"))
            .map(word -> word.substring(0, 1).toUpperCase(Locale.ROOT) + word.substring(1))
            .collect(Collectors.joining("", "", "RouteTest.java"));
    assertTrue(Files.exists(Path.of("src/test/java/io/flowinstance/routes", name)), name);
  }

  private static Set<String> knownSettings() {
    return Settings.resolve(
            Map.of(
                "ENOS_BASE_URL", "https://apigw.example",
                "ENOS_AUTH", "none",
                "ENOS_USER_ID", "u",
                "ENOS_ORG_ID", "o"),
            Map.of())
        .forRoutes()
        .keySet();
  }
}
