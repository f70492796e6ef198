package io.flowinstance.fetch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.flowinstance.harness.FreePort;
import io.flowinstance.harness.KeyPairs;
import io.flowinstance.simulator.HttpListener;
import io.flowinstance.trace.Tracing;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import org.apache.hc.client5.http.classic.methods.HttpGet;
import org.apache.hc.core5.http.HttpResponse;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

@Timeout(60)
class TrustStoreTest {
  @TempDir private static Path keys;
  @TempDir private Path folder;

  private final ListAppender<ILoggingEvent> log = new ListAppender<>();
  private Path file;

  @BeforeAll
  static void makeKeys() throws Exception {
    for (String name : List.of("old", "new")) {
      KeyPairs.make(keys, name);
      Path certificate = keys.resolve(name + ".cer");
      KeyPairs.keytool(
          "-exportcert",
          "-alias",
          name,
          "-file",
          certificate.toString(),
          "-keystore",
          keys.resolve(name + ".p12").toString());
      KeyPairs.keytool(
          "-importcert",
          "-noprompt",
          "-alias",
          name,
          "-file",
          certificate.toString(),
          "-keystore",
          keys.resolve("trust-" + name + ".p12").toString());
    }
  }

  @BeforeEach
  void listen() throws IOException {
    file = Files.copy(keys.resolve("trust-old.p12"), folder.resolve("trust.p12"));
    log.start();
    logger().addAppender(log);
  }

  @AfterEach
  void stopListening() {
    logger().detachAppender(log);
  }

  private static Logger logger() {
    return (Logger) LoggerFactory.getLogger(TrustStore.class);
  }

  private TrustStore trustStore() {
    return new TrustStore(file, "PKCS12", KeyPairs.PASSWORD.toCharArray());
  }

  private EnosHttpClient client() {
    return new EnosHttpClient(
        new EnosHttpClient.Options(
            4,
            Duration.ofSeconds(5),
            1000,
            new AtomicInteger(),
            Tracing.off(),
            "test",
            trustStore(),
            null));
  }

  private static HttpListener server(String key) throws Exception {
    KeyStore store = KeyPairs.load(keys.resolve(key + ".p12"));
    KeyManagerFactory managers =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    managers.init(store, KeyPairs.PASSWORD.toCharArray());
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(managers.getKeyManagers(), null, null);
    return new HttpListener(
        FreePort.pick(),
        context.getServerSocketFactory(),
        (request, connection) -> connection.send(200, Map.of(), "{}".getBytes(UTF_8)));
  }

  private static int get(EnosHttpClient client, HttpListener server) throws IOException {
    return client
        .http()
        .execute(new HttpGet("https://localhost:" + server.port() + "/"), HttpResponse::getCode);
  }

  private static boolean isTrusted(EnosHttpClient client, HttpListener server) throws IOException {
    try {
      return get(client, server) == 200;
    } catch (SSLException e) {
      return false;
    }
  }

  private void replaceBy(String store) throws IOException {
    Path next = Files.copy(keys.resolve(store), folder.resolve("next"));
    Files.move(next, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
  }

  @Test
  void aReplacedFileIsUsedWithoutARestart() throws Exception {
    try (EnosHttpClient client = client();
        HttpListener old = server("old");
        HttpListener moved = server("new")) {
      assertEquals(200, get(client, old));
      assertThrows(SSLException.class, () -> get(client, moved));

      replaceBy("trust-new.p12");

      await().atMost(Duration.ofSeconds(5)).until(() -> isTrusted(client, moved));
      client.closeConnections();
      assertThrows(SSLException.class, () -> get(client, old));
      assertEquals(2, old.accepted());
      assertEquals(0, warnings());
    }
  }

  @Test
  void aFileThatIsHalfWrittenLeavesTheOldOneInUseAndIsAWarningOnce() throws Exception {
    try (EnosHttpClient client = client();
        HttpListener old = server("old");
        HttpListener moved = server("new")) {
      byte[] whole = Files.readAllBytes(keys.resolve("trust-new.p12"));
      Files.write(file, Arrays.copyOf(whole, whole.length / 2));

      await()
          .atMost(Duration.ofSeconds(5))
          .until(
              () -> {
                client.closeConnections();
                assertEquals(200, get(client, old));
                return warnings() > 0;
              });
      long warned = System.nanoTime();
      await()
          .atMost(Duration.ofSeconds(5))
          .until(
              () -> {
                client.closeConnections();
                assertEquals(200, get(client, old));
                return System.nanoTime() - warned > Duration.ofMillis(1500).toNanos();
              });
      assertEquals(1, warnings());

      Files.write(file, whole);
      await().atMost(Duration.ofSeconds(5)).until(() -> isTrusted(client, moved));
      assertEquals(1, warnings());
    }
  }

  @Test
  void aFileThatIsGoneLeavesTheOldOneInUse() throws Exception {
    try (EnosHttpClient client = client();
        HttpListener old = server("old")) {
      Files.delete(file);

      await()
          .atMost(Duration.ofSeconds(5))
          .until(
              () -> {
                client.closeConnections();
                assertEquals(200, get(client, old));
                return warnings() == 1;
              });
    }
  }

  @Test
  void aFileThatCannotBeUsedAtTheStartIsAFault() throws IOException {
    try (OutputStream out = Files.newOutputStream(file)) {
      out.write(1);
    }

    IllegalStateException fault = assertThrows(IllegalStateException.class, this::trustStore);

    assertTrue(
        fault
            .getMessage()
            .startsWith("The trust store %s of enos.trust-store cannot be used".formatted(file)),
        fault.getMessage());
  }

  private long warnings() {
    return List.copyOf(log.list).stream().filter(line -> line.getLevel() == Level.WARN).count();
  }
}
