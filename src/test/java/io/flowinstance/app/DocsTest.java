package io.flowinstance.app;

import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.toCollection;
import static java.util.stream.Collectors.toSet;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.harness.ExportedMetrics;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the pages name exists, and the tables of the pages are complete. */
class DocsTest {
  private static final Pattern LINK = Pattern.compile("]\\(([^)\\s]+)\\)");
  private static final Pattern CODE = Pattern.compile("`([^`\\n]+)`");
  private static final Pattern FENCE = Pattern.compile("(?ms)^```([\\w -]*)\\n(.*?)^```$");
  private static final Pattern SETTING =
      Pattern.compile(
          "(kafka|topic|event|enos|fetch|discover|batch|shutdown|log|tracing|management|watch)(\\.[a-z-]+)+"
              + "(?<!\\.(?:sql|io))");
  private static final Pattern METRIC = Pattern.compile("flow_instance_[a-z_]+");
  private static final Pattern TYPE = Pattern.compile("[A-Z][A-Za-z]*[a-z][A-Za-z]*[A-Z]\\w*");

  /** What a block of commands needs beside a JDK, by the word that must stand behind {@code sh}. */
  private static final Map<String, Pattern> NEEDS =
      Map.of(
          "kafka", Pattern.compile("java -jar |kcat "),
          "kafka-scripts", Pattern.compile("kafka-[a-z-]+\\.sh "),
          "kafka-connect", Pattern.compile("connect-[a-z-]+\\.sh "),
          "flink", Pattern.compile("sql-client\\.sh"),
          "kubernetes", Pattern.compile("kubectl | k8s$"),
          "docker", Pattern.compile("docker "),
          "crds", Pattern.compile("ManifestSchemas"),
          "own-classes", Pattern.compile("java -cp changed:|javac "),
          "osv-scanner", Pattern.compile("osv-scanner "));

  /** Names of others that look like a class of ours. */
  private static final Set<String> OTHERS =
      Set.of(
          "KafkaConsumer",
          "KafkaIdempotentRepository",
          "KafkaProducer",
          "PodMonitor",
          "TimestampConverter",
          "JsonConverter",
          "VmHWM");

  static Stream<Path> pages() throws IOException {
    List<Path> pages = new ArrayList<>();
    for (String folder :
        List.of(
            ".",
            ".github",
            "docs",
            "docs/decisions",
            "src/test/resources/cases",
            "src/test/resources/manifests")) {
      try (Stream<Path> files = Files.list(Path.of(folder))) {
        files.filter(file -> file.toString().endsWith(".md")).forEach(pages::add);
      }
    }
    return pages.stream().map(Path::normalize).sorted();
  }

  @Test
  void theReadmeHasAtMost150Lines() {
    assertTrue(text("README.md").lines().count() <= 150);
  }

  @ParameterizedTest
  @MethodSource("pages")
  void everyLinkLeadsToAFileAndAHeading(Path page) {
    for (String link : all(LINK, text(page), 1)) {
      if (link.startsWith("http")) {
        continue;
      }
      String[] parts = link.split("#", 2);
      Path target = parts[0].isEmpty() ? page : page.resolveSibling(Path.of(parts[0])).normalize();
      assertTrue(Files.exists(target), link);
      if (parts.length > 1) {
        assertTrue(anchors(text(target)).contains(parts[1]), link);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("pages")
  void everyFileClassSettingAndMetricExists(Path page) {
    Set<String> types = types();
    types.addAll(alerts());
    Set<String> settings = settings();
    String metrics = String.join(" ", ExportedMetrics.all());
    for (String code : all(CODE, FENCE.matcher(text(page)).replaceAll(""), 1)) {
      if (code.matches("(src|routes|docs|k8s|\\.ci|\\.github|\\.githooks)/[\\w./-]*")) {
        assertTrue(Files.exists(Path.of(code)), code);
      } else if (SETTING.matcher(code).matches()) {
        assertTrue(settings.contains(code), code);
      } else if (TYPE.matcher(code).matches() && !OTHERS.contains(code)) {
        assertTrue(types.contains(code), code);
      }
      all(METRIC, code, 0).forEach(name -> assertTrue(metrics.contains(name), name));
    }
  }

  /** {@code .ci/docs} runs the blocks that need nothing, and those marked {@code kafka}. */
  @ParameterizedTest
  @MethodSource("pages")
  void everyCommandRunsAnywhereOrItsBlockSaysWhatItNeeds(Path page) {
    FENCE
        .matcher(text(page))
        .results()
        .filter(block -> block.group(1).matches("sh\\b.*"))
        .forEach(
            block -> {
              String script = block.group(2);
              Set<String> needs = new TreeSet<>();
              NEEDS.forEach(
                  (need, command) -> {
                    if (command.matcher(script).find()) {
                      needs.add(need);
                    }
                  });
              String marked = block.group(1).substring(2).strip();
              if (needs.isEmpty()) {
                assertTrue(Set.of("", "slow").contains(marked), script);
                assertEquals(
                    Set.of(), all(Pattern.compile("\\{[a-z]+}|/path/to"), script, 0), script);
              } else {
                assertEquals(needs, Set.of(marked), script);
              }
            });
  }

  @ParameterizedTest
  @MethodSource("pages")
  void everyCommandNamesWhatExists(Path page) {
    String poms = text("pom.xml") + text("benchmarks/pom.xml");
    String tests = files(Path.of("src/test/java")).map(DocsTest::text).collect(joining());
    String manifests = files(Path.of("k8s")).map(DocsTest::text).collect(joining());
    String defaults = text("src/main/resources/application.properties");
    Set<String> variables = settings().stream().map(DocsTest::variable).collect(toSet());
    for (String script : scripts(text(page))) {
      all(Pattern.compile("-P(\\w+)"), script.replaceAll("kcat [^\\n]*", ""), 1)
          .forEach(profile -> assertTrue(poms.contains("<id>" + profile + "</id>"), profile));
      all(Pattern.compile("-D((?:demo|bench|cases)\\.\\w+)="), script, 1)
          .forEach(property -> assertTrue((poms + tests).contains(property), property));
      all(
              Pattern.compile("(?:-Dtest=|-Dit\\.test=|io\\.flowinstance\\.\\w+\\.)([A-Z]\\w+)"),
              script,
              1)
          .forEach(test -> assertTrue(types().contains(test), test));
      all(Pattern.compile("apply -k (\\S+)"), script, 1)
          .forEach(
              folder -> assertTrue(Files.exists(Path.of(folder, "kustomization.yaml")), folder));
      all(
              Pattern.compile(
                  "(?<![\\w/])(?:src|docs|k8s|benchmarks|engines|\\.ci|\\.githooks)/[\\w./-]+"),
              script,
              0)
          .forEach(file -> assertTrue(Files.exists(Path.of(file)), file));
      all(
              Pattern.compile(
                  "(?:^|export |literal=| )(?!OTEL_|MAVEN_|BUILD_)((?:[A-Z]+_)+[A-Z]+)="),
              script,
              1)
          .stream()
          .map(variable -> variable.replaceFirst("_FILE$", ""))
          .forEach(variable -> assertTrue(variables.contains(variable), variable));
      all(Pattern.compile("kcat .*-t (\\S+)"), script, 1)
          .forEach(topic -> assertTrue(defaults.contains(" = " + topic + "\n"), topic));
      all(
              Pattern.compile(
                  "(?:secret generic|get secret|configmap|cronjob/| -n) ?(?!kafka-cluster-ca)([a-z][a-z-]+)"),
              script,
              1)
          .forEach(name -> assertTrue(manifests.contains(name), name));
    }
  }

  @Test
  void theMetricsAreThoseThatAreExported() {
    SortedSet<String> exported =
        ExportedMetrics.all().stream()
            .filter(name -> name.startsWith("flow_instance_"))
            .map(name -> name.replaceFirst("_(bucket|count|sum|max)$", ""))
            .collect(toCollection(TreeSet::new));

    assertEquals(exported, rows("docs/operations.md", "(flow_instance_[a-z_]+)(?:\\{[^`]*)?"));
  }

  @Test
  void theAlertsAreThoseOfTheRules() {
    assertEquals(alerts(), rows("docs/operations.md", "(FlowInstance\\w+)"));
  }

  private static SortedSet<String> alerts() {
    return all(Pattern.compile("- alert: (\\w+)"), text("k8s/monitoring/prometheusrule.yaml"), 1);
  }

  @Test
  void thePackagesImportWhatTheTableNames() {
    SortedSet<String> packages = new TreeSet<>();
    try (Stream<Path> folders = Files.list(Path.of("src/main/java/io/flowinstance"))) {
      folders
          .filter(Files::isDirectory)
          .map(f -> f.getFileName().toString())
          .forEach(packages::add);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    SortedSet<String> described = new TreeSet<>();
    Pattern row = Pattern.compile("(?m)^\\| `([a-z]+)` \\|[^|]*\\| (all but |none)?([^|]*)\\|$");
    row.matcher(text("docs/architecture.md"))
        .results()
        .forEach(
            found -> {
              String owner = found.group(1);
              SortedSet<String> named = all(CODE, found.group(3), 1);
              if ("all but ".equals(found.group(2))) {
                SortedSet<String> others = new TreeSet<>(packages);
                others.removeAll(named);
                others.remove(owner);
                named = others;
              }
              described.add(owner);
              assertEquals(named, imports(owner, packages), owner);
            });

    assertEquals(packages, described);
  }

  private static SortedSet<String> imports(String owner, Set<String> packages) {
    Pattern imported = Pattern.compile("(?m)^import (?:static )?io\\.flowinstance\\.([a-z]+)\\.");
    return files(Path.of("src/main/java/io/flowinstance", owner))
        .flatMap(file -> all(imported, text(file), 1).stream())
        .filter(name -> packages.contains(name) && !name.equals(owner))
        .collect(toCollection(TreeSet::new));
  }

  private static SortedSet<String> rows(String page, String cell) {
    return all(Pattern.compile("(?m)^\\| `" + cell + "` \\|"), text(page), 1);
  }

  /** The commands of a page: the blocks that are marked as a shell's. */
  private static List<String> scripts(String page) {
    return FENCE
        .matcher(page)
        .results()
        .filter(block -> block.group(1).matches("sh\\b.*"))
        .map(block -> block.group(2).replace("\\\n", " "))
        .flatMap(String::lines)
        .toList();
  }

  /** The anchors that GitHub gives the headings of a page. */
  private static Set<String> anchors(String page) {
    SortedSet<String> anchors = new TreeSet<>();
    all(Pattern.compile("(?m)^#+ (.+)$"), FENCE.matcher(page).replaceAll(""), 1)
        .forEach(
            heading ->
                anchors.add(
                    heading.toLowerCase(Locale.ROOT).replaceAll("[^\\w -]", "").replace(' ', '-')));
    return anchors;
  }

  private static Set<String> types() {
    return Stream.of("src/main/java", "src/test/java")
        .flatMap(folder -> files(Path.of(folder)))
        .map(file -> file.getFileName().toString().replace(".java", ""))
        .collect(toCollection(TreeSet::new));
  }

  private static Set<String> settings() {
    return all(
        Pattern.compile("(?m)^([a-z.-]+) ="), text("src/main/resources/application.properties"), 1);
  }

  private static String variable(String setting) {
    return Arrays.stream(setting.split("[.-]"))
        .map(word -> word.toUpperCase(Locale.ROOT))
        .collect(joining("_"));
  }

  private static SortedSet<String> all(Pattern pattern, String text, int group) {
    return pattern
        .matcher(text)
        .results()
        .map((MatchResult found) -> found.group(group))
        .collect(toCollection(TreeSet::new));
  }

  private static Stream<Path> files(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).toList().stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String text(String file) {
    return text(Path.of(file));
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
