package io.flowinstance.config;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.common.config.types.Password;
import org.apache.kafka.common.security.JaasContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SettingsTest {
  private static final Map<String, String> ENOUGH =
      Map.of(
          "ENOS_BASE_URL", "https://apigw.example",
          "ENOS_APP_KEY", "key",
          "ENOS_APP_SECRET", "hush",
          "ENOS_USER_ID", "u",
          "ENOS_ORG_ID", "o");

  private static Map<String, String> with(String... more) {
    Map<String, String> environment = new HashMap<>(ENOUGH);
    for (int i = 0; i < more.length; i += 2) {
      environment.put(more[i], more[i + 1]);
    }
    return environment;
  }

  private static String refusal(Map<String, String> environment) {
    return assertThrows(SettingsException.class, () -> Settings.resolve(environment, Map.of()))
        .getMessage();
  }

  @Test
  void hasADefaultForEverythingButTheApiAndTheSecrets() {
    Settings settings = Settings.resolve(ENOUGH, Map.of());

    assertEquals("flow-instance-ids", settings.getString("topic.instance-ids"));
    assertEquals(64, settings.getInt("fetch.concurrency"));
  }

  @Test
  void takesTheEnvironmentOverTheFileAndOverridesOverBoth() {
    Map<String, String> environment = with("KAFKA_CONSUMERS", "3", "TOPIC_INSTANCE_IDS", " ids ");

    assertEquals(3, Settings.resolve(environment, Map.of()).getInt("kafka.consumers"));
    assertEquals("ids", Settings.resolve(environment, Map.of()).getString("topic.instance-ids"));
    assertEquals(
        4, Settings.resolve(environment, Map.of("kafka.consumers", "4")).getInt("kafka.consumers"));
  }

  @Test
  void readsASecretFromAMountedFile(@TempDir Path folder) throws IOException {
    Path secret = Files.writeString(folder.resolve("secret"), "from a file\n");

    assertEquals(
        "from a file",
        Settings.resolve(with("ENOS_APP_SECRET_FILE", secret.toString()), Map.of())
            .getString("enos.app-secret"));
    assertTrue(
        refusal(with("ENOS_APP_SECRET_FILE", folder.resolve("none").toString()))
            .contains("ENOS_APP_SECRET_FILE names no file"));
    assertFalse(refusal(with("ENOS_APP_SECRET_FILE", "s3cret")).contains("s3cret"));
  }

  @Test
  void readsAReplacedFileAgainAndKeepsItsLastTextWhileItIsEmpty(@TempDir Path folder)
      throws IOException {
    Path servers = Files.writeString(folder.resolve("servers"), "old:9092");
    Path secret = Files.writeString(folder.resolve("secret"), "old");
    Settings settings =
        Settings.resolve(
            with(
                "KAFKA_BOOTSTRAP_SERVERS_FILE", servers.toString(),
                "ENOS_APP_SECRET_FILE", secret.toString()),
            Map.of());
    Supplier<String> current = settings.current("enos.app-secret");
    assertEquals("old", current.get());

    Files.writeString(secret, "");
    Files.writeString(servers, "new:9092");

    await().until(() -> settings.kafkaConnection().containsValue("new:9092"));
    assertEquals("old", current.get());

    Files.writeString(secret, "new");

    await().until(() -> current.get().equals("new"));
  }

  @Test
  void reportsAllFaultsAtOnceEachWithItsRemedy() {
    String message = refusal(Map.of("ENOS_API_VERSION", "v3", "ENOS_TIME_ZONE", "Mars/Base"));

    assertTrue(
        message.contains(
            "ENOS_BASE_URL (enos.base-url) is missing: set it to https://{apigw-address}."),
        message);
    assertTrue(message.contains("ENOS_APP_SECRET (enos.app-secret) is missing"), message);
    assertTrue(message.contains("it must be one of v2.0, v2.1"), message);
    assertTrue(message.contains("\"Mars/Base\", which is not a time zone"), message);
    assertEquals(7, message.lines().filter(line -> line.startsWith("  - ")).count(), message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "ENOS_BASE_URL | apigw.example",
        "ENOS_BASE_URL | https://apigw.example/path",
        "ENOS_BASE_URL | https://user:secret@apigw.example",
        "ENOS_BASE_URL | ftp://apigw.example",
        "ENOS_BASE_URL | http://apigw.example",
        "ENOS_ALLOWED_IDENTITIES | user",
        "ENOS_ALLOWED_IDENTITIES | *, u/o",
        "ENOS_ALLOWED_IDENTITIES | u/ , u1/o1",
        "ENOS_ALLOWED_IDENTITIES | u/o,",
        "SECURITY_ALLOW_CLEARTEXT | yes",
        "ENOS_AUTH | basic",
        "ENOS_PROXY | proxy",
        "ENOS_PROXY | http://proxy:99999",
        "ENOS_BASE_URL | https://apigw.example:65536",
        "ENOS_TRUST_STORE | /no/such/file",
        "ENOS_TRUST_STORE | pom.xml",
        "ENOS_TRUST_STORE_TYPE | PEM",
        "KAFKA_BOOTSTRAP_SERVERS | broker",
        "KAFKA_BOOTSTRAP_SERVERS | broker:9092,",
        "KAFKA_BOOTSTRAP_SERVERS | broker:9092,[::1]:90922",
        "KAFKA_SECURITY_PROTOCOL | TLS",
        "KAFKA_SECURITY_PROTOCOL | SASL_SSL",
        "KAFKA_SECURITY_TRUST_STORE | /no/such/file",
        "KAFKA_SECURITY_TRUST_STORE | '\0'",
        "KAFKA_SECURITY_KEY_STORE | /no/such/file",
        "KAFKA_SECURITY_KEY_STORE_TYPE | DER",
        "TOPIC_DEAD_LETTERS | flow-instance-ids",
        "TOPIC_FLOW_INSTANCES | a topic",
        "FETCH_CONCURRENCY | many",
        "FETCH_CONCURRENCY | 0",
        "KAFKA_CONSUMERS | 0",
        "KAFKA_GROUP_ID | team+flows",
        "KAFKA_GROUP_ID | a%20b",
        "KAFKA_GROUP_ID | a&b",
        "KAFKA_GROUP_ID | RAW(a)",
        "MANAGEMENT_PORT | 70000",
        "MANAGEMENT_BIND_ADDRESS | 203.0.113.1",
      })
  void refusesWhatCannotWork(String variable, String value) {
    String message = refusal(with(variable, value));

    assertFalse(message.contains("secret@"), message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "watch.from | yesterday",
        "watch.from | +1000000000-12-31T23:59:59Z",
        "watch.interval-ms | 999",
        "watch.interval-ms | 300001",
        "watch.longest-interval-ms | 86400001",
        "watch.give-up-ms | 299999",
        "watch.settle-ms | -1",
        "watch.forget-ms | 2000000000",
        "watch.max-ids-per-second | 0",
        "watch.max-instances | 0",
        "watch.threads | 0",
        "topic.transitions | flow-instances",
        "kafka.group-id | team:flows",
      })
  void refusesAChangeFeedThatCannotWork(String name, String value) {
    Set<Settings.Part> used = Set.of(Settings.Part.KAFKA, Settings.Part.WATCH);
    Map<String, String> faulty = Map.of(name, value);

    assertEquals(
        1,
        assertThrows(SettingsException.class, () -> Settings.resolve(Map.of(), faulty, used))
            .faults()
            .size());
  }

  @ParameterizedTest
  @ValueSource(strings = {"now", "earliest", "2026-01-31T10:00:00Z"})
  void beginsTheChangeFeedAtATimeOrNowOrWithAllThereIs(String from) {
    Settings.resolve(
        Map.of("WATCH_FROM", from), Map.of(), Set.of(Settings.Part.KAFKA, Settings.Part.WATCH));
  }

  @Test
  void thePipelineIgnoresASettingOfTheChangeFeed() {
    Settings.resolve(with("WATCH_INTERVAL_MS", "soon"), Map.of());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "DISCOVER_INTERVAL_MS | 0",
        "DISCOVER_MARGIN_MS | 9999999999999",
        "DISCOVER_HORIZON_MS | a month",
        "DISCOVER_FROM | -1000000000-01-01T00:00:00Z",
        "DISCOVER_TYPES | MANUAL,",
        "DISCOVER_TYPES | manual",
        "DISCOVER_OWNERS | a,,b",
        "DISCOVER_FROM | 2026-01-31",
        "TOPIC_DISCOVER_WATERMARK | flow-instance-ids",
      })
  void refusesSettingsOfDiscoverWhereItIsEnabled(String variable, String value) {
    String message = refusal(with("DISCOVER_ENABLED", "true", variable, value));
    assertEquals(1, message.lines().filter(line -> line.startsWith("  - ")).count(), message);

    Settings.resolve(with(variable, value), Map.of());
    refusal(with("DISCOVER_ENABLED", "yes"));
  }

  @Test
  void discoverHasUsableDefaultsAndListsMayHaveBlanks() {
    Settings settings =
        Settings.resolve(
            with(
                "DISCOVER_ENABLED",
                "true",
                "DISCOVER_TYPES",
                "MANUAL , PERIODIC",
                "DISCOVER_OWNERS",
                "a, b",
                "DISCOVER_FROM",
                "2026-01-31T10:00:00Z"),
            Map.of());

    assertTrue(settings.isTrue("discover.enabled"));
    assertEquals(2_592_000_000L, settings.getLong("discover.horizon-ms"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"})
  void signsCallsWithoutTlsToThisMachineAlone(String address) {
    Settings.resolve(with("ENOS_BASE_URL", address), Map.of());

    Settings.resolve(
        with("ENOS_BASE_URL", "http://apigw.example"), Map.of("security.allow-cleartext", "true"));
    Settings.resolve(with("ENOS_BASE_URL", "http://apigw.example"), Map.of("enos.auth", "none"));
    refusal(with("ENOS_BASE_URL", "http://localhost.apigw.example"));
  }

  @Test
  void sendsAPasswordToBrokersWithoutTlsOnThisMachineAlone() {
    Map<String, String> plain =
        Map.of(
            "kafka.security.protocol", "SASL_PLAINTEXT",
            "kafka.security.sasl-mechanism", "PLAIN",
            "kafka.security.sasl-jaas-config", "a.Module required password=x;");
    Settings.resolve(with("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092,[::1]:9092"), plain);
    Map<String, String> remote = with("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092,broker:9092");

    SettingsException refused =
        assertThrows(SettingsException.class, () -> Settings.resolve(remote, plain));

    assertTrue(
        refused.getMessage().contains("sends the password or token of the login without TLS"));
  }

  private static Map<String, String> oauth(String... more) {
    Map<String, String> oauth = new HashMap<>();
    oauth.put("kafka.security.protocol", "SASL_SSL");
    oauth.put("kafka.security.sasl-mechanism", "OAUTHBEARER");
    oauth.put("kafka.security.oauth-token-endpoint", "https://login.example/token");
    oauth.put("kafka.security.oauth-client-id", "me");
    oauth.put("kafka.security.oauth-client-secret", "s\"ecr\\et");
    for (int i = 0; i < more.length; i += 2) {
      oauth.put(more[i], more[i + 1]);
    }
    return oauth;
  }

  @Test
  void logsInByOauthWithAClientOrWithALineThatIsGiven() {
    JaasContext made =
        JaasContext.loadClientContext(
            Map.of(
                "sasl.jaas.config",
                new Password(
                    Settings.resolve(ENOUGH, oauth("kafka.security.oauth-scope", "ids"))
                        .kafkaConnection()
                        .get("sasl.jaas.config"))));
    assertEquals(
        Map.of("clientId", "me", "clientSecret", "s\"ecr\\et", "scope", "ids"),
        made.configurationEntries().get(0).getOptions());

    String line = "a.Module required extension_pool=\"p\";";
    assertEquals(
        line,
        Settings.resolve(
                ENOUGH,
                oauth(
                    "kafka.security.sasl-jaas-config", line,
                    "kafka.security.oauth-client-id", "",
                    "kafka.security.oauth-client-secret", ""))
            .kafkaConnection()
            .get("sasl.jaas.config"));
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "none",
      value = {
        "kafka.security.oauth-token-endpoint, none",
        "kafka.security.oauth-token-endpoint, login.example/token",
        "kafka.security.oauth-token-endpoint, file:///etc/token",
        "kafka.security.oauth-token-endpoint, http://login.example/token",
        "kafka.security.oauth-token-endpoint, https://user:secret@login.example/token",
        "kafka.security.oauth-client-id, none",
        "kafka.security.oauth-client-secret, none",
        "kafka.security.oauth-trust-store, /no/such/file",
        "kafka.security.sasl-jaas-config, no line",
        "kafka.security.protocol, SASL_PLAINTEXT",
      })
  void refusesALoginByOauthThatIsNotSafe(String setting, String value) {
    Map<String, String> overrides = oauth(setting, Objects.requireNonNullElse(value, ""));
    Map<String, String> remote = with("KAFKA_BOOTSTRAP_SERVERS", "broker:9092");

    SettingsException refused =
        assertThrows(SettingsException.class, () -> Settings.resolve(remote, overrides));

    assertEquals(1, refused.faults().size(), refused.getMessage());
    assertTrue(refused.getMessage().contains("(" + setting + ")"), refused.getMessage());
    assertFalse(refused.getMessage().contains("secret@"), refused.getMessage());
  }

  @Test
  void neverAllowsTokensThatNobodyHasSigned() {
    Map<String, String> overrides =
        oauth(
            "kafka.security.oauth-token-endpoint",
            "",
            "kafka.security.sasl-jaas-config",
            "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required"
                + " unsecuredLoginStringClaim_sub=\"admin\";");

    SettingsException refused =
        assertThrows(SettingsException.class, () -> Settings.resolve(ENOUGH, overrides));

    assertTrue(refused.getMessage().contains("tokens would be unsigned"), refused.getMessage());
  }

  @Test
  void refusesAnOverrideThatIsNoSetting() {
    assertTrue(
        assertThrows(
                SettingsException.class, () -> Settings.resolve(ENOUGH, Map.of("fetch.tries", "1")))
            .getMessage()
            .contains("There is no setting named fetch.tries."));
  }

  @Test
  void thePageOfSettingsNamesEachWithItsVariableAndItsDefault() throws IOException {
    assertEquals(
        rows(
            "src/main/resources/application.properties",
            "(?m)^(?<name>[a-z.-]+) =[ ]?(?<value>.*)$",
            row -> row.group("value")),
        rows(
            "docs/settings.md",
            "(?m)^\\| `(?<name>[a-z.-]+)` \\| `(?<variable>[A-Z_]+)` \\| (?:`(?<value>[^`]*)`"
                + " |[^|`]*)\\|",
            row -> {
              assertEquals(
                  row.group("name").toUpperCase(Locale.ROOT).replaceAll("[.-]", "_"),
                  row.group("variable"));
              return Objects.requireNonNullElse(row.group("value"), "");
            }));
  }

  /** Name and value of each row, in the order of the file. */
  private static List<String> rows(String file, String pattern, Function<Matcher, String> value)
      throws IOException {
    Matcher row = Pattern.compile(pattern).matcher(Files.readString(Path.of(file)));
    List<String> rows = new ArrayList<>();
    while (row.find()) {
      rows.add(row.group("name") + " = " + value.apply(row));
    }
    return rows;
  }
}
