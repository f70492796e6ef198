package io.flowinstance.demo;

import static io.flowinstance.demo.OutcomeView.padded;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;

/** How a transition looks on the screen: a line, of which an instance's own stands out. */
final class TransitionView {
  private static final int FLOW_WIDTH = 16;
  private static final int SUBJECT_WIDTH = 11;
  private static final int CHANGE_WIDTH = 26;
  private static final int AFTER_WIDTH = 17;
  private static final int WHOLE_WIDTH = 90;

  private final Screen screen;
  private final StateStyle style;

  TransitionView(Screen screen) {
    this.screen = screen;
    this.style = new StateStyle(screen);
  }

  String of(JsonNode transition) {
    String flow = padded(text(transition, "flowName"), FLOW_WIDTH);
    String change = change(transition) + "  " + screen.faint(times(transition));
    return text(transition, "kind").equals("INSTANCE")
        ? screen.strong(
                flow + padded("attempt " + transition.path("attempt").asInt(), SUBJECT_WIDTH))
            + change
        : screen.faint(flow) + padded(text(transition, "taskName"), SUBJECT_WIDTH) + change;
  }

  private String change(JsonNode transition) {
    String state = text(transition, "state");
    String previousState = text(transition, "previousState");
    // A re-run that begins and one that runs are one state, and two statuses.
    boolean sameState = state.equals(previousState);
    String to = style.sign(state) + (sameState ? text(transition, "status") : state);
    if (transition.path("first").asBoolean()) {
      return style.coloured(state, padded(to, CHANGE_WIDTH));
    }
    String from =
        style.sign(previousState)
            + (sameState ? text(transition, "previousStatus") : previousState);
    String arrow = screen.sign(" → ", " > ");
    return style.coloured(previousState, from)
        + arrow
        + style.coloured(state, padded(to, CHANGE_WIDTH - from.length() - arrow.length()));
  }

  /** How long the previous status lasted at least, and how old the change can be. */
  private String times(JsonNode transition) {
    if (transition.path("first").asBoolean()) {
      return "first seen";
    }
    double lasted = seconds(transition, "previousSince", "previousLastSeenAt");
    String after = lasted == 0 ? "" : "after %s %.1f s".formatted(screen.sign("≥", ">="), lasted);
    String seen =
        "seen within %.1f s".formatted(seconds(transition, "previousLastSeenAt", "observedAt"));
    return screen.width() < WHOLE_WIDTH ? seen : padded(after, AFTER_WIDTH) + seen;
  }

  private static double seconds(JsonNode transition, String from, String to) {
    Duration time =
        Duration.between(
            Instant.parse(text(transition, from)), Instant.parse(text(transition, to)));
    return time.toMillis() / 1e3;
  }

  private static String text(JsonNode node, String field) {
    return node.path(field).asText("");
  }
}
