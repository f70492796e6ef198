package io.flowinstance.app;

import io.flowinstance.json.Printable;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.camel.health.HealthCheckResultBuilder;
import org.apache.camel.impl.health.AbstractHealthCheck;

/** A health check that is down while something is wrong, and says what. */
final class DescribedHealthCheck extends AbstractHealthCheck {
  private final boolean liveness;
  private final Supplier<String> complaint;

  /**
   * @param liveness whether only a restart helps. Otherwise it is part of readiness alone: it
   *     passes by itself, or somebody has to fix something elsewhere
   * @param complaint what is wrong and what to do, empty when nothing is; it has to be cheap, and
   *     never waits
   */
  DescribedHealthCheck(String id, boolean liveness, Supplier<String> complaint) {
    super("flow-instance-routes", id);
    this.liveness = liveness;
    this.complaint = complaint;
  }

  @Override
  public boolean isLiveness() {
    return liveness;
  }

  @Override
  protected void doCall(HealthCheckResultBuilder result, Map<String, Object> options) {
    String words = complaint.get();
    if (words.isEmpty()) {
      result.up();
    } else {
      // Camel escapes it for JSON twice.
      result.message(Printable.of(words).replace('"', '\'')).down();
    }
  }
}
