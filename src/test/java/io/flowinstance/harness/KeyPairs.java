package io.flowinstance.harness;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/** Keys with their own certificates for {@code localhost}, made by the JDK's keytool. */
public final class KeyPairs {
  public static final String PASSWORD = "changeit";

  private KeyPairs() {}

  /**
   * Makes a key and a certificate in the PKCS#12 file {@code <name>.p12} of a folder.
   *
   * @param more arguments of {@code keytool -genkeypair}
   */
  public static Path make(Path folder, String name, String... more) {
    Path store = folder.resolve(name + ".p12");
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "-genkeypair",
                "-alias",
                name,
                "-keyalg",
                "EC",
                "-dname",
                "CN=localhost",
                "-ext",
                "san=dns:localhost,ip:127.0.0.1",
                "-keystore",
                store.toString()));
    arguments.addAll(List.of(more));
    keytool(arguments.toArray(String[]::new));
    return store;
  }

  /** Runs keytool on a PKCS#12 store with {@link #PASSWORD}. */
  public static void keytool(String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    command.addAll(List.of(arguments));
    command.addAll(List.of("-storetype", "PKCS12", "-storepass", PASSWORD));
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertEquals(0, process.waitFor(), output);
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** What a store of {@link #make} holds. */
  public static KeyStore load(Path store) throws IOException, GeneralSecurityException {
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, PASSWORD.toCharArray());
    }
    return keys;
  }

  /** Its certificate, as PEM. */
  public static String certificate(Path store) throws IOException, GeneralSecurityException {
    KeyStore keys = load(store);
    return pem("CERTIFICATE", keys.getCertificate(keys.aliases().nextElement()).getEncoded());
  }

  /** Its key, as PEM of PKCS#8. */
  public static String key(Path store) throws IOException, GeneralSecurityException {
    KeyStore keys = load(store);
    String alias = keys.aliases().nextElement();
    return pem("PRIVATE KEY", keys.getKey(alias, PASSWORD.toCharArray()).getEncoded());
  }

  private static String pem(String what, byte[] content) {
    return "-----BEGIN %1$s-----%n%2$s%n-----END %1$s-----%n"
        .formatted(what, Base64.getMimeEncoder().encodeToString(content));
  }
}
