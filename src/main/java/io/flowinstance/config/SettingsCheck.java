package io.flowinstance.config;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Finds everything that is wrong with the settings at once, each with its remedy. */
final class SettingsCheck {
  private static final List<String> TOPICS =
      List.of(
          "topic.instance-ids",
          "topic.flow-instances",
          "topic.task-statuses",
          "topic.dead-letters",
          "topic.transitions");

  private static final int LARGEST_PORT = 65_535;

  /** {@code <userId>/<orgId>}, neither of them blank, and no pattern. */
  private static final String IDENTITY =
      "[^,/*]*[^,/*\\p{javaWhitespace}][^,/*]*/[^,/*]*[^,/*\\p{javaWhitespace}][^,/*]*";

  private static final String TYPE = "(MANUAL|PERIODIC|TEMPORARY)";
  private static final long DAY_MS = 86_400_000;

  private final Settings settings;
  private final List<String> faults = new ArrayList<>();

  private SettingsCheck(Settings settings) {
    this.settings = settings;
  }

  /** One sentence per fault; none when these parts of the settings can be used. */
  static List<String> faults(Settings settings, Set<Settings.Part> parts) {
    SettingsCheck check = new SettingsCheck(settings);
    if (parts.contains(Settings.Part.ENOS)) {
      check.enos();
    }
    if (parts.contains(Settings.Part.KAFKA)) {
      check.kafka();
    }
    if (parts.contains(Settings.Part.WATCH)) {
      check.watch();
    }
    check.uri("event.source", uri -> true, "a URI or a path");
    check.uri("event.schema-base-uri", URI::isAbsolute, "a URI such as https://{host}/schemas/");
    check.oneOf("log.format", "text", "json");
    check.oneOf("tracing.enabled", "true", "false");
    check.oneOf("security.allow-cleartext", "true", "false");
    check.numbers();
    check.discover();
    return check.faults;
  }

  private void enos() {
    oneOf("enos.api-version", "v2.0", "v2.1");
    oneOf("enos.auth", "signed", "none");
    boolean signed = is("enos.auth", "signed");
    if (signed) {
      required("enos.app-key", "the access key of the application in EnOS");
      required("enos.app-secret", "the secret of the application in EnOS");
    }
    URI base = address("enos.base-url", "https://{apigw-address}");
    if (signed && base != null) {
      expectTls("enos.base-url", base, "sends signed calls and tokens without TLS");
    }
    required("enos.user-id", "the EnOS user that may read the instances");
    required("enos.org-id", "the organization of that user");
    expect(
        text("enos.allowed-identities").matches("\\*|(%1$s(,%1$s)*)?".formatted(IDENTITY)),
        "enos.allowed-identities",
        "give it as {userId}/{orgId}, …, or * alone for any");
    zone("enos.time-zone");
    zone("enos.trigger-time-zone");
    oneOf("enos.trust-store-type", "PKCS12", "JKS");
    if (file("enos.trust-store")) {
      String fault = trustStoreFault();
      expect(
          fault.isEmpty(),
          "enos.trust-store",
          "cannot be used (%s)".formatted(fault),
          "give its type and its password");
    }
    if (!is("enos.proxy", "")) {
      address("enos.proxy", "http://{proxy}:{port}");
    }
  }

  private String trustStoreFault() {
    if (is("enos.trust-store", "") || !text("enos.trust-store-type").matches("PKCS12|JKS")) {
      return "";
    }
    try (InputStream file = Files.newInputStream(Path.of(text("enos.trust-store")))) {
      KeyStore store = KeyStore.getInstance(text("enos.trust-store-type"));
      store.load(file, text("enos.trust-store-password").toCharArray());
      return KafkaSecurity.hasCertificate(store) ? "" : "it has no certificate";
    } catch (IOException | GeneralSecurityException e) {
      return String.valueOf(e.getMessage());
    }
  }

  private void kafka() {
    for (String server : text("kafka.bootstrap-servers").split(",", -1)) {
      expect(
          isHostAndPort(server.strip()),
          "kafka.bootstrap-servers",
          "contains \"%s\"".formatted(withoutUser(server)),
          "give host:port, …");
    }
    required("kafka.group-id", "a name for the consumer group");
    expect(
        text("kafka.group-id").matches("[^\\s+&%#?{}()]*"),
        "kafka.group-id",
        "give it without blanks and without + & % # ? { } ( )");
    oneOf("kafka.compression-type", "none", "gzip", "snappy", "lz4", "zstd");
    oneOf("kafka.security.protocol", "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL");
    if (text("kafka.security.protocol").startsWith("SASL_")) {
      required("kafka.security.sasl-mechanism", "PLAIN, SCRAM-SHA-512 or OAUTHBEARER");
      login(is("kafka.security.sasl-mechanism", "OAUTHBEARER"));
    }
    expect(
        !is("kafka.security.protocol", "SASL_PLAINTEXT")
            || !text("kafka.security.sasl-mechanism").matches("PLAIN|OAUTHBEARER")
            || !settings.isKafkaInClear()
            || is("security.allow-cleartext", "true"),
        "kafka.security.protocol",
        "sends the password or token of the login without TLS",
        "use SASL_SSL or SCRAM-SHA-512, or set security.allow-cleartext to true");
    store(
        "kafka.security.trust-store",
        "ssl.truststore",
        "check its path, its type and its password");
    store(
        "kafka.security.key-store",
        "ssl.key",
        "give a key and its valid certificate, PEM keys as PKCS#8, and their passwords, as its type"
            + " has them");
    Set<String> topics = new HashSet<>();
    List<String> names = new ArrayList<>(TOPICS);
    if (is("discover.enabled", "true")) {
      names.add("topic.discover-watermark");
    }
    for (String name : names) {
      boolean valid = text(name).matches("[a-zA-Z0-9._-]{1,249}");
      expect(valid, name, "a topic has letters, digits, dots, dashes and underscores");
      expect(
          !valid || topics.add(text(name)),
          name,
          "is the topic of another setting too",
          "every topic has one use");
    }
  }

  private static boolean isHostAndPort(String server) {
    return server.matches("([^\\s:]+|\\[[0-9a-fA-F:]+]):\\d{1,5}")
        && Integer.parseInt(server.substring(server.lastIndexOf(':') + 1)) <= LARGEST_PORT;
  }

  private void watch() {
    expect(
        text("kafka.group-id").matches("[a-zA-Z0-9._-]{0,200}"),
        "kafka.group-id",
        "the topics of the change feed are named after it: give letters, digits, dots, dashes and"
            + " underscores");
    expect(
        text("watch.from").matches("now|earliest")
            || isReadBy(SettingsCheck::instant, text("watch.from")),
        "watch.from",
        "give now, earliest, or a time such as 2026-01-31T10:00:00Z");
    whole("watch.settle-ms", 0, 1_000_000_000);
    whole("watch.forget-ms", 0, 1_999_999_999);
    whole("watch.max-ids-per-second", 1, 10_000);
    whole("watch.max-instances", 1, 10_000_000);
    whole("watch.threads", 1, 100);
    int before = faults.size();
    whole("watch.interval-ms", 1_000, 86_400_000);
    whole("watch.longest-interval-ms", 1_000, 86_400_000);
    whole("watch.give-up-ms", 1_000, 1_999_999_999);
    if (faults.size() == before) {
      atMost("watch.interval-ms", "watch.longest-interval-ms");
      atMost("watch.longest-interval-ms", "watch.give-up-ms");
    }
  }

  private void atMost(String name, String bound) {
    expect(
        settings.getInt(name) <= settings.getInt(bound),
        name,
        "is greater than " + bound,
        "give at most %s, or raise that one".formatted(text(bound)));
  }

  private static boolean isReadBy(Function<String, ?> reader, String text) {
    try {
      reader.apply(text);
      return true;
    } catch (DateTimeException | IllegalArgumentException e) {
      return false;
    }
  }

  private void login(boolean oauth) {
    if (oauth) {
      String name = "kafka.security.oauth-token-endpoint";
      URI endpoint = uri(name);
      boolean valid = isHttp(endpoint) && !text(name).contains(",");
      expect(
          valid,
          name,
          is(name, "") ? "is missing" : "is not a valid address",
          "give it as https://{host}/{path}: without it tokens would be unsigned");
      if (valid) {
        expectTls(name, endpoint, "sends the client secret without TLS");
      }
      file("kafka.security.oauth-trust-store");
    }
    String jaas = "kafka.security.sasl-jaas-config";
    if (oauth && is(jaas, "")) {
      required("kafka.security.oauth-client-id", "the client that asks for tokens");
      required("kafka.security.oauth-client-secret", "its secret");
    } else {
      required(jaas, "the JAAS line of the login");
      expect(
          is(jaas, "") || isReadBy(KafkaSecurity::login, text(jaas)),
          jaas,
          "is not a JAAS line",
          "give the class of a login module, required, and its options, with a semicolon behind");
    }
  }

  private void store(String name, String kafkas, String remedy) {
    oneOf(name + "-type", "PKCS12", "JKS", "PEM");
    if (file(name)) {
      String fault = KafkaSecurity.storeFault(settings.kafkaConnection(), kafkas);
      expect(fault.isEmpty(), name, "cannot be used (%s)".formatted(fault), remedy);
    }
  }

  private void expectTls(String name, URI address, String fault) {
    expect(
        address.getScheme().equals("https")
            || Settings.isLoopback(address.getHost())
            || is("security.allow-cleartext", "true"),
        name,
        fault,
        "give an https:// address, or set security.allow-cleartext to true");
  }

  private void numbers() {
    whole("kafka.transaction-timeout-ms", 1_000, 900_000);
    whole("kafka.session-timeout-ms", 6_000, 1_800_000);
    whole("kafka.max-request-size", 10_000, 1 << 30);
    whole("fetch.concurrency", 1, 10_000);
    whole("fetch.rate-limit-per-second", 0, 1_000_000);
    whole("fetch.timeout-ms", 1, 600_000);
    whole("fetch.retry-budget-ms", 0, 86_400_000);
    whole("fetch.max-response-bytes", 1_024, 1 << 30);
    whole("batch.max-records", 1, 100_000);
    whole("batch.max-wait-ms", 1, 60_000);
    whole("kafka.consumers", 1, 1_000);
    whole("shutdown.timeout-ms", 1_000, 600_000);
    whole("management.port", 0, LARGEST_PORT);
    addressOfThisMachine("management.bind-address");
  }

  private void discover() {
    oneOf("discover.enabled", "true", "false");
    if (!is("discover.enabled", "true")) {
      return;
    }
    whole("discover.interval-ms", 500, 86_400_000);
    whole("discover.margin-ms", 0, 30 * DAY_MS);
    whole("discover.horizon-ms", 60_000, 3_660 * DAY_MS);
    expect(
        text("discover.types").matches("%1$s(\\s*,\\s*%1$s)*".formatted(TYPE)),
        "discover.types",
        "give one or more of MANUAL, PERIODIC, TEMPORARY, with commas between");
    expect(
        is("discover.owners", "")
            || Stream.of(text("discover.owners").split(",", -1)).noneMatch(String::isBlank),
        "discover.owners",
        "give owners with one comma between two, or leave it empty for all");
    expect(
        is("discover.from", "") || isReadBy(SettingsCheck::instant, text("discover.from")),
        "discover.from",
        "give it as 2026-01-31T10:00:00Z");
  }

  private void addressOfThisMachine(String name) {
    boolean valid;
    try {
      InetAddress address = InetAddress.getByName(text(name));
      valid = address.isAnyLocalAddress() || NetworkInterface.getByInetAddress(address) != null;
    } catch (IOException e) {
      valid = false;
    }
    expect(valid && !is(name, ""), name, "it must be an address of this machine, such as 0.0.0.0");
  }

  private void required(String name, String what) {
    expect(!is(name, ""), name, "is missing", "set it to " + what);
  }

  private void oneOf(String name, String... values) {
    expect(
        List.of(values).contains(text(name)),
        name,
        "it must be one of " + String.join(", ", values));
  }

  /** The address, or null where the setting is not one. */
  private URI address(String name, String form) {
    if (is(name, "")) {
      required(name, form);
      return null;
    }
    URI uri = uri(name);
    boolean address = isHttp(uri) && uri.getRawPath().isEmpty() && uri.getRawQuery() == null;
    // Without the text: it may hold a password.
    expect(
        address, name, "is not a valid address", "give it as %s, nothing after it".formatted(form));
    return address ? uri : null;
  }

  private static boolean isHttp(URI uri) {
    return uri != null
        && ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))
        && uri.getHost() != null
        && uri.getPort() <= LARGEST_PORT
        && uri.getRawFragment() == null
        && uri.getRawUserInfo() == null;
  }

  private void uri(String name, Predicate<URI> valid, String form) {
    URI uri = uri(name);
    expect(is(name, "") || uri != null && valid.test(uri), name, "give " + form);
  }

  private URI uri(String name) {
    try {
      return new URI(text(name));
    } catch (URISyntaxException e) {
      return null;
    }
  }

  private void zone(String name) {
    expect(
        isReadBy(ZoneId::of, text(name)),
        name,
        "is \"%s\", which is not a time zone".formatted(text(name)),
        "give it as Asia/Shanghai or +08:00");
  }

  /** Whether it names no file, or one that can be read. What it holds may be the secret itself. */
  private boolean file(String name) {
    boolean readable =
        is(name, "") || isReadBy(Path::of, text(name)) && Files.isReadable(Path.of(text(name)));
    expect(readable, name, "names no file that can be read", "mount it, or fix the path");
    return readable;
  }

  /** A time within the years that all can count with. */
  private static Instant instant(String text) {
    Instant time = Instant.parse(text);
    int year = time.atOffset(ZoneOffset.UTC).getYear();
    if (year < 1970 || year > 9999) {
      throw new DateTimeException("not within the years 1970 to 9999");
    }
    return time;
  }

  private void whole(String name, long least, long most) {
    boolean valid = text(name).matches("\\d{1,15}");
    expect(
        valid && settings.getLong(name) >= least && settings.getLong(name) <= most,
        name,
        "it must be a whole number from %d to %d".formatted(least, most));
  }

  private String text(String name) {
    return settings.getString(name);
  }

  private boolean is(String name, String value) {
    return text(name).equals(value);
  }

  private void expect(boolean valid, String name, String remedy) {
    expect(valid, name, "is \"%s\"".formatted(withoutUser(text(name))), remedy);
  }

  /** A login before an address may be a secret. */
  private static String withoutUser(String address) {
    return address.replaceFirst("(?s).*@", "…@");
  }

  private void expect(boolean valid, String name, String fault, String remedy) {
    if (!valid) {
      faults.add(
          "%s (%s) %s: %s.".formatted(Settings.environmentVariable(name), name, fault, remedy));
    }
  }
}
