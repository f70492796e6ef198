package io.flowinstance.faults;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.harness.ApplicationProcess;
import io.flowinstance.harness.FreePort;
import io.flowinstance.harness.KeyPairs;
import io.flowinstance.simulator.ApiRequest;
import io.flowinstance.simulator.EnosSimulator;
import io.flowinstance.simulator.HttpListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.jose4j.jwk.JsonWebKeySet;
import org.jose4j.jwk.RsaJsonWebKey;
import org.jose4j.jwk.RsaJwkGenerator;
import org.jose4j.jws.AlgorithmIdentifiers;
import org.jose4j.jws.JsonWebSignature;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.lang.JoseException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * A broker that asks for a client certificate and for a signed token: the pipeline uses both, says
 * which of them is wrong, and goes on once it is put right, without a restart.
 */
class KafkaSecurityIT {
  private static final Duration HEALS = Duration.ofSeconds(20);
  private static final Duration NOTICES = Duration.ofSeconds(30);
  private static final String SECRET = "s3cret-of-the-client";
  private static final String AUDIENCE = "kafka";

  @TempDir private static Path folder;

  private static Path right;
  private static Path wrong;
  private static RsaJsonWebKey signer;
  private static KafkaBroker broker;
  private static NetworkCut network;
  private static EnosSimulator enos;
  private static TokenEndpoint tokens;

  /** Gives tokens to who knows the secret, and the key that they are signed with. */
  private static final class TokenEndpoint implements AutoCloseable {
    private final int port = FreePort.pick();
    private final AtomicInteger given = new AtomicInteger();
    private final AtomicInteger refused = new AtomicInteger();
    private volatile int lifetimeSeconds = 60;
    private HttpListener http;

    void listen() {
      http = new HttpListener(port, this::answer);
    }

    String url(String path) {
      return "http://127.0.0.1:%d%s".formatted(port, path);
    }

    private void answer(ApiRequest request, HttpListener.Connection connection) throws IOException {
      int status = 200;
      String body;
      if (request.path().equals("/keys")) {
        body = new JsonWebKeySet(signer).toJson();
      } else if (isAuthorized(request)) {
        given.incrementAndGet();
        body = "{\"access_token\":\"%s\",\"expires_in\":%d}".formatted(token(), lifetimeSeconds);
      } else {
        refused.incrementAndGet();
        status = 401;
        body =
            "{\"error\":\"invalid_client\",\"error_description\":\"%s\"}"
                .formatted(request.header("authorization").orElse("") + SECRET);
      }
      connection.send(status, Map.of(), body.getBytes(UTF_8));
    }

    private static boolean isAuthorized(ApiRequest request) {
      String login = Base64.getEncoder().encodeToString(("pipeline:" + SECRET).getBytes(UTF_8));
      return request.path().equals("/token")
          && request.header("authorization").orElse("").equals("Basic " + login)
          && new String(request.body(), UTF_8).equals("grant_type=client_credentials&scope=ids");
    }

    private String token() {
      JwtClaims claims = new JwtClaims();
      claims.setSubject("pipeline");
      claims.setAudience(AUDIENCE);
      claims.setIssuedAtToNow();
      claims.setExpirationTimeMinutesInTheFuture(lifetimeSeconds / 60f);
      JsonWebSignature signature = new JsonWebSignature();
      signature.setPayload(claims.toJson());
      signature.setKey(signer.getPrivateKey());
      signature.setKeyIdHeaderValue(signer.getKeyId());
      signature.setAlgorithmHeaderValue(AlgorithmIdentifiers.RSA_USING_SHA256);
      try {
        return signature.getCompactSerialization();
      } catch (JoseException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public void close() {
      http.close();
    }
  }

  @BeforeAll
  static void start() throws Exception {
    Path server = KeyPairs.make(folder, "broker");
    right = KeyPairs.make(folder, "right");
    wrong = KeyPairs.make(folder, "wrong");
    file("broker.pem", KeyPairs.key(server) + KeyPairs.certificate(server));
    file("ca.pem", KeyPairs.certificate(server));
    signer = RsaJwkGenerator.generateJwk(2048);
    signer.setKeyId("signer");
    tokens = new TokenEndpoint();
    tokens.listen();
    List<String> jvm = new ArrayList<>(KafkaBroker.QUICK_START);
    jvm.add("-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=" + tokens.url("/keys"));
    String cut = "listener.name.cut.";
    Map<String, String> settings = new HashMap<>();
    settings.put(
        "listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CUT:SASL_SSL,CONTROLLER:PLAINTEXT");
    settings.put(cut + "ssl.keystore.type", "PEM");
    settings.put(cut + "ssl.keystore.location", folder.resolve("broker.pem").toString());
    settings.put(cut + "ssl.truststore.type", "PEM");
    settings.put(cut + "ssl.truststore.location", file("clients.pem", KeyPairs.certificate(right)));
    settings.put(cut + "ssl.client.auth", "required");
    settings.put("sasl.enabled.mechanisms", "OAUTHBEARER");
    settings.put("sasl.oauthbearer.jwks.endpoint.url", tokens.url("/keys"));
    settings.put("sasl.oauthbearer.expected.audience", AUDIENCE);
    settings.put("sasl.oauthbearer.clock.skew.seconds", "0");
    // A connection ends with its token, unless it logs in again before.
    settings.put(cut + "oauthbearer.connections.max.reauth.ms", "600000");
    settings.put(
        cut + "oauthbearer.sasl.jaas.config",
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;");
    settings.put(
        cut + "oauthbearer.sasl.server.callback.handler.class",
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler");
    broker = KafkaBroker.launch(jvm, settings);
    network = new NetworkCut(broker.cutPort(), broker.behindCutPort());
    network.restore();
    enos = EnosSimulator.start();
  }

  @AfterAll
  static void stop() {
    enos.close();
    network.close();
    broker.close();
    tokens.close();
  }

  private static String file(String name, String content) throws IOException {
    return Files.writeString(folder.resolve(name), content).toString();
  }

  private static Map<String, String> environment(Topics topics) throws Exception {
    Map<String, String> environment = topics.environment("127.0.0.1:" + broker.cutPort(), enos);
    environment.put("KAFKA_SECURITY_PROTOCOL", "SASL_SSL");
    environment.put("KAFKA_SECURITY_TRUST_STORE", folder.resolve("ca.pem").toString());
    environment.put("KAFKA_SECURITY_TRUST_STORE_TYPE", "PEM");
    environment.put("KAFKA_SECURITY_KEY_STORE_TYPE", "PEM");
    environment.put(
        "KAFKA_SECURITY_KEY_STORE",
        file("client.pem", KeyPairs.key(right) + KeyPairs.certificate(right)));
    environment.put("KAFKA_SECURITY_SASL_MECHANISM", "OAUTHBEARER");
    environment.put("KAFKA_SECURITY_OAUTH_TOKEN_ENDPOINT", tokens.url("/token"));
    environment.put("KAFKA_SECURITY_OAUTH_CLIENT_ID", "pipeline");
    environment.put("KAFKA_SECURITY_OAUTH_CLIENT_SECRET_FILE", file("secret", SECRET));
    environment.put("KAFKA_SECURITY_OAUTH_SCOPE", "ids");
    return environment;
  }

  private static void send(Topics topics) {
    send(topics, 0, 20);
  }

  private static void send(Topics topics, int first, int count) {
    try (KafkaProducer<String, String> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", broker.bootstrapServers()),
            new StringSerializer(),
            new StringSerializer())) {
      for (int i = first; i < first + count; i++) {
        producer.send(new ProducerRecord<>(topics.ids(), id(i)));
      }
    }
  }

  private static String id(int number) {
    return "7-%010d".formatted(number);
  }

  private static void awaitOutcomes(ApplicationProcess process, Topics topics) {
    try (Audit audit = new Audit(broker.bootstrapServers(), topics)) {
      audit.readAll(20, HEALS);
      assertEquals(20, audit.read(Duration.ZERO));
    }
    await().atMost(HEALS).until(() -> process.health("ready").startsWith("200 "));
    assertTrue(process.health("live").startsWith("200 "));
    assertFalse(process.output().contains(SECRET), process::output);
    assertFalse(process.output().contains("eyJ"), "a token");
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void goesOnWhenTheCertificateOfItsFilesIsPutRight() throws Exception {
    Topics topics = Topics.create(broker, "certificate");
    send(topics);
    Map<String, String> environment = environment(topics);
    environment.remove("KAFKA_SECURITY_KEY_STORE");
    environment.put(
        "KAFKA_SECURITY_CERTIFICATE_CHAIN_FILE", file("tls.crt", KeyPairs.certificate(wrong)));
    environment.put("KAFKA_SECURITY_PRIVATE_KEY_FILE", file("tls.key", KeyPairs.key(wrong)));
    try (ApplicationProcess process = ApplicationProcess.start(environment)) {
      process.awaitUnready(NOTICES, "This machine and the brokers do not trust each other");

      file("tls.crt", KeyPairs.certificate(right));
      file("tls.key", KeyPairs.key(right));
      awaitOutcomes(process, topics);
    }
  }

  @Test
  void saysThatACertificateIsMissing() throws Exception {
    Map<String, String> environment = environment(Topics.create(broker, "none"));
    environment.remove("KAFKA_SECURITY_KEY_STORE");
    try (ApplicationProcess process = ApplicationProcess.start(environment, "check")) {
      assertEquals(1, process.awaitEnd(NOTICES), process::output);

      assertTrue(process.output().contains("kafka.security.key-store"), process::output);
    }
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void goesOnWhenTheTokenEndpointAnswersAndGivesATokenAgain() throws Exception {
    Topics topics = Topics.create(broker, "token");
    send(topics);
    Map<String, String> environment = environment(topics);
    file("secret", "another");
    tokens.close();
    try (ApplicationProcess process = ApplicationProcess.start(environment)) {
      process.awaitUnready(
          NOTICES, "kafka.security.oauth-token-endpoint cannot be used (ConnectException)");

      tokens.listen();
      process.awaitUnready(NOTICES, "kafka.security.oauth-token-endpoint answers 401");
      assertTrue(tokens.refused.get() > 0);
      int given = tokens.given.get();

      file("secret", SECRET);
      awaitOutcomes(process, topics);
      int after = tokens.given.get() - given;
      assertTrue(after >= 1 && after <= 4, "one login for all clients, and not " + after);
    }
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void goesOnWhenTokensExpireAndWhenTheEndpointWasAway() throws Exception {
    Topics topics = Topics.create(broker, "reauthentication");
    broker.createTopics(Topics.PARTITIONS, "reauthentication.transitions");
    Map<String, String> environment = environment(topics);
    environment.put("TOPIC_TRANSITIONS", "reauthentication.transitions");
    environment.put("WATCH_INTERVAL_MS", "600000");
    environment.put("WATCH_LONGEST_INTERVAL_MS", "600000");
    tokens.lifetimeSeconds = 4;
    try (ApplicationProcess pipeline = ApplicationProcess.start(environment).awaitReady();
        ApplicationProcess feed = ApplicationProcess.start(environment, "watch").awaitReady();
        Audit audit = new Audit(broker.bootstrapServers(), topics);
        TransitionAudit transitions =
            new TransitionAudit(
                broker.bootstrapServers(), topics, "reauthentication.transitions")) {
      int given = tokens.given.get();
      AtomicInteger sent = new AtomicInteger();
      await()
          .atMost(Duration.ofMinutes(2))
          .pollInterval(Duration.ofMillis(500))
          .until(
              () -> {
                send(topics, sent.getAndAdd(20), 20);
                return tokens.given.get() >= given + 10;
              });
      audit.readAll(sent.get(), HEALS);
      String said = pipeline.output() + feed.output();
      assertFalse(said.contains("Trying again"), said);

      tokens.close();
      pipeline.awaitUnready(NOTICES.multipliedBy(2), "kafka.security.oauth-");
      feed.awaitUnready(NOTICES.multipliedBy(2), "kafka.security.oauth-");
      send(topics, sent.getAndAdd(20), 20);
      tokens.listen();
      audit.readAll(sent.get(), HEALS);

      Map<String, Integer> tasks = new HashMap<>();
      for (int i = 0; i < sent.get(); i++) {
        tasks.put(id(i), 1);
      }
      assertEquals(List.of(), audit.faults(tasks, 1), pipeline::output);
      await()
          .atMost(HEALS)
          .until(
              () -> {
                transitions.read(Duration.ofMillis(200));
                return tasks.keySet().stream().allMatch(transitions::hasSeen);
              });
      assertEquals(List.of(), transitions.faults(), feed::output);
      for (ApplicationProcess each : List.of(pipeline, feed)) {
        await().atMost(HEALS).until(() -> each.health("ready").startsWith("200 "));
        assertFalse(each.output().contains("eyJ"), "a token");
      }
    } finally {
      tokens.lifetimeSeconds = 60;
    }
  }
}
