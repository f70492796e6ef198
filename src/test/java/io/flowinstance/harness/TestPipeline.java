package io.flowinstance.harness;

import io.flowinstance.app.Application;
import io.flowinstance.config.Settings;
import io.flowinstance.trace.Tracing;
import java.util.HashMap;
import java.util.Map;
import org.apache.camel.main.Main;

/** Starts the real pipeline on {@link MemoryKafka}, against an API at a given address. */
public final class TestPipeline {
  private TestPipeline() {}

  public static Main start(MemoryKafka kafka, String baseUrl, Map<String, String> settings) {
    return start(kafka, baseUrl, settings, Tracing.off());
  }

  public static Main start(
      MemoryKafka kafka, String baseUrl, Map<String, String> settings, Tracing traces) {
    return start(kafka, baseUrl, Map.of(), settings, traces);
  }

  static Main start(
      MemoryKafka kafka,
      String baseUrl,
      Map<String, String> environment,
      Map<String, String> settings,
      Tracing traces) {
    Map<String, String> overrides = new HashMap<>();
    overrides.put("enos.base-url", baseUrl);
    overrides.put("enos.auth", "none");
    overrides.put("enos.user-id", "yourUserId");
    overrides.put("enos.org-id", "yourOrgId");
    overrides.put("kafka.consumers", "1");
    overrides.put("management.port", "0");
    overrides.put("fetch.retry-budget-ms", "200");
    overrides.putAll(settings);
    return Application.start(
        Settings.resolve(environment, overrides), kafka, kafka, kafka::nanoTime, traces);
  }
}
