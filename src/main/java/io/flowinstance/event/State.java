package io.flowinstance.event;

import io.flowinstance.json.Json;
import java.util.List;
import java.util.Locale;

/** What a status of EnOS means, in words that task and instance share. The set may grow. */
public enum State {
  /** Not yet started. */
  WAITING,
  /** Under way. */
  RUNNING,
  /** Stopped by a person. */
  SUSPENDED,
  /** Ended well. */
  SUCCEEDED,
  /** Ended badly. */
  FAILED,
  /** Ended by a person. */
  CANCELED,
  /** Never to start. */
  SKIPPED,
  /** No status, or one that is not known. */
  UNKNOWN;

  /** The names of the numeric statuses of an instance, which begin at -1. */
  private static final List<String> NAMES =
      List.of(
          "FAIL INIT SUCCESS RUNNING SUSPEND INTERNAL_ERROR WAIT READY TIMEOUT CANCEL RERUN SKIP"
              .split(" "));

  /** The state that a status names, in any case; the status may be null. */
  public static State of(String name) {
    if (name == null) {
      return UNKNOWN;
    }
    State state = known(name);
    return state != UNKNOWN ? state : known(Json.trim(name).toUpperCase(Locale.ROOT));
  }

  private static State known(String name) {
    return switch (name) {
      case "INIT", "WAIT", "READY", "NONE" -> WAITING;
      case "RUNNING", "RERUN" -> RUNNING;
      case "SUSPEND" -> SUSPENDED;
      case "SUCCESS" -> SUCCEEDED;
      case "FAIL", "INTERNAL_ERROR", "TIMEOUT" -> FAILED;
      case "CANCEL" -> CANCELED;
      case "SKIP" -> SKIPPED;
      default -> UNKNOWN;
    };
  }

  /**
   * The status of an instance: the name of its code where the code is a known one, else the name
   * that came with it. Either may be null, and so may the status; a blank name is none.
   */
  public static String status(Integer code, String name) {
    if (code != null && code >= -1 && code < NAMES.size() - 1) {
      return NAMES.get(code + 1);
    }
    return Json.isBlank(name) ? null : name;
  }

  /** Whether nothing is expected to follow by itself. Anything can be re-run. */
  public boolean isSettled() {
    return this == SUCCEEDED || this == FAILED || this == CANCELED || this == SKIPPED;
  }
}
