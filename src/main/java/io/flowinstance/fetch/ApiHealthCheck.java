package io.flowinstance.fetch;

import java.util.Map;
import org.apache.camel.health.HealthCheckResultBuilder;
import org.apache.camel.impl.health.AbstractHealthCheck;

/** Readiness: down while the API is down or refuses us, in words. */
public final class ApiHealthCheck extends AbstractHealthCheck {
  private final ApiAvailability api;

  public ApiHealthCheck(ApiAvailability api) {
    super("enos", "enos-api");
    this.api = api;
  }

  @Override
  public boolean isLiveness() {
    return false;
  }

  @Override
  protected void doCall(HealthCheckResultBuilder result, Map<String, Object> options) {
    if (api.isUp()) {
      result.up();
    } else {
      result.message("The EnOS API is down or refuses us; ids are held. " + api.reason()).down();
    }
  }
}
