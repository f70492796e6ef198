package io.flowinstance.event;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What a status of EnOS means, in words that task and instance share. The set may grow. */
public enum State {
  /** Not yet started. */
  WAITING("INIT", "WAIT", "READY", "NONE"),
  /** Under way. */
  RUNNING("RUNNING", "RERUN"),
  /** Stopped by a person. */
  SUSPENDED("SUSPEND"),
  /** Ended well. */
  SUCCEEDED("SUCCESS"),
  /** Ended badly. */
  FAILED("FAIL", "INTERNAL_ERROR", "TIMEOUT"),
  /** Ended by a person. */
  CANCELED("CANCEL"),
  /** Never to start. */
  SKIPPED("SKIP"),
  /** No status, or one that is not known. */
  UNKNOWN;

  private static final Map<String, State> BY_NAME = new HashMap<>();

  /** By the numeric status of an instance, which begins at -1. */
  private static final List<State> BY_CODE =
      List.of(
          FAILED, WAITING, SUCCEEDED, RUNNING, SUSPENDED, FAILED, WAITING, WAITING, FAILED,
          CANCELED, RUNNING, SKIPPED);

  static {
    for (State state : values()) {
      for (String name : state.names) {
        BY_NAME.put(name, state);
      }
    }
  }

  private final String[] names;

  State(String... names) {
    this.names = names;
  }

  /**
   * The state that a status names, in any case.
   *
   * @param name the status, or null
   */
  public static State of(String name) {
    if (name == null) {
      return UNKNOWN;
    }
    State state = BY_NAME.get(name);
    return state != null
        ? state
        : BY_NAME.getOrDefault(name.strip().toUpperCase(Locale.ROOT), UNKNOWN);
  }

  /**
   * The state of an instance: that of its code where the code is a known one, else that of its
   * name.
   *
   * @param code the numeric status, or null
   * @param name the name of the status, or null
   */
  static State of(Integer code, String name) {
    return code != null && code >= -1 && code < BY_CODE.size() - 1
        ? BY_CODE.get(code + 1)
        : of(name);
  }

  /** Whether nothing is expected to follow by itself. Anything can be re-run. */
  public boolean isSettled() {
    return this == SUCCEEDED || this == FAILED || this == CANCELED || this == SKIPPED;
  }
}
