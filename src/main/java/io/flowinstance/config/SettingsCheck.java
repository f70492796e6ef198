package io.flowinstance.config;

import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Finds everything that is wrong with the settings at once, each with its remedy. */
final class SettingsCheck {
  private static final String[] TOPICS = {
    "topic.instance-ids", "topic.flow-instances", "topic.task-statuses", "topic.dead-letters"
  };

  /** {@code <userId>/<orgId>}, neither of them blank. */
  private static final String IDENTITY =
      "[^,/]*[^,/\\p{javaWhitespace}][^,/]*/[^,/]*[^,/\\p{javaWhitespace}][^,/]*";

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
      check.topics();
    }
    check.uri("event.source", false);
    check.uri("event.schema-base-uri", true);
    check.oneOf("log.format", "text", "json");
    check.oneOf("tracing.enabled", "true", "false");
    check.oneOf("security.allow-cleartext", "true", "false");
    check.numbers();
    return check.faults;
  }

  private void enos() {
    oneOf("enos.api-version", "v2.0", "v2.1");
    oneOf("enos.auth", "signed", "none");
    if (settings.getString("enos.auth").equals("signed")) {
      required("enos.app-key", "the access key of the application in EnOS");
      required("enos.app-secret", "the secret of the application in EnOS");
    }
    URI base = address("enos.base-url", "https://{apigw-address}");
    if (settings.getString("enos.auth").equals("signed")
        && base != null
        && base.getScheme().equals("http")
        && !Settings.isLoopback(base.getHost())
        && !isCleartextAllowed()) {
      fault(
          "enos.base-url",
          "sends signed calls and tokens without TLS",
          "give an https:// address, or set security.allow-cleartext to true");
    }
    required("enos.user-id", "the EnOS user that may read the instances");
    required("enos.org-id", "the organization of that user");
    if (!settings
        .getString("enos.allowed-identities")
        .matches("\\*|(%1$s(,%1$s)*)?".formatted(IDENTITY))) {
      fault(
          "enos.allowed-identities",
          "is \"%s\"".formatted(settings.getString("enos.allowed-identities")),
          "give it as {userId}/{orgId}, … or *");
    }
    zone("enos.time-zone");
    zone("enos.trigger-time-zone");
    file("enos.trust-store");
    if (!settings.getString("enos.proxy").isEmpty()) {
      address("enos.proxy", "http://{proxy}:{port}");
    }
  }

  private void kafka() {
    for (String server : settings.getString("kafka.bootstrap-servers").split(",", -1)) {
      if (!server.strip().matches("[^\\s:]+:\\d{1,5}|\\[[0-9a-fA-F:]+]:\\d{1,5}")) {
        fault("kafka.bootstrap-servers", "contains \"%s\"".formatted(server), "give host:port, …");
      }
    }
    required("kafka.group-id", "a name for the consumer group");
    oneOf("kafka.compression-type", "none", "gzip", "snappy", "lz4", "zstd");
    oneOf("kafka.security.protocol", "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL");
    if (settings.getString("kafka.security.protocol").startsWith("SASL_")) {
      required("kafka.security.sasl-mechanism", "PLAIN, SCRAM-SHA-512 or OAUTHBEARER");
      required("kafka.security.sasl-jaas-config", "the JAAS line of the login");
    }
    if (settings.getString("kafka.security.protocol").equals("SASL_PLAINTEXT")
        && settings.getString("kafka.security.sasl-mechanism").equals("PLAIN")
        && settings.isKafkaInClear()
        && !isCleartextAllowed()) {
      fault(
          "kafka.security.protocol",
          "sends the password of SASL PLAIN without TLS",
          "use SASL_SSL or SCRAM-SHA-512, or set security.allow-cleartext to true");
    }
    oneOf("kafka.security.trust-store-type", "PKCS12", "JKS", "PEM");
    file("kafka.security.trust-store");
  }

  private boolean isCleartextAllowed() {
    return settings.getString("security.allow-cleartext").equals("true");
  }

  private void topics() {
    Set<String> seen = new HashSet<>();
    for (String name : TOPICS) {
      String topic = settings.getString(name);
      if (!topic.matches("[a-zA-Z0-9._-]{1,249}")) {
        fault(name, "is \"%s\"".formatted(topic), "a topic has letters, digits, dots and dashes");
      } else if (!seen.add(topic)) {
        fault(name, "is the topic of another setting too", "every topic has one use");
      }
    }
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
    whole("management.port", 0, 65_535);
    addressOfThisMachine("management.bind-address");
  }

  private void addressOfThisMachine(String name) {
    String text = settings.getString(name);
    try {
      InetAddress address = InetAddress.getByName(text);
      if (!text.isEmpty()
          && (address.isAnyLocalAddress() || NetworkInterface.getByInetAddress(address) != null)) {
        return;
      }
    } catch (IOException e) {
      // Said below.
    }
    fault(
        name,
        "is \"%s\", which is no address of this machine".formatted(text),
        "set it to 0.0.0.0 or 127.0.0.1");
  }

  private void required(String name, String what) {
    if (settings.getString(name).isEmpty()) {
      fault(name, "is missing", "set it to " + what);
    }
  }

  private void oneOf(String name, String... values) {
    if (!List.of(values).contains(settings.getString(name))) {
      fault(
          name,
          "is \"%s\"".formatted(settings.getString(name)),
          "it is one of " + String.join(", ", values));
    }
  }

  /** The address, or null where it is none. */
  private URI address(String name, String form) {
    String text = settings.getString(name);
    if (text.isEmpty()) {
      fault(name, "is missing", "set it to " + form);
      return null;
    }
    try {
      URI uri = new URI(text);
      boolean web = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
      boolean bare =
          uri.getRawPath().isEmpty()
              && uri.getRawQuery() == null
              && uri.getRawFragment() == null
              && uri.getRawUserInfo() == null;
      if (web && uri.getHost() != null && bare) {
        return uri;
      }
    } catch (URISyntaxException e) {
      // Said below, without the text: it may hold a password.
    }
    fault(name, "is no address of that kind", "give it as %s, nothing after it".formatted(form));
    return null;
  }

  private void uri(String name, boolean absolute) {
    String text = settings.getString(name);
    try {
      URI uri = new URI(text);
      if (text.isEmpty() || !absolute || uri.isAbsolute()) {
        return;
      }
    } catch (URISyntaxException e) {
      // Said below.
    }
    fault(
        name,
        "is \"%s\"".formatted(text),
        absolute ? "give a URI such as https://{host}/schemas/" : "give a URI or a path");
  }

  private void zone(String name) {
    try {
      ZoneId.of(settings.getString(name));
    } catch (DateTimeException e) {
      fault(
          name,
          "is \"%s\", which is no time zone".formatted(settings.getString(name)),
          "give it as Asia/Shanghai or +08:00");
    }
  }

  private void file(String name) {
    String path = settings.getString(name);
    if (!path.isEmpty() && !Files.isReadable(Path.of(path))) {
      fault(name, "names %s, which cannot be read".formatted(path), "mount it, or fix the path");
    }
  }

  private void whole(String name, int least, int most) {
    try {
      int value = Integer.parseInt(settings.getString(name));
      if (value >= least && value <= most) {
        return;
      }
    } catch (NumberFormatException e) {
      // Said below.
    }
    fault(
        name,
        "is \"%s\"".formatted(settings.getString(name)),
        "it is a whole number from %d to %d".formatted(least, most));
  }

  private void fault(String name, String fault, String remedy) {
    faults.add(
        "%s (%s) %s: %s.".formatted(Settings.environmentVariable(name), name, fault, remedy));
  }
}
