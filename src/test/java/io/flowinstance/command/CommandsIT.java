package io.flowinstance.command;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.harness.ApplicationProcess;
import io.flowinstance.simulator.EnosSimulator;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** The commands {@code check} and {@code send-ids}, before a real broker and a simulated EnOS. */
@Timeout(120)
class CommandsIT {
  private static KafkaBroker broker;
  private static EnosSimulator enos;

  @BeforeAll
  static void start() {
    broker = KafkaBroker.launch();
    broker.createTopics(
        2, "flow-instance-ids", "flow-instances", "task-statuses", "flow-instance-dead-letters");
    enos = EnosSimulator.start();
    enos.requireSignature(true);
  }

  @AfterAll
  static void stop() {
    enos.close();
    broker.close();
  }

  private static Map<String, String> environment(String... more) {
    Map<String, String> environment =
        new HashMap<>(
            Map.of(
                "KAFKA_BOOTSTRAP_SERVERS", broker.bootstrapServers(),
                "ENOS_BASE_URL", enos.baseUrl(),
                "ENOS_APP_KEY", enos.tokens().appKey(),
                "ENOS_APP_SECRET", enos.tokens().appSecret(),
                "ENOS_USER_ID", "u",
                "ENOS_ORG_ID", "o"));
    for (int i = 0; i < more.length; i += 2) {
      environment.put(more[i], more[i + 1]);
    }
    return environment;
  }

  private static CommandRun check(String... more) {
    return CommandRun.of(environment(more), "check");
  }

  private static void assertFix(CommandRun run, String subject, String text) {
    assertEquals(1, run.exitCode(), run.out());
    String line =
        run.lines().stream()
            .filter(l -> l.startsWith("fix") && l.substring(5).startsWith(subject))
            .findFirst()
            .orElse("");
    assertTrue(line.contains(text), run.out());
  }

  @Test
  void printsNothingButMessagesWhereTheyAreAskedForAsJson() throws Exception {
    try (ApplicationProcess process =
        ApplicationProcess.start(512, environment(), "fetch", "--json", "1003-0000000001")) {
      assertEquals(0, process.awaitEnd(Duration.ofSeconds(60)), process::output);

      for (String line : process.output().lines().toList()) {
        assertTrue(new ObjectMapper().readTree(line).has("topic"), line);
      }
      assertEquals(5, process.output().lines().count());
    }
  }

  @Test
  void findsNothingToFix() {
    CommandRun run = check();

    assertEquals(0, run.exitCode(), run.out());
    assertEquals(10, run.lines().size(), run.out());
    assertTrue(run.lines().stream().allMatch(line -> line.startsWith("ok   ")), run.out());
    assertTrue(
        run.out().contains("topic.instance-ids    flow-instance-ids: 2 partitions."), run.out());
    assertFalse(run.out().contains(enos.tokens().appSecret()), run.out());
  }

  @Test
  void namesEachThingToFix() {
    assertFix(check("ENOS_BASE_URL", "nowhere"), "settings", "ENOS_BASE_URL");
    assertFix(check("TOPIC_TASK_STATUSES", "none"), "topic.task-statuses", "does not exist");
    assertFix(check("ENOS_APP_SECRET", "wrong"), "token service", "Check enos.app-key");
    assertFix(check("ENOS_BASE_URL", "http://127.0.0.1:1"), "token service", "enos.base-url");
    assertFix(
        check("ENOS_AUTH", "none", "ENOS_BASE_URL", "http://127.0.0.1:1"), "API clock", "refused");
  }

  @Test
  void namesATrustStoreThatCannotBeUsed(@TempDir Path folder) throws Exception {
    Path store = Files.writeString(folder.resolve("store"), "no store");

    CommandRun run = check("ENOS_TRUST_STORE", store.toString());

    assertFix(run, "settings", "(enos.trust-store) cannot be used");
  }

  @Test
  void goesOnWithWhatDoesNotDependOnIt() {
    CommandRun run = check("KAFKA_BOOTSTRAP_SERVERS", "nonsense");

    assertFix(run, "settings", "KAFKA_BOOTSTRAP_SERVERS");
    assertTrue(run.out().contains("?    topic.instance-ids    not checked"), run.out());
    assertTrue(run.out().contains("ok   token service"), run.out());
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void saysThatTheBrokersDoNotAnswer() {
    CommandRun run = check("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1");

    assertFix(run, "brokers", "did not answer in time: check kafka.bootstrap-servers");
    assertTrue(run.out().contains("ok   API clock"), run.out());
  }

  @Test
  void saysWhatThisLoginMayNot() throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()))) {
      broker.createTopics(1, "unreadable", "unwritable", "hidden");
      admin
          .createAcls(
              List.of(
                  deny(ResourceType.TOPIC, "unreadable", AclOperation.READ),
                  allow(ResourceType.TOPIC, "unreadable", AclOperation.DESCRIBE),
                  deny(ResourceType.TOPIC, "unwritable", AclOperation.WRITE),
                  allow(ResourceType.TOPIC, "unwritable", AclOperation.DESCRIBE),
                  deny(ResourceType.TOPIC, "hidden", AclOperation.ALL),
                  deny(ResourceType.GROUP, "closed", AclOperation.ALL),
                  deny(ResourceType.TRANSACTIONAL_ID, "fenced-check", AclOperation.ALL)))
          .all()
          .get();
    }

    CommandRun run =
        check(
            "TOPIC_INSTANCE_IDS", "unreadable",
            "TOPIC_FLOW_INSTANCES", "unwritable",
            "TOPIC_TASK_STATUSES", "hidden",
            "KAFKA_GROUP_ID", "closed",
            "KAFKA_TRANSACTIONAL_ID_PREFIX", "fenced");

    assertFix(run, "topic.instance-ids", "may not read it: grant it Read there");
    assertFix(run, "topic.flow-instances", "may not write it: grant it Write there");
    assertFix(run, "topic.task-statuses", "or this login may not see it");
    assertFix(run, "kafka.group-id", "may not use the consumer group closed");
    assertFix(run, "transactional ids", "grant it Write on the ids that begin");
  }

  @Test
  void checksWhatDiscoverNeedsWhereItIsEnabled() {
    broker.createTopics(1, "watermark", "watermark-that-expires");
    broker.createTopics(2, "watermarks");
    configure("watermark", "compact");

    CommandRun run = check("DISCOVER_ENABLED", "true", "TOPIC_DISCOVER_WATERMARK", "watermark");

    assertEquals(0, run.exitCode(), run.out());
    assertTrue(run.out().contains("topic.discover-watermark  watermark: 1 partition."), run.out());
    assertTrue(run.out().contains("flow-instance-routes-discover: 0 members now."), run.out());
    assertFix(check("DISCOVER_ENABLED", "true"), "topic.discover-watermark", "does not exist");
    assertFix(
        check("DISCOVER_ENABLED", "true", "TOPIC_DISCOVER_WATERMARK", "watermarks"),
        "topic.discover-watermark",
        "has 2 partitions: delete it, and create it with one.");
    assertFix(
        check("DISCOVER_ENABLED", "true", "TOPIC_DISCOVER_WATERMARK", "watermark-that-expires"),
        "topic.discover-watermark",
        "set its cleanup.policy to compact.");
  }

  @Test
  void checksWhatWatchNeedsWithoutEnos() {
    Map<String, String> kafka = Map.of("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrapServers());
    CommandRun before = CommandRun.of(kafka, "check", "--watch");
    broker.createTopics(2, "flow-instance-transitions");

    CommandRun run = CommandRun.of(kafka, "check", "--watch");

    assertFix(before, "topic.transitions", "flow-instance-transitions does not exist");
    assertEquals(0, run.exitCode(), run.out());
    assertEquals(9, run.lines().size(), run.out());
    assertTrue(run.out().contains("flow-instance-routes-watch-…: this login may"), run.out());
    configure("flow-instance-transitions", "compact");
    assertFix(
        CommandRun.of(kafka, "check", "--watch"),
        "topic.transitions",
        "set its cleanup.policy to delete.");
    broker.createTopics(3, "flow-instance-routes-watch-from-changelog");
    assertFix(
        CommandRun.of(kafka, "check", "--watch"),
        "memory of watch",
        "-watch-from-changelog has 3 partitions, and flow-instances has 2, so the change feed");
  }

  private static void configure(String topic, String cleanupPolicy) {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()))) {
      admin
          .incrementalAlterConfigs(
              Map.of(
                  new ConfigResource(ConfigResource.Type.TOPIC, topic),
                  List.of(
                      new AlterConfigOp(
                          new ConfigEntry(TopicConfig.CLEANUP_POLICY_CONFIG, cleanupPolicy),
                          AlterConfigOp.OpType.SET))))
          .all()
          .toCompletionStage()
          .toCompletableFuture()
          .join();
    }
  }

  private static AclBinding deny(ResourceType type, String name, AclOperation operation) {
    return acl(type, name, operation, AclPermissionType.DENY);
  }

  private static AclBinding allow(ResourceType type, String name, AclOperation operation) {
    return acl(type, name, operation, AclPermissionType.ALLOW);
  }

  private static AclBinding acl(
      ResourceType type, String name, AclOperation operation, AclPermissionType permission) {
    return new AclBinding(
        new ResourcePattern(type, name, PatternType.LITERAL),
        new AccessControlEntry("User:*", "*", operation, permission));
  }

  @Test
  void sendsIdsFromStandardInputKeyedByTheId() {
    broker.createTopics(2, "sent-from-input");
    String in = "# two\n1-1\n\n{\"flowInstId\": \"2-2\", \"userId\": \"ann\"}\n1-1\n";

    CommandRun run =
        CommandRun.withInput(in, environment("TOPIC_INSTANCE_IDS", "sent-from-input"), "send-ids");

    assertEquals(0, run.exitCode(), run.err());
    assertEquals("2 ids sent to sent-from-input.", run.out().strip());
    assertEquals("Left out, because an earlier line asks for the same: 1 line.", run.err().strip());
    assertEquals(
        List.of("1-1=1-1", "2-2={\"flowInstId\": \"2-2\", \"userId\": \"ann\"}"),
        sent("sent-from-input", 2));
  }

  @Test
  void sendsIdsFromAFileByThePackagedJar(@TempDir Path folder) throws Exception {
    broker.createTopics(2, "sent-from-file");
    Path file = Files.writeString(folder.resolve("ids"), "3-3\n1-1\n2-2\n", UTF_8);

    try (ApplicationProcess process =
        ApplicationProcess.start(
            environment("TOPIC_INSTANCE_IDS", "sent-from-file"), "send-ids", file.toString())) {
      assertEquals(0, process.awaitEnd(Duration.ofSeconds(60)), process.output());
      assertEquals(
          List.of("3 ids sent to sent-from-file."),
          Arrays.stream(process.output().split("\n")).toList(),
          "and no log");
    }
    assertEquals(List.of("1-1=1-1", "2-2=2-2", "3-3=3-3"), sent("sent-from-file", 2));
  }

  @Test
  void sendsNothingWhenALineHoldsNoId() {
    broker.createTopics(1, "sent-nothing");

    CommandRun run =
        CommandRun.withInput(
            "1-1\n{\n", environment("TOPIC_INSTANCE_IDS", "sent-nothing"), "send-ids");

    assertEquals(1, run.exitCode());
    assertTrue(run.err().contains("line 2"), run.err());
    assertEquals(List.of(), sent("sent-nothing", 1));
  }

  @Test
  void sendsWhatEnosFinds() {
    broker.createTopics(2, "sent-from-search");
    enos.instances().know(List.of("1001-20250101100000", "1002-20250101110000"));

    CommandRun run =
        CommandRun.of(
            environment("TOPIC_INSTANCE_IDS", "sent-from-search"),
            "send-ids",
            "--from=2025-01-01",
            "--to=2025-01-02");

    assertEquals(0, run.exitCode(), run.err());
    assertEquals(
        List.of(
            "1001-20250101100000=1001-20250101100000", "1002-20250101110000=1002-20250101110000"),
        sent("sent-from-search", 2));
  }

  @Test
  void saysThatTheTopicDoesNotExist() {
    CommandRun run =
        CommandRun.withInput("1-1\n", environment("TOPIC_INSTANCE_IDS", "none-such"), "send-ids");

    assertEquals(1, run.exitCode());
    assertEquals(
        "Topic none-such does not exist: create it, or fix the setting.", run.err().strip());
  }

  /** Every record as {@code key=value}, sorted. */
  private static List<String> sent(String topic, int partitions) {
    try (KafkaConsumer<String, String> reader =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", broker.bootstrapServers()),
            new StringDeserializer(),
            new StringDeserializer())) {
      List<TopicPartition> all = new ArrayList<>();
      for (int partition = 0; partition < partitions; partition++) {
        all.add(new TopicPartition(topic, partition));
      }
      reader.assign(all);
      reader.seekToBeginning(all);
      Map<TopicPartition, Long> ends = reader.endOffsets(all);
      List<String> records = new ArrayList<>();
      while (all.stream().anyMatch(partition -> reader.position(partition) < ends.get(partition))) {
        for (ConsumerRecord<String, String> sent : reader.poll(Duration.ofMillis(100))) {
          records.add(sent.key() + "=" + sent.value());
        }
      }
      return records.stream().sorted().toList();
    }
  }
}
