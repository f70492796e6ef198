package io.flowinstance.faults;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.harness.ApplicationProcess;
import io.flowinstance.harness.Manifests;
import io.flowinstance.harness.Manifests.Manifest;
import io.flowinstance.harness.Pod;
import io.flowinstance.simulator.EnosSimulator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AccessControlEntryFilter;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.TransactionalIdAuthorizationException;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourcePatternFilter;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * The logins of {@code k8s/kafka} on a broker that allows nothing else: each workload has the
 * rights that it needs, and none of another's.
 */
class KafkaLoginsIT {
  private static final Pattern WATERMARK_AGE =
      Pattern.compile("flow_instance_discover_watermark_age_seconds (?!0\\.0\\s)");

  private static final String UNKNOWN = "404-20260101000000";

  private static KafkaBroker broker;
  private static NetworkCut network;
  private static EnosSimulator enos;

  @TempDir private static Path folder;

  @BeforeAll
  static void start() throws Exception {
    broker =
        KafkaBroker.launch(
            KafkaBroker.QUICK_START,
            Map.of(
                "allow.everyone.if.no.acl.found", "false",
                // The plain listener, the broker's own.
                "super.users", "User:ANONYMOUS",
                "listener.security.protocol.map",
                    "PLAINTEXT:PLAINTEXT,CUT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
                "sasl.enabled.mechanisms", "SCRAM-SHA-512",
                "listener.name.cut.scram-sha-512.sasl.jaas.config",
                    "org.apache.kafka.common.security.scram.ScramLoginModule required;"));
    network = new NetworkCut(broker.cutPort(), broker.behindCutPort());
    network.restore();
    List<String> topics =
        Manifests.ofKind("KafkaTopic").stream().map(Manifest::name).collect(Collectors.toList());
    topics.remove("flow-instance-discover-watermark");
    broker.createTopics(2, topics.toArray(String[]::new));
    broker.createTopics(1, "flow-instance-discover-watermark");
    enos = EnosSimulator.start();
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()))) {
      cleanUpAsDeclared(admin);
      for (Manifest user : Manifests.ofKind("KafkaUser")) {
        admin
            .alterUserScramCredentials(
                List.of(
                    new UserScramCredentialUpsertion(
                        user.name(),
                        new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096),
                        "password of " + user.name())))
            .all()
            .get();
        admin.createAcls(acls(user)).all().get();
      }
    }
  }

  @AfterAll
  static void stop() {
    enos.close();
    network.close();
    broker.close();
  }

  /** Gives each topic the cleanup policy of its manifest. */
  private static void cleanUpAsDeclared(Admin admin) throws Exception {
    Map<ConfigResource, Collection<AlterConfigOp>> policies = new HashMap<>();
    for (Manifest topic : Manifests.ofKind("KafkaTopic")) {
      String policy = topic.content().at("/spec/config/cleanup.policy").textValue();
      policies.put(
          new ConfigResource(ConfigResource.Type.TOPIC, topic.name()),
          List.of(
              new AlterConfigOp(
                  new ConfigEntry("cleanup.policy", policy), AlterConfigOp.OpType.SET)));
    }
    admin.incrementalAlterConfigs(policies).all().get();
  }

  /** As Strimzi makes them. */
  private static List<AclBinding> acls(Manifest user) {
    List<AclBinding> acls = new ArrayList<>();
    for (JsonNode acl : user.content().at("/spec/authorization/acls")) {
      JsonNode resource = acl.get("resource");
      ResourcePattern pattern =
          new ResourcePattern(
              Arrays.stream(ResourceType.values())
                  .filter(type -> name(type).equalsIgnoreCase(resource.get("type").textValue()))
                  .findFirst()
                  .orElseThrow(),
              resource.get("name").textValue(),
              resource.path("patternType").asText().equals("prefix")
                  ? PatternType.PREFIXED
                  : PatternType.LITERAL);
      for (JsonNode operation : acl.get("operations")) {
        acls.add(
            new AclBinding(
                pattern,
                new AccessControlEntry(
                    "User:" + user.name(),
                    "*",
                    Arrays.stream(AclOperation.values())
                        .filter(one -> name(one).equalsIgnoreCase(operation.textValue()))
                        .findFirst()
                        .orElseThrow(),
                    AclPermissionType.ALLOW)));
      }
    }
    return acls;
  }

  private static String name(Enum<?> constant) {
    return constant.name().replace("_", "");
  }

  private static String jaas(String user) {
    return "org.apache.kafka.common.security.scram.ScramLoginModule required"
        + " username=\"%s\" password=\"password of %s\";".formatted(user, user);
  }

  /** A client's configuration with this login. */
  private static Map<String, Object> client(String user) {
    return Map.of(
        "bootstrap.servers",
        "127.0.0.1:" + broker.cutPort(),
        "security.protocol",
        "SASL_PLAINTEXT",
        "sasl.mechanism",
        "SCRAM-SHA-512",
        "sasl.jaas.config",
        jaas(user));
  }

  /** The environment of a pod of production, on this broker, with the login that it mounts. */
  private static Map<String, String> environment(Pod pod) throws IOException {
    String login =
        pod.spec().findValues("secret").stream()
            .filter(secret -> secret.toString().contains("sasl.jaas.config"))
            .map(secret -> secret.get("name").textValue())
            .findFirst()
            .orElseThrow();
    Map<String, String> environment = new HashMap<>(pod.environment());
    environment
        .keySet()
        .removeIf(name -> name.matches("ENOS_APP_.*|.*_TRUST_STORE.*|MANAGEMENT.*"));
    environment.put("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT");
    environment.put("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:" + broker.cutPort());
    environment.put(
        "KAFKA_SECURITY_SASL_JAAS_CONFIG_FILE",
        Files.writeString(folder.resolve(login), jaas(login)).toString());
    environment.put("ENOS_BASE_URL", enos.baseUrl());
    environment.put("ENOS_AUTH", "none");
    return environment;
  }

  private static Pod pod(String component) {
    return Pod.of(Path.of("k8s/overlays/prod")).stream()
        .filter(pod -> component.equals(pod.labels().get("app.kubernetes.io/component")))
        .findFirst()
        .orElseThrow();
  }

  private static String run(Map<String, String> environment, String... arguments) {
    try (ApplicationProcess command = ApplicationProcess.start(environment, arguments)) {
      int code = command.awaitEnd(Duration.ofSeconds(60));
      assertEquals(0, code, command::output);
      return command.output();
    }
  }

  @Test
  void eachWorkloadDoesItsWorkWithItsOwnLogin() throws Exception {
    Map<String, String> sender = environment(pod("pipeline"));
    sender.put("KAFKA_SECURITY_SASL_JAAS_CONFIG", jaas("flow-instance-ids-producer"));
    sender.remove("KAFKA_SECURITY_SASL_JAAS_CONFIG_FILE");
    Path ids = Files.writeString(folder.resolve("ids"), UNKNOWN + "\n");
    Map<String, String> pipeline = environment(pod("pipeline"));
    pipeline.put("DISCOVER_ENABLED", "true");
    pipeline.put("DISCOVER_INTERVAL_MS", "500");

    run(sender, "send-ids", ids.toString());
    assertTrue(run(pipeline, "check").lines().noneMatch(line -> line.startsWith("fix")));
    try (ApplicationProcess application = ApplicationProcess.start(pipeline).awaitReady()) {
      awaitNoLag();
      await("discover searches")
          .atMost(Duration.ofSeconds(30))
          .until(() -> WATERMARK_AGE.matcher(application.metrics()).find());
      run(environment(pod("replay")), "replay-dead-letters");
      awaitNoLag();
      assertEquals(0, application.stop(Duration.ofSeconds(30)));
    }
    // The id, its replay, and the marker of the replay's transaction.
    assertEquals(3, end("flow-instance-ids"));
  }

  @Test
  void theChangeFeedRunsWithItsOwnLogin() throws Exception {
    run(environment(pod("watch")), "check", "--watch");
    try (ApplicationProcess watch =
        ApplicationProcess.start(environment(pod("watch")), "watch").awaitReady()) {
      await()
          .atMost(Duration.ofSeconds(30))
          .until(() -> watch.metrics().contains("\nflow_instance_watch_running 1.0"));
      assertTrue(watch.health("ready").startsWith("200 "));
      assertEquals(0, watch.stop(Duration.ofSeconds(30)), watch::output);
      assertTrue(watch.output().lines().noneMatch(line -> line.contains("grant")), watch::output);
    }
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void theChangeFeedSaysWhatItsMemoryLacksAndStartsOnceItIsThere() throws Exception {
    String[] memory = {
      "flow-instance-routes-watch-instances-changelog", "flow-instance-routes-watch-from-changelog"
    };
    String missing = memory[0] + " does not exist, and this login may not create it: create it";
    String other = memory[0] + " has 3 partitions, and flow-instances has 2";
    String forgets = memory[0] + " would delete what the change feed remembers";
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()))) {
      admin.deleteTopics(List.of(memory)).all().get();
      assertCheckOfWatchSays(missing);
      try (ApplicationProcess watch =
          ApplicationProcess.start(environment(pod("watch")), "watch")) {
        watch.awaitUnready(Duration.ofSeconds(30), missing);
        broker.createTopics(3, memory);
        watch.awaitUnready(Duration.ofSeconds(30), other);
        assertCheckOfWatchSays(other);
        admin.deleteTopics(List.of(memory)).all().get();
        broker.createTopics(2, memory);
        watch.awaitUnready(Duration.ofSeconds(30), forgets);
        assertCheckOfWatchSays(forgets);
        cleanUpAsDeclared(admin);
        watch.awaitReady();
        assertTrue(watch.health("live").startsWith("200 "));
      }
    }
  }

  private static void assertCheckOfWatchSays(String sentence) throws IOException {
    try (ApplicationProcess check =
        ApplicationProcess.start(environment(pod("watch")), "check", "--watch")) {
      assertEquals(1, check.awaitEnd(Duration.ofSeconds(30)), check::output);
      assertTrue(check.output().contains(sentence), check::output);
    }
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void theChangeFeedGoesOnByItselfOnceItIsGrantedWhatItLacked() throws Exception {
    AclBindingFilter transactions =
        new AclBindingFilter(
            new ResourcePatternFilter(
                ResourceType.TRANSACTIONAL_ID, "flow-instance-routes-watch-", PatternType.PREFIXED),
            AccessControlEntryFilter.ANY);
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()))) {
      Collection<AclBinding> taken = admin.deleteAcls(List.of(transactions)).all().get();
      assertFalse(taken.isEmpty());
      try (ApplicationProcess watch =
          ApplicationProcess.start(environment(pod("watch")), "watch")) {
        watch.awaitUnready(Duration.ofSeconds(60), "This login may not use its transactional id");
        assertTrue(watch.health("live").startsWith("200 "));

        admin.createAcls(taken).all().get();
        watch.awaitReady();

        long said =
            watch
                .output()
                .lines()
                .filter(line -> line.contains("WARN") && line.contains("its transactional id"))
                .count();
        assertEquals(1, said, watch::output);
      } finally {
        admin.createAcls(taken).all().get();
      }
    }
  }

  /** What KEDA asks for: the group's offsets and the ends of the topic, with its login. */
  private static void awaitNoLag() {
    try (Admin keda = Admin.create(client("flow-instance-routes-keda"))) {
      await()
          .atMost(Duration.ofSeconds(30))
          .untilAsserted(
              () -> {
                long committed =
                    keda
                        .listConsumerGroupOffsets("flow-instance-routes")
                        .partitionsToOffsetAndMetadata()
                        .get()
                        .values()
                        .stream()
                        .mapToLong(offset -> offset.offset())
                        .sum();
                assertTrue(committed > 0);
                assertTrue(committed >= ends(keda, "flow-instance-ids") - 1);
              });
    }
  }

  private static long ends(Admin admin, String topic)
      throws ExecutionException, InterruptedException {
    long ends = 0;
    for (int partition = 0; partition < 2; partition++) {
      TopicPartition place = new TopicPartition(topic, partition);
      ends += admin.listOffsets(Map.of(place, OffsetSpec.latest())).all().get().get(place).offset();
    }
    return ends;
  }

  private static long end(String topic) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()))) {
      return ends(admin, topic);
    }
  }

  @Test
  void noWorkloadDoesTheWorkOfAnother() {
    assertRefused("flow-instance-routes-keda", "flow-instance-ids");
    assertRefused("flow-instance-routes-replay", "flow-instances");
    assertRefused("flow-instance-ids-producer", "flow-instance-dead-letters");
    assertRefused("flow-instance-routes-watch", "task-statuses");
    assertNoTransactions("flow-instance-routes-watch", "flow-instance-routes-pipeline-1");
    assertNoTransactions("flow-instance-routes-replay", "flow-instance-routes-pipeline-1");
    assertNoTransactions("flow-instance-routes", "flow-instance-routes-replay");
    assertNoTransactions("flow-instance-ids-producer", "flow-instance-routes-pipeline-1");
  }

  private static void assertRefused(String user, String topic) {
    try (KafkaProducer<String, String> producer =
        new KafkaProducer<>(client(user), new StringSerializer(), new StringSerializer())) {
      // At once, if the producer is refused before the record.
      Exception refused =
          assertThrows(
              Exception.class,
              () -> producer.send(new ProducerRecord<>(topic, "x")).get(),
              user + " writes " + topic);
      assertInstanceOf(AuthorizationException.class, refused.getCause());
    }
  }

  private static void assertNoTransactions(String user, String transactionalId) {
    Map<String, Object> configuration = new HashMap<>(client(user));
    configuration.put("transactional.id", transactionalId);
    try (KafkaProducer<String, String> producer =
        new KafkaProducer<>(configuration, new StringSerializer(), new StringSerializer())) {
      assertThrows(
          TransactionalIdAuthorizationException.class,
          producer::initTransactions,
          user + " uses " + transactionalId);
    }
  }
}
