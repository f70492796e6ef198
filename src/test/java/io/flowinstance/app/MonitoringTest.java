package io.flowinstance.app;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.flowinstance.harness.ExportedMetrics;
import io.flowinstance.harness.Manifests;
import io.flowinstance.harness.Prometheus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MonitoringTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** What Prometheus itself makes of every scrape. */
  private static final Set<String> OF_PROMETHEUS = Set.of("up");

  private static final Set<String> WORDS = Set.of("and", "or", "unless", "offset", "bool");

  @Test
  void alertsAndPanelsUseOnlyMetricsThatAreExported() {
    SortedSet<String> exported = ExportedMetrics.all();
    List<String> expressions = new ArrayList<>(alertExpressions());
    expressions.addAll(panelExpressions());
    expressions.addAll(variableExpressions());
    for (String expression : expressions) {
      Set<String> metrics = metrics(expression);
      assertFalse(metrics.isEmpty(), expression);
      metrics.removeAll(exported);
      metrics.removeAll(OF_PROMETHEUS);
      assertEquals(Set.of(), metrics, expression);
    }
  }

  @Test
  void readsTheNamesOfAnExpression() {
    assertEquals(
        Set.of("a_total", "b_sum", "c"),
        metrics(
            "sum by (x, y) (rate(a_total{d=\"e\", f=~\"g|h\"}[5m])) / on (x) b_sum > 0.1"
                + " and time() - max without (pod) (c offset 10m) == 1"));
  }

  @Test
  void readsTheNamesOfAScrape() {
    assertEquals(
        Set.of("a_total", "b"),
        ExportedMetrics.inScrape("# HELP a\n# TYPE a counter\na_total{x=\"y z\"} 1.0\n\nb 2\n"));
  }

  @Test
  void everyAlertSaysWhatIsWrongAndWhatToDo() {
    Set<String> names = new HashSet<>();
    for (JsonNode alert : alerts()) {
      String name = alert.get("alert").textValue();
      assertTrue(name.startsWith("FlowInstance"), name);
      assertTrue(names.add(name), name);
      assertTrue(
          Set.of("warning", "critical").contains(alert.at("/labels/severity").textValue()), name);
      for (String annotation : List.of("summary", "description", "action")) {
        String text = alert.at("/annotations/" + annotation).asText();
        assertTrue(text.endsWith("."), () -> name + ": " + annotation);
      }
    }
  }

  @Test
  void everyPanelHasAPlaceAndSaysWhatItShows() {
    Set<Integer> ids = new HashSet<>();
    Set<String> cells = new HashSet<>();
    for (JsonNode panel : dashboard().get("panels")) {
      String title = panel.get("title").textValue();
      assertTrue(ids.add(panel.get("id").intValue()), title);
      JsonNode place = panel.get("gridPos");
      for (int x = 0; x < place.get("w").intValue(); x++) {
        for (int y = 0; y < place.get("h").intValue(); y++) {
          int column = place.get("x").intValue() + x;
          assertTrue(column < 24, title);
          assertTrue(cells.add(column + "," + (place.get("y").intValue() + y)), title);
        }
      }
      if (!panel.get("type").textValue().equals("row")) {
        assertTrue(panel.get("description").textValue().endsWith("."), title);
        assertEquals("${datasource}", panel.at("/datasource/uid").textValue(), title);
      }
    }
  }

  @Test
  void promtoolTakesEveryExpression(@TempDir Path folder) throws Exception {
    ArrayNode rules = JSON.createArrayNode();
    alerts().forEach(rules::add);
    List<String> panels = panelExpressions();
    for (int i = 0; i < panels.size(); i++) {
      rules
          .addObject()
          .put("record", "panel:" + i)
          .put("expr", panels.get(i).replace("$__rate_interval", "1m"));
    }
    promtool(folder, "check", rules(folder, rules));
  }

  @Test
  void alertsFireForTheirFaultsAlone(@TempDir Path folder) throws Exception {
    alertRules(folder);
    promtool(
        folder,
        "test",
        Files.copy(
            Path.of("src/test/resources/alerts.test.yaml"), folder.resolve("alerts.test.yaml")));
  }

  /** The alerts, as a file for Prometheus. */
  static Path alertRules(Path folder) throws IOException {
    ArrayNode rules = JSON.createArrayNode();
    alerts().forEach(rules::add);
    return rules(folder, rules);
  }

  /** What has to have data while the pipeline is well: panels, variables, what alerts compare. */
  static List<String> expressionsWithData() {
    List<String> expressions = new ArrayList<>(variableExpressions());
    expressions.addAll(panelExpressions());
    alertExpressions().forEach(alert -> expressions.addAll(compared(alert)));
    expressions.removeIf(expression -> expression.contains("flow_instance_watch_"));
    expressions.replaceAll(
        expression ->
            expression.replace("$__rate_interval", "1m").replaceAll("\\$(namespace|pod)", ".*"));
    return expressions;
  }

  /** The left hand sides of the comparisons of an alert, also of those in parentheses. */
  private static List<String> compared(String expression) {
    List<String> sides = new ArrayList<>();
    StringBuilder side = new StringBuilder();
    boolean left = true;
    int depth = 0;
    for (String word : expression.split("(?<=[\\s(){}])|(?=[\\s(){}])")) {
      depth += word.matches("[({]") ? 1 : word.matches("[)}]") ? -1 : 0;
      if (depth == 0 && word.matches("and|or|unless")) {
        sides.add(side.toString());
        side.setLength(0);
        left = true;
      } else if (depth == 0 && word.matches("[<>]=?|[=!]=")) {
        left = false;
      } else if (left) {
        side.append(word);
      }
    }
    sides.add(side.toString());
    return sides.stream()
        .map(each -> each.replaceFirst("^\\s*on \\([^)]*\\)", "").strip())
        .flatMap(
            each ->
                each.matches("(?s)\\([^()]*\\([^()]*\\).*[<>]=? *[0-9.]+\\s*\\)")
                    ? compared(each.substring(1, each.length() - 1)).stream()
                    : Stream.of(each))
        .toList();
  }

  @Test
  void readsWhatAnAlertCompares() {
    assertEquals(
        List.of("sum(a{x=\"y\"})", "(b unless b offset 1m)", "sum(c)", "sum(d)"),
        compared(
            "sum(a{x=\"y\"}) > 1 and (b unless b offset 1m) == 0 and (sum(c) > 0 or sum(d) > 0)"));
  }

  private static Path rules(Path folder, ArrayNode rules) throws IOException {
    ObjectNode group = JSON.createObjectNode().put("name", "all");
    group.set("rules", rules);
    ObjectNode groups = JSON.createObjectNode();
    groups.putArray("groups").add(group);
    Path file = folder.resolve("rules.json");
    JSON.writeValue(file.toFile(), groups);
    return file;
  }

  private static void promtool(Path folder, String command, Path file) throws Exception {
    Path promtool = Prometheus.program("promtool").orElse(null);
    assumeTrue(promtool != null, "promtool is not at hand");
    Process process =
        new ProcessBuilder(promtool.toString(), command, "rules", file.toString())
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .start();
    String said = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertEquals(0, process.waitFor(), said);
  }

  private static List<JsonNode> alerts() {
    List<JsonNode> alerts = new ArrayList<>();
    Manifests.one("monitoring/prometheusrule.yaml", "PrometheusRule")
        .at("/spec/groups")
        .forEach(group -> group.get("rules").forEach(alerts::add));
    return alerts;
  }

  private static List<String> alertExpressions() {
    return alerts().stream().map(alert -> alert.get("expr").textValue()).toList();
  }

  private static List<String> panelExpressions() {
    List<String> expressions = new ArrayList<>();
    for (JsonNode panel : dashboard().get("panels")) {
      panel.path("targets").forEach(target -> expressions.add(target.get("expr").textValue()));
    }
    return expressions;
  }

  private static List<String> variableExpressions() {
    List<String> expressions = new ArrayList<>();
    for (JsonNode variable : dashboard().at("/templating/list")) {
      if (variable.get("type").textValue().equals("query")) {
        Matcher matcher =
            Pattern.compile("label_values\\((.*), \\w+\\)")
                .matcher(variable.at("/query/query").textValue());
        assertTrue(matcher.matches(), variable.toString());
        expressions.add(matcher.group(1));
      }
    }
    return expressions;
  }

  private static JsonNode dashboard() {
    try {
      return JSON.readTree(Manifests.FOLDER.resolve("monitoring/dashboard.json").toFile());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** The identifiers of a PromQL expression that are neither functions, words nor labels. */
  private static Set<String> metrics(String expression) {
    String bare =
        expression
            .replaceAll("\"[^\"]*\"", "")
            .replaceAll("\\{[^}]*}", " ")
            .replaceAll("\\[[^\\]]*]", " ")
            .replaceAll("\\b(by|without|on|ignoring|group_left|group_right)\\s*\\([^)]*\\)", " ");
    Set<String> names = new TreeSet<>();
    Matcher matcher = Pattern.compile("(?<![\\w.:])[a-zA-Z_:][\\w:]*+(?!\\s*\\()").matcher(bare);
    while (matcher.find()) {
      if (!WORDS.contains(matcher.group())) {
        names.add(matcher.group());
      }
    }
    return names;
  }
}
