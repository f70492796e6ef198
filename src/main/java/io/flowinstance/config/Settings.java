package io.flowinstance.config;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The settings of one process: the defaults of {@code application.properties}, the environment on
 * top, overrides of the caller above both.
 */
public final class Settings {
  private static final Map<String, String> SERVICES =
      Map.of("v2.0", "dataflow-batch-service", "v2.1", "batch-processing-service");

  /** Kafka's own names of the settings that say how to connect. */
  private static final Map<String, String> CONNECTION =
      Map.ofEntries(
          Map.entry("kafka.bootstrap-servers", "bootstrap.servers"),
          Map.entry("kafka.security.protocol", "security.protocol"),
          Map.entry("kafka.security.sasl-mechanism", "sasl.mechanism"),
          Map.entry("kafka.security.sasl-jaas-config", "sasl.jaas.config"),
          Map.entry("kafka.security.oauth-token-endpoint", "sasl.oauthbearer.token.endpoint.url"),
          Map.entry("kafka.security.trust-store", "ssl.truststore.location"),
          Map.entry("kafka.security.trust-store-type", "ssl.truststore.type"),
          Map.entry("kafka.security.trust-store-password", "ssl.truststore.password"),
          Map.entry("kafka.security.key-store", "ssl.keystore.location"),
          Map.entry("kafka.security.key-store-type", "ssl.keystore.type"),
          Map.entry("kafka.security.key-store-password", "ssl.keystore.password"),
          Map.entry("kafka.security.key-password", "ssl.key.password"),
          Map.entry("kafka.security.certificate-chain", "ssl.keystore.certificate.chain"),
          Map.entry("kafka.security.private-key", "ssl.keystore.key"));

  /** Options of a JAAS line for OAUTHBEARER, by the setting that each has its value from. */
  private static final Map<String, String> OAUTH =
      Map.of(
          "kafka.security.oauth-client-id", "clientId",
          "kafka.security.oauth-client-secret", "clientSecret",
          "kafka.security.oauth-scope", "scope",
          "kafka.security.oauth-trust-store", "ssl.truststore.type=PEM ssl.truststore.location");

  private final Map<String, String> values;
  private final Map<String, MountedText> texts;

  /** What a process may use of the settings: of the rest, nothing has to be set. */
  public enum Part {
    KAFKA,
    ENOS,
    WATCH
  }

  private Settings(Map<String, String> values, Map<String, MountedText> texts) {
    this.values = Collections.unmodifiableMap(values);
    this.texts = texts;
  }

  /** Resolves every known setting, for the pipeline. */
  public static Settings resolve(Map<String, String> environment, Map<String, String> overrides) {
    return resolve(environment, overrides, EnumSet.of(Part.KAFKA, Part.ENOS));
  }

  /**
   * Resolves every known setting.
   *
   * @param environment variables such as {@code ENOS_BASE_URL}; {@code ENOS_APP_SECRET_FILE} names
   *     a file with the value
   * @param overrides settings by their own names, stronger than the environment
   * @param used the parts that are validated
   * @throws SettingsException those parts cannot be used; it names every fault
   */
  public static Settings resolve(
      Map<String, String> environment, Map<String, String> overrides, Set<Part> used) {
    Map<String, String> values = defaults();
    List<String> faults = new ArrayList<>();
    Map<String, MountedText> texts = new TreeMap<>();
    values.replaceAll((name, value) -> fromEnvironment(environment, name, value, texts, faults));
    overrides.forEach(
        (name, value) -> {
          texts.remove(name);
          if (values.replace(name, value.strip()) == null) {
            faults.add("There is no setting named %s.".formatted(name));
          }
        });
    Settings settings = new Settings(values, texts);
    faults.addAll(SettingsCheck.faults(settings, used));
    if (!faults.isEmpty()) {
      throw new SettingsException(faults);
    }
    return settings;
  }

  private static Map<String, String> defaults() {
    Properties properties = new Properties();
    try (InputStream in = Settings.class.getResourceAsStream("/application.properties")) {
      properties.load(new InputStreamReader(in, StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Map<String, String> values = new TreeMap<>();
    properties.forEach((name, value) -> values.put(name.toString(), value.toString().strip()));
    return values;
  }

  private static String fromEnvironment(
      Map<String, String> environment,
      String name,
      String value,
      Map<String, MountedText> texts,
      List<String> faults) {
    String variable = environmentVariable(name);
    String file = environment.get(variable + "_FILE");
    if (file != null) {
      // Not quoted when it cannot be read: it may be the secret itself.
      try {
        MountedText text = new MountedText(Path.of(file));
        texts.put(name, text);
        return text.get();
      } catch (IOException | InvalidPathException e) {
        faults.add(
            "%s_FILE names no file that can be read: mount it, or fix the path."
                .formatted(variable));
        return value;
      }
    }
    return environment.getOrDefault(variable, value).strip();
  }

  /** The name of a setting in the environment: {@code enos.base-url} is {@code ENOS_BASE_URL}. */
  public static String environmentVariable(String name) {
    return name.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
  }

  public Map<String, String> asMap() {
    return values;
  }

  /** All settings, and what follows from them: {@code enos.service} from the API's version. */
  public Map<String, String> forRoutes() {
    Map<String, String> properties = new TreeMap<>(values);
    properties.put("enos.service", SERVICES.get(getString("enos.api-version")));
    return properties;
  }

  /** How to connect to Kafka at present, under the names of its clients; holds secrets. */
  public Map<String, String> kafkaConnection() {
    Map<String, String> connection = new TreeMap<>();
    CONNECTION.forEach(
        (ours, kafkas) -> {
          String value = read(ours);
          if (!value.isEmpty()) {
            connection.put(kafkas, value);
          }
        });
    if (getString("kafka.security.sasl-mechanism").equals("OAUTHBEARER")) {
      connection.computeIfAbsent("sasl.jaas.config", name -> oauthLogin());
    }
    return connection;
  }

  private String oauthLogin() {
    return OAUTH.entrySet().stream()
        .filter(option -> !read(option.getKey()).isEmpty())
        .map(option -> option.getValue() + "=" + quoted(read(option.getKey())))
        .collect(
            Collectors.joining(
                " ",
                "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required ",
                ";"));
  }

  private static String quoted(String value) {
    return "\"" + value.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
  }

  /** What a setting is now: what a mounted file holds is read again, once a second at most. */
  public Supplier<String> current(String name) {
    MountedText text = texts.get(name);
    return text == null ? () -> getString(name) : text;
  }

  private String read(String name) {
    return current(name).get();
  }

  /**
   * A text that is asked for with each call, and changes perhaps once a month. While its file is
   * missing or empty, as in the middle of a replacement, the last one counts.
   */
  private static final class MountedText implements Supplier<String> {
    private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Path file;
    private String text;
    private long readAt;

    MountedText(Path file) throws IOException {
      this.file = file;
      text = Files.readString(file).strip();
      readAt = System.nanoTime();
    }

    @Override
    public synchronized String get() {
      long now = System.nanoTime();
      if (now - readAt > PAUSE_NANOS) {
        readAt = now;
        try {
          String read = Files.readString(file).strip();
          text = read.isEmpty() ? text : read;
        } catch (IOException beingReplaced) {
          // The last one counts.
        }
      }
      return text;
    }
  }

  /** Whether what Kafka gets and gives goes over a network without TLS. */
  public boolean isKafkaInClear() {
    return getString("kafka.security.protocol").endsWith("PLAINTEXT")
        && !Stream.of(getString("kafka.bootstrap-servers").split(","))
            .allMatch(server -> isLoopback(server.strip().replaceAll(":\\d+$", "")));
  }

  static boolean isLoopback(String host) {
    return host.equals("localhost") || host.matches("127(\\.\\d{1,3}){3}|\\[::1]");
  }

  /** What the transactional ids of this pipeline begin with. */
  public String transactionalIdPrefix() {
    String prefix = getString("kafka.transactional-id-prefix");
    return prefix.isEmpty() ? getString("kafka.group-id") : prefix;
  }

  /** The text of a setting, empty when it is not set. */
  public String getString(String name) {
    String value = values.get(name);
    if (value == null) {
      throw new IllegalArgumentException("There is no setting named " + name);
    }
    return value;
  }

  public int getInt(String name) {
    return Integer.parseInt(getString(name));
  }

  public long getLong(String name) {
    return Long.parseLong(getString(name));
  }

  public boolean isTrue(String name) {
    return Boolean.parseBoolean(getString(name));
  }
}
