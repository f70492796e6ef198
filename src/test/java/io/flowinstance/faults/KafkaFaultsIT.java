package io.flowinstance.faults;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.harness.ApplicationProcess;
import io.flowinstance.simulator.EnosSimulator;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AccessControlEntryFilter;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourcePatternFilter;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * What is wrong with Kafka, and not with an id: the pipeline says so once in its log and in its
 * readiness, and goes on within 15 seconds once it is put right, without a restart. Most of it by
 * default, everything with {@code -Pchaos}.
 */
class KafkaFaultsIT {
  private static final Duration HEALS = Duration.ofSeconds(15);
  private static final Duration NOTICES = Duration.ofSeconds(30);
  private static final AtomicInteger LAST_ID = new AtomicInteger();

  private static KafkaBroker broker;
  private static EnosSimulator enos;
  private static Admin admin;
  private static KafkaProducer<byte[], byte[]> producer;

  private final List<ApplicationProcess> running = new ArrayList<>();
  private Topics topics;

  @BeforeAll
  static void start() {
    broker =
        KafkaBroker.launch(
            KafkaBroker.QUICK_START,
            Map.of(
                "listener.security.protocol.map",
                "PLAINTEXT:PLAINTEXT,CUT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
                "sasl.enabled.mechanisms",
                "SCRAM-SHA-512",
                "listener.name.cut.scram-sha-512.sasl.jaas.config",
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"));
    enos = EnosSimulator.start();
    admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()));
    producer =
        new KafkaProducer<>(
            Map.of(
                "bootstrap.servers",
                broker.bootstrapServers(),
                "compression.type",
                "lz4",
                "max.request.size",
                "40000000",
                "buffer.memory",
                "80000000",
                // Of several batches in flight, a topic that was just made may take a later one
                // first.
                "max.in.flight.requests.per.connection",
                "1"),
            new ByteArraySerializer(),
            new ByteArraySerializer());
  }

  @AfterAll
  static void stop() {
    producer.close(Duration.ZERO);
    admin.close(Duration.ZERO);
    enos.close();
    broker.close();
  }

  @BeforeEach
  void names() {
    topics = null;
  }

  @AfterEach
  void killWhatStillRuns() {
    running.forEach(ApplicationProcess::close);
  }

  private Map<String, String> environment() {
    Map<String, String> environment = topics.environment(broker.bootstrapServers(), enos);
    environment.put("KAFKA_SESSION_TIMEOUT_MS", "6000");
    return environment;
  }

  private ApplicationProcess launch(Map<String, String> environment) {
    ApplicationProcess process = ApplicationProcess.start(environment);
    running.add(process);
    return process;
  }

  private static <T> T answer(KafkaFuture<T> future) {
    try {
      return future.get();
    } catch (ExecutionException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Sends new ids. */
  private List<String> send(int count) {
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String id = "7-%010d".formatted(LAST_ID.incrementAndGet());
      ids.add(id);
      producer.send(new ProducerRecord<>(topics.ids(), id.getBytes(UTF_8), id.getBytes(UTF_8)));
    }
    producer.flush();
    return ids;
  }

  private void awaitOutcomes(int records, Duration patience) {
    try (Audit audit = new Audit(broker.bootstrapServers(), topics)) {
      audit.readAll(records, patience);
      assertEquals(records, audit.read(Duration.ZERO));
    }
  }

  private static int lines(ApplicationProcess process, String words) {
    return process.output().split(Pattern.quote(words), -1).length - 1;
  }

  /** The process says what to fix and waits, goes on once it is fixed, and says so once. */
  private void assertGoesOn(String sentence, Runnable fix) {
    ApplicationProcess process = launch(environment());
    send(20);
    process.awaitUnready(NOTICES, sentence);

    fix.run();
    awaitOutcomes(20, HEALS);
    await().atMost(HEALS).until(() -> process.health("ready").startsWith("200 "));
    assertEquals(2, lines(process, sentence), process::output);
    assertEquals(1, lines(process, "Resolved: "), process::output);
    assertTrue(process.health("live").startsWith("200 "));
  }

  private static void delete(String topic) {
    answer(admin.deleteTopics(List.of(topic)).all());
    await().until(() -> !admin.listTopics().names().get().contains(topic));
  }

  @Test
  void goesOnWhenAMissingOutputTopicIsMade() {
    topics = Topics.create(broker, "no-output");
    delete(topics.tasks());

    assertGoesOn(
        "Topic %s does not exist: create it.".formatted(topics.tasks()),
        () -> broker.createTopics(6, topics.tasks()));
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void goesOnWhenAMissingIdTopicIsMade() {
    topics = Topics.create(broker, "no-input");
    delete(topics.ids());
    ApplicationProcess process = launch(environment());
    String sentence = "Topic %s does not exist: create it.".formatted(topics.ids());
    process.awaitUnready(NOTICES, sentence);

    broker.createTopics(6, topics.ids());
    send(20);
    awaitOutcomes(20, HEALS);
    await().atMost(HEALS).until(() -> process.health("ready").startsWith("200 "));
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void goesOnWhenADeadLetterTopicIsNoLongerCompacted() {
    topics = Topics.create(broker, "compacted");
    set(topics.deadLetters(), "cleanup.policy", "compact");

    assertGoesOn(
        "Topic %s is compacted".formatted(topics.deadLetters()),
        () -> set(topics.deadLetters(), "cleanup.policy", "delete"));
  }

  private static void set(String topic, String setting, String value) {
    answer(
        admin
            .incrementalAlterConfigs(
                Map.of(
                    new ConfigResource(ConfigResource.Type.TOPIC, topic),
                    Set.of(
                        new AlterConfigOp(
                            new ConfigEntry(setting, value), AlterConfigOp.OpType.SET))))
            .all());
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void goesOnWhenItMayReadTheIds() {
    topics = Topics.create(broker, "no-read");
    deny(ResourceType.TOPIC, topics.ids(), AclOperation.READ);
    for (AclOperation operation : List.of(AclOperation.DESCRIBE, AclOperation.WRITE)) {
      acl(
          ResourceType.TOPIC,
          topics.ids(),
          PatternType.LITERAL,
          operation,
          AclPermissionType.ALLOW);
    }

    assertGoesOn(
        "This login may not use topic %s".formatted(topics.ids()),
        () -> allow(ResourceType.TOPIC, topics.ids()));
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void goesOnWhenItMayUseTheGroup() {
    topics = Topics.create(broker, "no-group");
    String group = topics.environment().get("KAFKA_GROUP_ID");
    deny(ResourceType.GROUP, group, AclOperation.ALL);

    assertGoesOn(
        "This login may not use the consumer group %s".formatted(group),
        () -> allow(ResourceType.GROUP, group));
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void goesOnWhenItMayUseItsTransactionalIds() {
    topics = Topics.create(broker, "no-transactions");
    String group = topics.environment().get("KAFKA_GROUP_ID");
    acl(
        ResourceType.TRANSACTIONAL_ID,
        group,
        PatternType.PREFIXED,
        AclOperation.WRITE,
        AclPermissionType.DENY);

    assertGoesOn(
        "This login may not use its transactional id",
        () -> allow(ResourceType.TRANSACTIONAL_ID, group));
  }

  private static void deny(ResourceType type, String name, AclOperation operation) {
    acl(type, name, PatternType.LITERAL, operation, AclPermissionType.DENY);
  }

  private static void acl(
      ResourceType type,
      String name,
      PatternType pattern,
      AclOperation operation,
      AclPermissionType permission) {
    answer(
        admin
            .createAcls(
                List.of(
                    new AclBinding(
                        new ResourcePattern(type, name, pattern),
                        new AccessControlEntry("User:*", "*", operation, permission))))
            .all());
  }

  private static void allow(ResourceType type, String name) {
    answer(
        admin
            .deleteAcls(
                List.of(
                    new AclBindingFilter(
                        new ResourcePatternFilter(type, name, PatternType.ANY),
                        AccessControlEntryFilter.ANY)))
            .all());
  }

  private static void password(String user, String password) {
    answer(
        admin
            .alterUserScramCredentials(
                List.of(
                    new UserScramCredentialUpsertion(
                        user,
                        new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096),
                        password)))
            .all());
  }

  private static String jaas(String user, String password) {
    return "org.apache.kafka.common.security.scram.ScramLoginModule required"
        + " username=\"%s\" password=\"%s\";".formatted(user, password);
  }

  private Map<String, String> secured(Path jaas) {
    Map<String, String> environment = environment();
    environment.put("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:" + broker.cutPort());
    environment.put("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT");
    environment.put("KAFKA_SECURITY_SASL_MECHANISM", "SCRAM-SHA-512");
    environment.put("KAFKA_SECURITY_SASL_JAAS_CONFIG_FILE", jaas.toString());
    return environment;
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void goesOnWhenThePasswordInItsFileIsPutRight(@TempDir Path folder) throws Exception {
    topics = Topics.create(broker, "wrong-file");
    password("file", "right");
    Path file = Files.writeString(folder.resolve("jaas"), jaas("file", "wrong"));
    try (NetworkCut network = new NetworkCut(broker.cutPort(), broker.behindCutPort())) {
      network.restore();
      ApplicationProcess process = launch(secured(file));
      send(20);
      process.awaitUnready(NOTICES, "The brokers refuse the login");

      Files.writeString(file, jaas("file", "right"));
      awaitOutcomes(20, HEALS);
      await().atMost(HEALS).until(() -> process.health("ready").startsWith("200 "));
      assertTrue(lines(process, "The brokers refuse the login") <= 8, process::output);
    }
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void goesOnWhenThePasswordOnTheBrokerIsPutRight(@TempDir Path folder) throws Exception {
    topics = Topics.create(broker, "wrong-broker");
    password("broker", "right");
    Path file = Files.writeString(folder.resolve("jaas"), jaas("broker", "right"));
    try (NetworkCut network = new NetworkCut(broker.cutPort(), broker.behindCutPort())) {
      ApplicationProcess process = launch(secured(file)).awaitReady();
      send(20);
      awaitOutcomes(20, HEALS);
      password("broker", "another");
      network.cut();
      network.restore();
      process.awaitUnready(NOTICES, "The brokers refuse the login");
      send(20);

      password("broker", "right");
      awaitOutcomes(40, HEALS);
      await().atMost(HEALS).until(() -> process.health("ready").startsWith("200 "));
    }
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void readsPartitionsThatAreAddedWhileItRuns() {
    topics = Topics.create(broker, "added");
    ApplicationProcess process = launch(environment()).awaitReady();
    send(20);
    awaitOutcomes(20, HEALS);

    answer(admin.createPartitions(Map.of(topics.ids(), NewPartitions.increaseTo(8))).all());
    producer.partitionsFor(topics.ids());
    for (int partition = 6; partition < 8; partition++) {
      byte[] id = "7-%010d".formatted(LAST_ID.incrementAndGet()).getBytes(UTF_8);
      answered(new ProducerRecord<>(topics.ids(), partition, id, id));
    }
    awaitOutcomes(22, HEALS);
    assertTrue(process.health("ready").startsWith("200 "));
  }

  /** As the change feed sends them at a low rate: a control record is behind each id. */
  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void servesABacklogOfIdsThatWereSentInTransactionsOfOne() {
    topics = Topics.create(broker, "transactions");
    delete(topics.ids());
    broker.createTopics(1, topics.ids());
    int count = 1_300;
    sendInTransactionsOfOne(count);
    Map<String, String> environment = environment();
    environment.put("KAFKA_CONSUMERS", "1");
    enos.goDown();
    try {
      ApplicationProcess process = launch(environment);
      Pattern undone = Pattern.compile("(?m)^flow_instance_ids_undone 1\\d{3}\\.0$");
      await().atMost(NOTICES).until(() -> undone.matcher(process.metrics()).find());
    } finally {
      enos.comeUp();
    }
    awaitOutcomes(count, Duration.ofSeconds(60));
  }

  private void sendInTransactionsOfOne(int count) {
    try (KafkaProducer<byte[], byte[]> transactional =
        new KafkaProducer<>(
            Map.of(
                "bootstrap.servers", broker.bootstrapServers(), "transactional.id", topics.ids()),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      transactional.initTransactions();
      for (int i = 0; i < count; i++) {
        byte[] id = "7-%010d".formatted(LAST_ID.incrementAndGet()).getBytes(UTF_8);
        transactional.beginTransaction();
        transactional.send(new ProducerRecord<>(topics.ids(), id, id));
        transactional.commitTransaction();
      }
    }
  }

  /** Sends a record, to a partition that the producer may not know of yet. */
  private static void answered(ProducerRecord<byte[], byte[]> message) {
    await()
        .atMost(HEALS)
        .ignoreExceptions()
        .until(
            () -> {
              producer.send(message).get();
              return true;
            });
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void tellsOfIdsThatRetentionDeletedBeforeTheyWereRead() {
    topics = Topics.create(broker, "deleted");
    ApplicationProcess first = launch(environment()).awaitReady();
    send(60);
    awaitOutcomes(60, HEALS);
    assertEquals(0, first.stop(Duration.ofSeconds(20)), first::output);
    send(60);
    Map<TopicPartition, RecordsToDelete> toDelete = new HashMap<>();
    topics
        .committed(broker)
        .forEach(
            (partition, commit) ->
                toDelete.put(partition, RecordsToDelete.beforeOffset(commit.offset() + 1)));
    answer(admin.deleteRecords(toDelete).all());

    ApplicationProcess second = launch(environment()).awaitReady();
    awaitOutcomes(120 - toDelete.size(), HEALS);
    await()
        .atMost(HEALS)
        .until(() -> lines(second, "before their ids were read") == toDelete.size());
    String metrics = second.metrics();
    assertTrue(
        metrics.contains("flow_instance_ids_lost_total %d.0".formatted(toDelete.size())), metrics);
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void commitsTheStartOfPartitionsThatHaveNoIds() {
    topics = Topics.create(broker, "empty");
    launch(environment()).awaitReady();

    await().atMost(HEALS).until(() -> topics.committed(broker).size() == 6);
    assertEquals(Set.of(new OffsetAndMetadata(0)), Set.copyOf(topics.committed(broker).values()));
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void batchesThatAreBrokenOnTheBrokersStopNoOtherPartition() throws IOException {
    topics = Topics.create(broker, "broken-batch");
    List<TopicPartition> broken =
        List.of(new TopicPartition(topics.ids(), 0), new TopicPartition(topics.ids(), 1));
    for (int partition = 0; partition < Topics.PARTITIONS; partition++) {
      for (int i = 0; i < 3; i++) {
        byte[] id = "7-%010d".formatted(LAST_ID.incrementAndGet()).getBytes(UTF_8);
        answered(new ProducerRecord<>(topics.ids(), partition, id, id));
      }
    }
    for (TopicPartition partition : broken) {
      breakBatch(broker.segment(partition), 1);
    }
    // With one, both are fetched in one answer.
    Map<String, String> environment = environment();
    environment.put("KAFKA_CONSUMERS", "1");
    ApplicationProcess process = launch(environment);

    for (TopicPartition partition : broken) {
      process.awaitUnready(
          NOTICES, "A batch cannot be read: that of %s at offset 1,".formatted(partition));
    }
    awaitOutcomes(3 * Topics.PARTITIONS - 4, HEALS);
    send(50);
    assertTrue(process.health("live").startsWith("200 "));
    assertEquals(2, lines(process, "A batch cannot be read"), process::output);
    assertEquals(0, lines(process, "Ids cannot be read"), process::output);

    for (TopicPartition partition : broken) {
      answer(admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(2))).all());
    }
    awaitOutcomes(3 * Topics.PARTITIONS - 2 + 50, Duration.ofSeconds(45));
    await().atMost(HEALS).until(() -> process.health("ready").startsWith("200 "));
    assertEquals(2, lines(process, "Resolved: A batch cannot be read"), process::output);
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void aTopicThatTakesOnlySmallBatchesIsPublishedTo() {
    topics = Topics.create(broker, "small-batches");
    set(topics.tasks(), "max.message.bytes", "20000");
    Map<String, String> environment = environment();
    environment.put("KAFKA_COMPRESSION_TYPE", "none");
    environment.put("KAFKA_CONSUMERS", "1");
    send(300);
    ApplicationProcess process = launch(environment);

    awaitOutcomes(300, Duration.ofSeconds(60));
    await().atMost(HEALS).until(() -> process.health("ready").startsWith("200 "));
    // Said once, and once that it is over.
    assertEquals(2, lines(process, "A topic takes no batch of 131072 bytes"), process::output);
    String metrics = process.metrics();
    assertTrue(
        metrics.contains("flow_instance_messages_total{message=\"dead_letter\"} 0.0"), metrics);
  }

  /** Changes the last byte of a batch, which are one after the other: offset, length, the rest. */
  private static void breakBatch(Path segment, int number) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(segment.toFile(), "rw")) {
      long end = 0;
      for (int batch = 0; batch <= number; batch++) {
        file.seek(end + Long.BYTES);
        end += Long.BYTES + Integer.BYTES + file.readInt();
      }
      file.seek(end - 1);
      int last = file.read();
      file.seek(end - 1);
      file.write(last ^ 1);
    }
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void aRecordOfWhichNoDeadLetterFitsAsItCameStopsNoOther() {
    topics = Topics.create(broker, "huge-key");
    set(topics.ids(), "max.message.bytes", "40000000");
    launch(environment()).awaitReady();
    byte[] value = "{".getBytes(UTF_8);
    answered(new ProducerRecord<>(topics.ids(), 0, new byte[20_000_000], value));
    answered(new ProducerRecord<>(topics.ids(), 1, new byte[2_000_000], value));
    send(50);

    awaitOutcomes(52, HEALS);
  }
}
