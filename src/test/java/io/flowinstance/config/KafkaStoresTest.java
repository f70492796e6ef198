package io.flowinstance.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.harness.KeyPairs;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Certificates and keys of Kafka's client are tried before anything is started with them. */
class KafkaStoresTest {
  @TempDir private static Path folder;
  private static Path keys;

  @BeforeAll
  static void makeKeys() {
    keys = KeyPairs.make(folder, "client");
  }

  private static Map<String, String> settings(String... settings) {
    Map<String, String> values = new HashMap<>();
    for (int i = 0; i < settings.length; i += 2) {
      values.put("kafka.security." + settings[i], settings[i + 1]);
    }
    return values;
  }

  private static Map<String, String> connection(String... settings) {
    return Settings.resolve(Map.of(), settings(settings), Set.of(Settings.Part.KAFKA))
        .kafkaConnection();
  }

  private static String refusal(String... settings) {
    SettingsException refused = assertThrows(SettingsException.class, () -> connection(settings));
    assertEquals(1, refused.faults().size(), refused.getMessage());
    return refused.faults().get(0);
  }

  private static String file(String name, String content) throws Exception {
    return Files.writeString(folder.resolve(name), content).toString();
  }

  @Test
  void takesAStoreOfEachType() throws Exception {
    String pem = file("all.pem", KeyPairs.key(keys) + KeyPairs.certificate(keys));

    assertEquals(
        pem, connection("key-store", pem, "key-store-type", "PEM").get("ssl.keystore.location"));
    assertEquals(
        "PKCS12",
        connection("key-store", keys.toString(), "key-store-password", KeyPairs.PASSWORD)
            .get("ssl.keystore.type"));
    assertEquals(
        KeyPairs.key(keys).strip(),
        connection(
                "key-store-type", "PEM",
                "certificate-chain", KeyPairs.certificate(keys),
                "private-key", KeyPairs.key(keys))
            .get("ssl.keystore.key"));
    connection(
        "trust-store", file("ca.pem", KeyPairs.certificate(keys)), "trust-store-type", "PEM");
  }

  @Test
  void takesAKeyStoreThatHoldsMoreThanAKeyAndItsCertificate() throws Exception {
    char[] password = KeyPairs.PASSWORD.toCharArray();
    KeyStore store = KeyStore.getInstance(keys.toFile(), password);
    store.setEntry(
        "another",
        new KeyStore.SecretKeyEntry(new SecretKeySpec(new byte[16], "AES")),
        new KeyStore.PasswordProtection(password));
    Path more = folder.resolve("more.p12");
    try (OutputStream out = Files.newOutputStream(more)) {
      store.store(out, password);
    }

    assertEquals(
        more.toString(),
        connection("key-store", more.toString(), "key-store-password", KeyPairs.PASSWORD)
            .get("ssl.keystore.location"));
  }

  @Test
  void saysWhichStoreCannotBeUsedAndWhy() throws Exception {
    String none = file("none.pem", "no certificate");

    assertTrue(
        refusal("trust-store", none, "trust-store-type", "PEM")
            .startsWith(
                "KAFKA_SECURITY_TRUST_STORE (kafka.security.trust-store) cannot be used ("));
    assertTrue(
        refusal("key-store", none, "key-store-type", "PEM")
            .startsWith("KAFKA_SECURITY_KEY_STORE (kafka.security.key-store) cannot be used ("));
    assertTrue(refusal("key-store", keys.toString()).contains("password is not specified"));
    assertTrue(refusal("trust-store", keys.toString()).contains("none without its password"));
    assertTrue(
        refusal("key-store", keys.toString(), "key-store-password", "wrong!")
            .contains("(keystore password was incorrect)"));
    assertTrue(
        refusal("certificate-chain", KeyPairs.certificate(keys), "private-key", "x")
            .contains("SSL private key can be specified only for PEM"));
    assertTrue(
        refusal("key-store-type", "PEM", "certificate-chain", KeyPairs.certificate(keys))
            .contains("private key is not specified"));
  }

  @Test
  void theTrustStoreOfTheGatewayIsTriedToo() throws Exception {
    Path empty = folder.resolve("empty.jks");
    KeyStore store = KeyStore.getInstance("JKS");
    store.load(null, null);
    try (OutputStream out = Files.newOutputStream(empty)) {
      store.store(out, "password".toCharArray());
    }

    assertTrue(gatewayRefusal(empty, "password").contains("(it has no certificate)"));
    String wrong = gatewayRefusal(empty, "a-secret");
    assertTrue(wrong.contains("password was incorrect)"), wrong);
    assertFalse(wrong.contains("a-secret"), wrong);
  }

  private static String gatewayRefusal(Path store, String password) {
    Map<String, String> settings =
        Map.of(
            "enos.base-url", "https://apigw.example",
            "enos.auth", "none",
            "enos.user-id", "u",
            "enos.org-id", "o",
            "enos.trust-store", store.toString(),
            "enos.trust-store-type", "JKS",
            "enos.trust-store-password", password);
    SettingsException refused =
        assertThrows(SettingsException.class, () -> Settings.resolve(Map.of(), settings));
    assertEquals(1, refused.faults().size(), refused.getMessage());
    return refused.faults().get(0);
  }

  @Test
  void quotesNoKeyThatCannotBeRead() throws Exception {
    String key = KeyPairs.key(keys);
    String cut = key.lines().skip(1).findFirst().orElseThrow().substring(0, 20);

    for (String broken : List.of(key.replace(cut, "!" + cut.substring(4)), cut)) {
      String fault =
          refusal(
              "key-store-type",
              "PEM",
              "certificate-chain",
              KeyPairs.certificate(keys),
              "private-key",
              broken);
      assertFalse(fault.contains(cut.substring(4)), fault);
    }
    assertFalse(refusal("key-store", key, "key-store-type", "PEM").contains(cut));
  }

  @Test
  void refusesACertificateThatHasExpired() {
    Path old = KeyPairs.make(folder, "old", "-startdate", "-10d", "-validity", "5");

    String fault = refusal("key-store", old.toString(), "key-store-password", KeyPairs.PASSWORD);

    assertTrue(fault.contains("(NotAfter: "), fault);
  }
}
