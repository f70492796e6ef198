package io.flowinstance.faults;

import io.flowinstance.simulator.EnosSimulator;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import java.time.Duration;
import java.util.Arrays;

/**
 * A way in which a call can fail, and the reason of the dead letter of an id that alone fails so.
 */
enum GatewayFailure {
  STATUS_401("401", Fault.status(401), Reason.REJECTED),
  STATUS_403("403", Fault.status(403), Reason.REJECTED),
  STATUS_404("404", Fault.status(404), Reason.REJECTED),
  STATUS_404_HTML("404-html", html(404), Reason.REJECTED),
  STATUS_407("407", Fault.status(407), Reason.REJECTED),
  STATUS_426("426", Fault.status(426), Reason.REJECTED),
  REDIRECT("302", Fault.redirect("http://127.0.0.1:1/login"), Reason.REJECTED),
  STATUS_408("408", Fault.status(408), Reason.EXHAUSTED),
  STATUS_500("500", Fault.status(500), Reason.EXHAUSTED),
  STATUS_502_HTML("502-html", html(502), Reason.EXHAUSTED),
  STATUS_503("503", Fault.status(503), Reason.EXHAUSTED),
  STATUS_504("504", Fault.status(504), Reason.EXHAUSTED),
  TIMEOUT("timeout", Fault.silence(), Reason.EXHAUSTED),
  RESET("reset", Fault.reset(), Reason.EXHAUSTED),
  HALF_BODY("half-body", Fault.halfBody(), Reason.EXHAUSTED),
  LOGIN_PAGE("html", html(200), Reason.UNREADABLE),
  UNKNOWN_CODE("unknown-code", Fault.code(99_999), Reason.UNREADABLE),
  CODE_62101("62101", Fault.code(62101), Reason.REJECTED),
  CODE_62105("62105", Fault.code(62105), Reason.EXHAUSTED),
  CODE_62109("62109", Fault.code(62109), Reason.EXHAUSTED),
  CODE_1003("1003", Fault.code(1003), Reason.REJECTED),
  CODE_1202("1202", Fault.code(1202), Reason.REJECTED),
  STATUS_429("429", Fault.status(429), Reason.EXHAUSTED),
  RETRY_AFTER("429-retry-after", Fault.retryAfter(429, Duration.ofSeconds(2)), Reason.EXHAUSTED),
  CONNECTION_REFUSED("refused", Fault.reset(), Reason.NONE),
  MIXED(
      "mixed",
      Fault.anyOf(
          Fault.status(500), Fault.status(403), Fault.status(401), Fault.reset(), html(200)),
      Reason.NONE);

  private static final class Reason {
    private static final String REJECTED = "REJECTED_BY_API";
    private static final String UNREADABLE = "UNREADABLE_RESPONSE";
    private static final String EXHAUSTED = "RETRIES_EXHAUSTED";
    private static final String NONE = "";
  }

  private final String label;
  private final Fault fault;
  private final String reason;

  GatewayFailure(String label, Fault fault, String reason) {
    this.label = label;
    this.fault = fault;
    this.reason = reason;
  }

  /** The failure of this label. Throws IllegalArgumentException when there is none. */
  static GatewayFailure of(String label) {
    return Arrays.stream(values())
        .filter(failure -> failure.label.equals(label))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("There is no failure " + label));
  }

  private static Fault html(int status) {
    String page = "<!DOCTYPE html><html><head><title>Please log in</title></head></html>";
    return Fault.status(status, "text/html", page);
  }

  Fault fault() {
    return fault;
  }

  /** Why an id becomes a dead letter that alone fails so; "" when none can. */
  String reason() {
    return reason;
  }

  /** Whether it asks the caller to slow down, and so speaks against no id. */
  boolean isThrottling() {
    return this == STATUS_429 || this == RETRY_AFTER;
  }

  /** Whether a single id can always fail so. */
  boolean isOfOneId() {
    return !reason.equals(Reason.NONE);
  }

  /** Lets these calls fail so until {@link #end}. */
  void begin(EnosSimulator enos, FaultScope scope) {
    if (this == CONNECTION_REFUSED) {
      enos.goDown();
    } else {
      enos.faults().set(fault, scope);
    }
  }

  /** Ends this failure, and any other. */
  void end(EnosSimulator enos) {
    enos.faults().clear();
    enos.comeUp();
  }

  @Override
  public String toString() {
    return label;
  }
}
