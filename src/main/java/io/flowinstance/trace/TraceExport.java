package io.flowinstance.trace;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.spi.ConfigProperties;
import io.opentelemetry.sdk.autoconfigure.spi.ConfigurationException;
import io.opentelemetry.sdk.resources.Resource;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Starts the OpenTelemetry SDK as the environment variables {@code OTEL_*} say. Nothing else loads
 * it, so a process without traces never does.
 *
 * @see <a
 *     href="https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/">The
 *     variables</a>
 */
public final class TraceExport {
  private static final String PROTOCOL = "otel.exporter.otlp.protocol";
  private static final String HTTP = "http/protobuf";
  private static final int LONGEST_FLUSH_MS = 3_000;

  private TraceExport() {}

  /**
   * Starts it; to be closed by the caller.
   *
   * @param more values of the SDK's properties, such as {@code otel.exporter.otlp.endpoint}, weaker
   *     than the environment
   * @throws IllegalArgumentException the variables cannot be used
   */
  public static Tracing start(String version, Map<String, String> more) {
    Map<String, String> defaults =
        new HashMap<>(
            Map.of(PROTOCOL, HTTP, "otel.metrics.exporter", "none", "otel.logs.exporter", "none"));
    defaults.putAll(more);
    WatchedExporter.takeWarnings();
    try {
      OpenTelemetrySdk sdk =
          AutoConfiguredOpenTelemetrySdk.builder()
              .disableShutdownHook()
              .addPropertiesSupplier(() -> defaults)
              .addPropertiesCustomizer(TraceExport::ours)
              .addResourceCustomizer(
                  (resource, config) ->
                      Resource.create(
                              Attributes.of(AttributeKey.stringKey("service.version"), version))
                          .merge(resource))
              .addSpanExporterCustomizer((exporter, config) -> new WatchedExporter(exporter))
              .build()
              .getOpenTelemetrySdk();
      return Tracing.of(sdk, () -> sdk.shutdown().join(LONGEST_FLUSH_MS, TimeUnit.MILLISECONDS));
    } catch (ConfigurationException e) {
      String words =
          e.getMessage() + (e.getCause() == null ? "" : ": " + e.getCause().getMessage());
      // Words that name no property quote headers, keys and the user in an address.
      throw new IllegalArgumentException(
          words.contains("otel.")
              ? words
              : "the endpoint is no http:// or https:// address, or a header, a certificate or a"
                  + " key cannot be read",
          e);
    }
  }

  private static Map<String, String> ours(ConfigProperties config) {
    String protocol =
        config.getString("otel.exporter.otlp.traces.protocol", config.getString(PROTOCOL, HTTP));
    if (!protocol.equals(HTTP)) {
      // The sender of the JDK speaks no gRPC, and the SDK's own words for that name its classes.
      throw new ConfigurationException(
          "%s is \"%s\": it is %s alone".formatted(PROTOCOL, protocol, HTTP));
    }
    Map<String, String> ours = new HashMap<>();
    // Others are neither read nor written, and naming one must not keep the pipeline from starting.
    ours.put("otel.propagators", "tracecontext");
    if (config.getString("otel.service.name") == null
        && !config.getMap("otel.resource.attributes").containsKey("service.name")) {
      ours.put("otel.service.name", "flow-instance-routes");
    }
    return ours;
  }
}
