package io.flowinstance.trace;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.spi.ConfigProperties;
import io.opentelemetry.sdk.autoconfigure.spi.ConfigurationException;
import io.opentelemetry.sdk.resources.Resource;
import java.net.URLDecoder;
import java.net.http.HttpRequest;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

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
  private static final Pattern PROPERTY = Pattern.compile("otel(?:\\.[a-z]+)+");

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
      throw new IllegalArgumentException(fault(e), e);
    }
  }

  /** What is wrong, without the SDK's own words: they quote values, which may be secrets. */
  private static String fault(ConfigurationException failure) {
    String words = failure.getMessage();
    Matcher property = PROPERTY.matcher(words);
    if (words.startsWith("OTEL_")) {
      return words;
    }
    return property.find()
        ? property.group().toUpperCase(Locale.ROOT).replace('.', '_')
            + " has a value that OpenTelemetry does not take"
        : "the endpoint is no http:// or https:// address, or a header, a certificate or a key"
            + " cannot be read";
  }

  private static Map<String, String> ours(ConfigProperties config) {
    String protocol =
        config.getString("otel.exporter.otlp.traces.protocol", config.getString(PROTOCOL, HTTP));
    if (!protocol.equals(HTTP)) {
      // The sender of the JDK speaks no gRPC, and the SDK's own words for that name its classes.
      throw new ConfigurationException("OTEL_EXPORTER_OTLP_PROTOCOL must be " + HTTP);
    }
    for (String headers :
        List.of("otel.exporter.otlp.headers", "otel.exporter.otlp.traces.headers")) {
      try {
        config
            .getMap(headers)
            .forEach(
                (name, value) ->
                    HttpRequest.newBuilder().header(name, URLDecoder.decode(value, UTF_8)));
      } catch (IllegalArgumentException e) {
        throw new ConfigurationException(headers, e);
      }
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
