package io.flowinstance.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.ColumnData;
import com.github.freva.asciitable.HorizontalAlign;
import com.github.freva.asciitable.OverflowBehaviour;
import com.github.freva.asciitable.Styler;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** How an outcome looks on the screen: a line for the instance, and a table of its tasks. */
final class OutcomeView {
  private static final int MOST_TASKS = 20;
  private static final int STATE_COLUMN = 1;
  private static final int ID_WIDTH = 22;
  private static final int NAME_WIDTH = 20;
  private static final int STATE_WIDTH = 12;
  private static final int SETTLED_WIDTH = 11;
  private static final int DURATION_WIDTH = 14;

  private final Screen screen;
  private final StateStyle style;

  OutcomeView(Screen screen) {
    this.screen = screen;
    this.style = new StateStyle(screen);
  }

  String of(Outcome outcome) {
    List<String> blocks = new ArrayList<>();
    if (outcome.instance().isPresent()) {
      JsonNode instance = outcome.instance().get();
      blocks.add(headline(instance));
      if (!outcome.tasks().isEmpty()) {
        blocks.add(table(instance, outcome.tasks()));
      }
    } else if (outcome.deadLetters().isEmpty()) {
      blocks.add(screen.strong(padded(outcome.id(), ID_WIDTH)) + "  " + screen.odd("no outcome"));
    }
    for (Outcome.DeadLetter letter : outcome.deadLetters()) {
      String id = letter.ofTask() ? "" : outcome.id();
      blocks.add(
          screen.strong(padded(id, ID_WIDTH))
              + "  "
              + screen.bad(screen.sign("✘ ", "x ") + letter.reason()));
      blocks.add(indented(wrapped(letter.message(), screen.width() - 4)));
    }
    return String.join("\n", blocks) + "\n";
  }

  private String headline(JsonNode instance) {
    JsonNode enrichment = instance.path("enrichment");
    String state = text(enrichment, "state");
    List<String> owners = new ArrayList<>();
    enrichment.path("owners").forEach(owner -> owners.add(owner.asText()));
    return screen.strong(padded(instance.path("instanceId").asText(), ID_WIDTH))
        + "  "
        + padded(instance.path("flowName").asText(), NAME_WIDTH)
        + "  "
        + style.coloured(state, padded(style.sign(state) + state, STATE_WIDTH))
        + "  "
        + padded(enrichment.path("settled").asBoolean() ? "settled" : "not settled", SETTLED_WIDTH)
        + "  "
        + padded(duration(enrichment), DURATION_WIDTH)
        + "  "
        + screen.faint(String.join(", ", owners));
  }

  private String table(JsonNode instance, List<JsonNode> tasks) {
    Map<String, String> names = names(instance);
    List<ColumnData<JsonNode>> columns =
        List.of(
            column("TASK", 24).with(task -> text(task, "taskName")),
            column("STATE", 16).with(task -> style.sign(text(task, "state")) + text(task, "state")),
            column("UPSTREAM", upstreamWidth()).with(task -> upstream(task, names)),
            column("TASK INSTANCE", 30).visible(roomy()).with(task -> text(task, "taskInstId")));
    List<JsonNode> shown = tasks.subList(0, Math.min(MOST_TASKS, tasks.size()));
    String table =
        AsciiTable.builder()
            .border(AsciiTable.NO_BORDERS)
            .data(shown, columns)
            .styler(styler(shown))
            .asString();
    int hidden = tasks.size() - shown.size();
    // The table itself begins with a blank.
    return table.replaceAll("(?m)^", " ").replaceAll("(?m) +$", "")
        + (hidden > 0 ? "\n" + indented("and " + hidden + " more tasks") : "");
  }

  /** What the other columns leave of a line. */
  private int upstreamWidth() {
    return Math.max(16, Math.min(60, screen.width() - (roomy() ? 66 : 40)));
  }

  /** Whether a line has room for more than what a person looks for first. */
  private boolean roomy() {
    return screen.width() >= 100;
  }

  private Styler styler(List<JsonNode> tasks) {
    return new Styler() {
      @Override
      public List<String> styleCell(Column column, int row, int col, List<String> cell) {
        return col == STATE_COLUMN
            ? cell.stream()
                .map(line -> style.coloured(text(tasks.get(row), "state"), line))
                .toList()
            : col > STATE_COLUMN ? cell.stream().map(screen::faint).toList() : cell;
      }

      @Override
      public List<String> styleHeader(Column column, int col, List<String> header) {
        return header.stream().map(screen::faint).toList();
      }
    };
  }

  private static Column column(String header, int maxWidth) {
    return new Column()
        .header(header)
        .headerAlign(HorizontalAlign.LEFT)
        .dataAlign(HorizontalAlign.LEFT)
        .maxWidth(maxWidth, OverflowBehaviour.NEWLINE);
  }

  /** The names of the instance's nodes by their nodeId. */
  private static Map<String, String> names(JsonNode instance) {
    Map<String, String> names = new HashMap<>();
    instance
        .at("/graph/tasks")
        .forEach(task -> names.put(text(task, "nodeId"), text(task, "taskName")));
    instance
        .at("/graph/flows")
        .forEach(flow -> names.put(text(flow, "nodeId"), "flow " + text(flow, "flowName")));
    return names;
  }

  private static String upstream(JsonNode task, Map<String, String> names) {
    List<String> upstream = new ArrayList<>();
    task.path("upstream")
        .forEach(node -> upstream.add(names.getOrDefault(node.asText(), node.asText())));
    return String.join(", ", upstream);
  }

  private static String duration(JsonNode enrichment) {
    if (enrichment.has("durationMs")) {
      Duration duration = Duration.ofMillis(enrichment.get("durationMs").asLong());
      String text = duration.toSecondsPart() + "s";
      if (duration.toMinutesPart() > 0 || duration.toHours() > 0) {
        text = duration.toMinutesPart() + "m " + text;
      }
      return duration.toHours() > 0 ? duration.toHours() + "h " + text : text;
    }
    // An Instant's text: the time of day stands between the T and the Z.
    return Optional.of(enrichment.path("startedAt").asText(""))
        .filter(startedAt -> startedAt.length() >= 19)
        .map(startedAt -> "since " + startedAt.substring(11, 19))
        .orElse("not started");
  }

  private static String text(JsonNode node, String field) {
    return node.path(field).asText("");
  }

  static String padded(String text, int width) {
    return text.length() >= width ? text : text + " ".repeat(width - text.length());
  }

  private static String indented(String lines) {
    return lines
        .lines()
        .map(line -> "  " + line.stripTrailing())
        .reduce((a, b) -> a + "\n" + b)
        .orElse("");
  }

  /** Breaks a sentence between words. */
  private static String wrapped(String text, int width) {
    StringBuilder wrapped = new StringBuilder();
    int column = 0;
    for (String word : text.split(" ")) {
      if (column > 0 && column + 1 + word.length() > width) {
        wrapped.append('\n');
        column = 0;
      } else if (column > 0) {
        wrapped.append(' ');
        column++;
      }
      wrapped.append(word);
      column += word.length();
    }
    return wrapped.toString();
  }
}
