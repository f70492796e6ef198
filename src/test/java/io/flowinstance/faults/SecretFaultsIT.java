package io.flowinstance.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.config.Settings;
import io.flowinstance.harness.ApplicationProcess;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is said of settings that cannot be used never quotes what may be a secret. */
class SecretFaultsIT {
  private static final String MARKER = "m4rk3r";

  private static final Map<String, String> ENOUGH =
      Map.of(
          "KAFKA_BOOTSTRAP_SERVERS", "localhost:1",
          "ENOS_BASE_URL", "http://localhost:1",
          "ENOS_APP_KEY", "key",
          "ENOS_APP_SECRET", MARKER + " the secret",
          "ENOS_USER_ID", "u",
          "ENOS_ORG_ID", "o");

  private static final boolean FULL = Boolean.getBoolean("chaos");

  /** Each case starts the JAR, most of them twice: without {@code -Pchaos} one in five is run. */
  private static final int SHARE_OF_ALL = 5;

  private static final String ADDRESS = "https://user:" + MARKER + "@host.example";

  /** Variables that cannot be used, beside those that can. */
  static Stream<Map<String, String>> wrong() {
    Map<String, String> files = new HashMap<>();
    Stream.of(
            "enos.app-secret",
            "enos.trust-store-password",
            "enos.proxy-password",
            "kafka.security.sasl-jaas-config",
            "kafka.security.oauth-client-secret",
            "kafka.security.trust-store-password",
            "kafka.security.key-store-password",
            "kafka.security.key-password",
            "kafka.security.private-key")
        .forEach(name -> files.put(Settings.environmentVariable(name) + "_FILE", MARKER));
    Map<String, String> sasl =
        Map.of("KAFKA_SECURITY_PROTOCOL", "SASL_SSL", "KAFKA_SECURITY_SASL_MECHANISM", "PLAIN");
    List<Map<String, String>> all =
        List.of(
            files,
            Map.of("KAFKA_BOOTSTRAP_SERVERS", ADDRESS + ":9092"),
            Map.of("ENOS_BASE_URL", ADDRESS),
            Map.of("ENOS_PROXY", ADDRESS),
            Map.of("EVENT_SOURCE", ADDRESS + "/ no URI"),
            Map.of("EVENT_SCHEMA_BASE_URI", ADDRESS + "/ no URI"),
            Map.of("ENOS_TRUST_STORE", MARKER),
            Map.of("KAFKA_SECURITY_TRUST_STORE", MARKER),
            Map.of("KAFKA_SECURITY_KEY_STORE", "-----BEGIN PRIVATE KEY-----\n" + MARKER),
            Map.of("KAFKA_SECURITY_KEY_STORE_TYPE", "PEM", "KAFKA_SECURITY_PRIVATE_KEY", MARKER),
            Map.of(
                "KAFKA_SECURITY_KEY_STORE_TYPE",
                "PEM",
                "KAFKA_SECURITY_CERTIFICATE_CHAIN",
                MARKER,
                "KAFKA_SECURITY_PRIVATE_KEY",
                MARKER),
            Map.of("KAFKA_SECURITY_KEY_STORE_PASSWORD", MARKER),
            with(sasl, "KAFKA_SECURITY_SASL_JAAS_CONFIG", MARKER),
            with(sasl, "KAFKA_SECURITY_SASL_JAAS_CONFIG", "a.Module " + MARKER + " x=\"y\";"),
            with(
                sasl, "KAFKA_SECURITY_SASL_JAAS_CONFIG", "a.Module required x \"" + MARKER + "\";"),
            with(
                with(sasl, "KAFKA_SECURITY_SASL_MECHANISM", "OAUTHBEARER"),
                "KAFKA_SECURITY_OAUTH_TOKEN_ENDPOINT",
                ADDRESS + "/token"),
            traced("OTEL_EXPORTER_OTLP_HEADERS", MARKER),
            traced("OTEL_EXPORTER_OTLP_TRACES_HEADERS", MARKER),
            traced("OTEL_EXPORTER_OTLP_HEADERS", MARKER + "%zz=" + MARKER + "%zz"),
            traced("OTEL_EXPORTER_OTLP_ENDPOINT", ADDRESS + " no URL"),
            traced("OTEL_EXPORTER_OTLP_CERTIFICATE", MARKER),
            traced("OTEL_EXPORTER_OTLP_CLIENT_KEY", MARKER),
            traced("OTEL_RESOURCE_ATTRIBUTES", MARKER));
    return IntStream.range(0, all.size())
        .filter(i -> FULL || i % SHARE_OF_ALL == 0)
        .mapToObj(all::get);
  }

  private static Map<String, String> with(Map<String, String> some, String name, String value) {
    Map<String, String> all = new HashMap<>(some);
    all.put(name, value);
    return all;
  }

  private static Map<String, String> traced(String name, String value) {
    return Map.of("TRACING_ENABLED", "true", name, value);
  }

  @ParameterizedTest
  @MethodSource("wrong")
  void noFaultQuotesWhatMayBeASecret(Map<String, String> wrong) {
    Map<String, String> environment = new HashMap<>(ENOUGH);
    environment.putAll(wrong);
    for (String[] arguments : List.of(new String[0], new String[] {"check"})) {
      if (arguments.length == 1 && wrong.containsKey("TRACING_ENABLED")) {
        // Commands have no traces.
        continue;
      }
      try (ApplicationProcess process = ApplicationProcess.start(environment, arguments)) {
        int code = process.awaitEnd(Duration.ofSeconds(60));

        assertEquals(arguments.length == 0 ? 2 : 1, code, process::output);
        assertTrue(process.output().contains("cannot be used") || code == 1, process::output);
        assertFalse(process.output().contains(MARKER), process::output);
      }
    }
  }
}
