package io.flowinstance.command;

import static io.flowinstance.outcome.DeadLetterReason.MALFORMED_ID;
import static io.flowinstance.outcome.DeadLetterReason.REJECTED_BY_API;
import static io.flowinstance.outcome.DeadLetterReason.RETRIES_EXHAUSTED;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.stream.Collectors.joining;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.harness.ApplicationProcess;
import io.flowinstance.id.IdRecord;
import io.flowinstance.id.IdRecordReader;
import io.flowinstance.outcome.DeadLetterReason;
import io.flowinstance.outcome.DeadLetters;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupListing;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsOptions;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

@Timeout(120)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ReplayDeadLettersIT {
  private static final int PARTITIONS = 3;
  private static final Instant NOON = Instant.parse("2026-01-31T12:00:00Z");

  private static KafkaBroker broker;
  private static Admin admin;
  private static KafkaProducer<byte[], byte[]> producer;
  private static int stages;

  /** The topics of one test. */
  private final String name = "replay-" + ++stages;

  @BeforeAll
  static void start() {
    broker = KafkaBroker.launch();
    Properties connection = new Properties();
    connection.put("bootstrap.servers", broker.bootstrapServers());
    admin = Admin.create(connection);
    producer =
        new KafkaProducer<>(connection, new ByteArraySerializer(), new ByteArraySerializer());
  }

  @AfterAll
  static void stop() {
    producer.close();
    admin.close();
    broker.close();
  }

  private String ids() {
    return name + "-ids";
  }

  private String dead() {
    return name + "-dead";
  }

  private Map<String, String> environment() {
    return Map.of(
        "KAFKA_BOOTSTRAP_SERVERS", broker.bootstrapServers(),
        "KAFKA_GROUP_ID", name,
        "TOPIC_INSTANCE_IDS", ids(),
        "TOPIC_DEAD_LETTERS", dead());
  }

  private CommandRun replay(String... args) {
    String[] all = new String[args.length + 1];
    all[0] = "replay-dead-letters";
    System.arraycopy(args, 0, all, 1, args.length);
    return CommandRun.of(environment(), all);
  }

  private void assertSaid(String summary, CommandRun run) {
    assertEquals(0, run.exitCode(), run.err());
    List<String> lines = run.lines();
    assertEquals(summary, lines.get(lines.size() - 1));
  }

  private void bury(String id, DeadLetterReason reason, Instant failedAt, int replays) {
    RecordHeaders headers = new RecordHeaders();
    headers.add("traceparent", "00-1".getBytes(UTF_8));
    if (replays > 0) {
      headers.add("dead-letter-replays", Integer.toString(replays).getBytes(UTF_8));
    }
    IdRecord idRecord =
        new IdRecord(
            new TopicPartition(ids(), 0), 7, 0, id.getBytes(UTF_8), id.getBytes(UTF_8), headers);
    bury(idRecord, reason, "Because of " + id + ".", failedAt);
  }

  private void bury(IdRecord idRecord, DeadLetterReason reason, String message, Instant failedAt) {
    producer.send(
        new DeadLetters(
                dead(), new IdRecordReader(null, null), Clock.fixed(failedAt, ZoneOffset.UTC))
            .of(idRecord, reason, message, DeadLetters.Call.NONE));
  }

  private void bury(int count) {
    for (int i = 0; i < count; i++) {
      bury(
          "id-" + i,
          DeadLetterReason.values()[i % DeadLetterReason.values().length],
          NOON.plusSeconds(i),
          i % 3);
    }
    producer.flush();
  }

  private void makeTopics() {
    broker.createTopics(PARTITIONS, ids(), dead());
  }

  /** What a {@code read_committed} reader finds on the topic of ids when no transaction is open. */
  private List<ConsumerRecord<byte[], byte[]>> replayed() {
    try (KafkaConsumer<byte[], byte[]> reader =
        new KafkaConsumer<>(
            Map.of(
                "bootstrap.servers",
                broker.bootstrapServers(),
                "isolation.level",
                "read_committed"),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      List<TopicPartition> partitions = partitions(ids());
      reader.assign(partitions);
      reader.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = ends(partitions);
      List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
      while (partitions.stream().anyMatch(p -> reader.position(p) < ends.get(p))) {
        ConsumerRecords<byte[], byte[]> polled = reader.poll(Duration.ofMillis(100));
        polled.forEach(records::add);
      }
      return records;
    }
  }

  /** Where partitions end, including a transaction whose commit is not yet visible to readers. */
  private static Map<TopicPartition, Long> ends(List<TopicPartition> partitions) {
    try (KafkaConsumer<byte[], byte[]> reader =
        new KafkaConsumer<>(
            Map.of(
                "bootstrap.servers",
                broker.bootstrapServers(),
                "isolation.level",
                "read_uncommitted"),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      return reader.endOffsets(partitions);
    }
  }

  private Map<String, Integer> countsById() {
    Map<String, Integer> counts = new TreeMap<>();
    replayed().forEach(r -> counts.merge(new String(r.value(), UTF_8), 1, Integer::sum));
    return counts;
  }

  private static List<TopicPartition> partitions(String topic) {
    List<TopicPartition> partitions = new ArrayList<>();
    for (int partition = 0; partition < PARTITIONS; partition++) {
      partitions.add(new TopicPartition(topic, partition));
    }
    return partitions;
  }

  /** The position of runs without a filter; null for a partition without one. */
  private static Map<TopicPartition, OffsetAndMetadata> position(String group, String topic)
      throws Exception {
    // A broker waits for pending offsets only of partitions that the request names.
    return admin
        .listConsumerGroupOffsets(
            Map.of(group, new ListConsumerGroupOffsetsSpec().topicPartitions(partitions(topic))),
            new ListConsumerGroupOffsetsOptions().requireStable(true))
        .partitionsToOffsetAndMetadata(group)
        .get();
  }

  private Map<TopicPartition, OffsetAndMetadata> position() throws Exception {
    return position(name + "-replay", dead());
  }

  /** Everything that a command could have changed on the broker. */
  private static String broker() throws Exception {
    Map<String, Map<TopicPartition, OffsetAndMetadata>> offsets = new TreeMap<>();
    // A commit is told before its markers are written, and until then its offsets are not shown.
    await().until(() -> transactions().stream().noneMatch(each -> each.contains("Prepare")));
    Set<String> transactionalIds = new TreeSet<>(transactions());
    Set<String> topics =
        new TreeSet<>(admin.listTopics(new ListTopicsOptions().listInternal(true)).names().get());
    for (ConsumerGroupListing group : admin.listConsumerGroups().all().get()) {
      String topic = group.groupId().replaceFirst("-replay$", "-dead");
      offsets.put(group.groupId(), position(group.groupId(), topic));
    }
    return topics + "\n" + offsets + "\n" + transactionalIds;
  }

  private static List<String> transactions() throws Exception {
    return admin.listTransactions().all().get().stream().map(TransactionListing::toString).toList();
  }

  @Test
  @Order(1)
  void aDryRunListsAndChangesNothing() throws Exception {
    makeTopics();
    bury("1-1", REJECTED_BY_API, NOON, 0);
    bury("2-2", MALFORMED_ID, NOON.plusSeconds(1), 3);
    bury("evil\u001b[2J", RETRIES_EXHAUSTED, NOON.plusSeconds(2), 1);
    producer.flush();
    String before = broker();
    assertFalse(before.contains("__consumer_offsets"), "a broker that nobody has used");

    CommandRun run = replay("--dry-run");

    assertSaid("2 would be replayed, 1 left after 3 replays or more.", run);
    assertTrue(run.out().contains("REJECTED_BY_API"), run.out());
    assertTrue(run.out().contains("Because of 1-1."), run.out());
    assertTrue(run.out().contains("2026-01-31T12:00:00Z"), run.out());
    assertFalse(run.out().contains("\u001b"), run.out());
    CommandRun whole = replay("--dry-run", "--json");
    assertTrue(whole.err().contains("2 would be replayed"), whole.err());
    List<String> lines = whole.out().lines().toList();
    assertEquals(2, lines.size(), whole.out());
    String evil = lines.stream().filter(line -> line.contains("evil")).findFirst().orElseThrow();
    JsonNode letter = new ObjectMapper().readTree(evil);
    assertEquals("evil\u001b[2J", letter.get("value").textValue());
    assertEquals("RETRIES_EXHAUSTED", letter.at("/headers/dead-letter-reason").textValue());
    assertEquals(before, broker());
    assertEquals(List.of(), replayed());

    replay("--max", "1");
    String afterOne = broker();
    assertTrue(replay("--dry-run").out().contains("\n1 would be replayed"));
    assertEquals(afterOne, broker());
  }

  @Test
  void putsTheIdRecordBackAsItCameOneReplayOlder() {
    makeTopics();
    bury("1-1", REJECTED_BY_API, NOON, 1);
    producer.flush();

    assertSaid("1 replayed.", replay());

    ConsumerRecord<byte[], byte[]> back = replayed().get(0);
    assertEquals("1-1", new String(back.key(), UTF_8));
    assertEquals("1-1", new String(back.value(), UTF_8));
    List<String> headers = new ArrayList<>();
    back.headers().forEach(h -> headers.add(h.key() + "=" + new String(h.value(), UTF_8)));
    assertEquals(List.of("traceparent=00-1", "dead-letter-replays=2"), headers);
    assertSaid("0 replayed.", replay());
  }

  @Test
  void aRunWithoutAFilterPassesOverWhatWasReplayedTooOften() {
    makeTopics();
    bury("often", REJECTED_BY_API, NOON, 3);
    bury("once", REJECTED_BY_API, NOON, 1);
    producer.flush();

    assertSaid("1 replayed, 1 left after 3 replays or more.", replay());
    assertSaid("0 replayed.", replay());
    assertSaid("1 replayed, 1 left after 2 replays or more.", replay("--max-replays=2"));
    assertSaid("2 replayed.", replay("--max-replays=4"));
    assertEquals(Map.of("often", 1, "once", 3), countsById());
  }

  @Test
  void aSelectionReplaysWhatItsFiltersMatchAndLeavesThePositionAlone() throws Exception {
    makeTopics();
    bury("old", REJECTED_BY_API, NOON.minusSeconds(1), 0);
    bury("meant", REJECTED_BY_API, NOON, 0);
    bury("malformed", MALFORMED_ID, NOON, 0);
    bury("late", RETRIES_EXHAUSTED, NOON.plusSeconds(60), 0);
    bury("often", REJECTED_BY_API, NOON, 3);
    producer.flush();
    String[] selection = {
      "--reason=rejected_by_api",
      "--reason=RETRIES_EXHAUSTED",
      "--since=" + NOON,
      "--until=2026-01-31T12:01"
    };
    String summary = "1 replayed, 3 not selected, 1 left after 3 replays or more.";

    CommandRun first = replay(selection);
    assertSaid(summary, first);
    assertTrue(first.err().startsWith("This run is a selection: it may repeat"), first.err());
    assertTrue(position().values().stream().allMatch(Objects::isNull), "no run has a position");
    assertSaid(summary, replay(selection));
    assertEquals(Map.of("meant", 2), countsById());

    CommandRun all = replay();
    assertSaid("4 replayed, 1 left after 3 replays or more.", all);
    assertEquals("", all.err());
    assertEquals(Map.of("old", 1, "meant", 3, "malformed", 1, "late", 1), countsById());
    Map<TopicPartition, OffsetAndMetadata> position = position();
    assertSaid(summary, replay(selection));
    assertEquals(position, position());
    assertSaid("0 replayed.", replay());
  }

  @Test
  void aLimitedRunContinuesWhereTheLastOneEnded() throws Exception {
    makeTopics();
    bury(200);
    for (int run = 0; run < 4; run++) {
      assertSaid("49 replayed.", replay("--max=49"));
    }
    assertSaid("4 replayed.", replay("--max=49"));

    assertEachOnce(200);
    bury("later", REJECTED_BY_API, NOON, 0);
    producer.flush();
    assertSaid("1 replayed.", replay());
    position().values().forEach(offset -> assertEquals("", offset.metadata()));
  }

  private void assertEachOnce(int count) {
    Map<String, Integer> counts = countsById();
    assertEquals(count, counts.size());
    assertEquals(Set.of(1), Set.copyOf(counts.values()));
  }

  @Test
  void startsWhereAnOperatorSetsThePosition() throws Exception {
    makeTopics();
    bury(30);
    assertSaid("30 replayed.", replay());
    Map<TopicPartition, OffsetAndMetadata> back = new HashMap<>();
    partitions(dead()).forEach(p -> back.put(p, new OffsetAndMetadata(0, "set by hand")));
    admin.alterConsumerGroupOffsets(name + "-replay", back).all().get();

    assertSaid("30 replayed.", replay());

    back.replaceAll((p, offset) -> new OffsetAndMetadata(1_000));
    admin.alterConsumerGroupOffsets(name + "-replay", back).all().get();
    CommandRun beyond = replay();
    assertEquals(1, beyond.exitCode());
    assertTrue(beyond.err().contains("is at offset 1000 of " + dead()), beyond.err());
    assertTrue(beyond.err().contains("0 dead letters replayed"), beyond.err());
  }

  @Test
  void offsetsSetToTheEndBesideAnOpenTransactionLeaveNothingToReplay() throws Exception {
    makeTopics();
    bury(9);
    try (KafkaProducer<byte[], byte[]> open =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", broker.bootstrapServers(), "transactional.id", name),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      open.initTransactions();
      open.beginTransaction();
      open.send(new ProducerRecord<>(dead(), 0, new byte[1], new byte[1])).get();
      Map<TopicPartition, OffsetAndMetadata> ends = new HashMap<>();
      ends(partitions(dead())).forEach((at, end) -> ends.put(at, new OffsetAndMetadata(end)));
      admin.alterConsumerGroupOffsets(name + "-replay", ends).all().get();

      assertSaid("0 replayed.", replay());

      assertEquals(ends, position());
    }
    assertEquals(List.of(), replayed());
  }

  @Test
  void aDryRunListsMoreThanATableHolds() {
    makeTopics();
    bury(1_001);

    CommandRun run = replay("--dry-run");

    assertSaid("1001 would be replayed.", run);
    assertEquals(1_001, run.lines().stream().filter(line -> line.contains(" id-")).count());
    assertEquals(2, run.lines().stream().filter(line -> line.contains("instance id")).count());
  }

  @Test
  @EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
  void replaysEachOnceOverKills() {
    makeTopics();
    bury(300);
    int before = 0;
    for (int kill = 0; kill < 2; kill++) {
      int enough = before + 50;
      try (ApplicationProcess process =
          ApplicationProcess.start(environment(), "replay-dead-letters", "--rate=100")) {
        await()
            .atMost(Duration.ofSeconds(60))
            .pollInterval(Duration.ofMillis(20))
            .until(() -> replayed().size() > enough);
        process.kill();
      }
      before = replayed().size();
      assertTrue(before < 300, "it was killed half-way, after " + before);
    }

    try (ApplicationProcess process =
        ApplicationProcess.start(environment(), "replay-dead-letters")) {
      assertEquals(0, process.awaitEnd(Duration.ofSeconds(60)), process.output());
      assertTrue(process.output().startsWith(300 - before + " replayed"), process.output());
    }
    assertEachOnce(300);
  }

  @Test
  void aSecondReplayStopsTheFirst() throws Exception {
    makeTopics();
    bury(300);
    CompletableFuture<CommandRun> first = CompletableFuture.supplyAsync(() -> replay("--rate=50"));
    await().atMost(Duration.ofSeconds(60)).until(() -> !replayed().isEmpty());

    CommandRun second = replay();

    assertEquals(0, second.exitCode(), second.err());
    assertEquals(1, first.get().exitCode());
    assertTrue(
        first.get().err().startsWith("Another replay was started meanwhile"), first.get().err());
    assertEachOnce(300);
  }

  @Test
  void readsBackTheRecordOfAnIncompleteDeadLetter() throws Exception {
    makeTopics();
    long offset =
        producer
            .send(
                new ProducerRecord<>(
                    ids(), 1, "key".getBytes(UTF_8), "the original".getBytes(UTF_8)))
            .get()
            .offset();
    buryIncomplete(ids(), 1, offset);
    buryIncomplete(ids(), 1, offset + 1_000);
    buryIncomplete(dead(), 0, 0);

    CommandRun run = replay();

    assertSaid("1 replayed, 2 cannot be replayed.", run);
    assertEquals(Map.of("the original", 2), countsById());
    assertEquals(2, run.err().lines().count(), run.err());
    assertTrue(run.err().contains("cannot be replayed"), run.err());
  }

  @Test
  void oneThatTheTopicOfIdsRefusesKeepsNoOtherFromBeingReplayed() throws Exception {
    makeTopics();
    admin
        .incrementalAlterConfigs(
            Map.of(
                new ConfigResource(ConfigResource.Type.TOPIC, ids()),
                Stream.of(
                        new ConfigEntry("max.message.bytes", "2000"),
                        new ConfigEntry("cleanup.policy", "compact"))
                    .map(entry -> new AlterConfigOp(entry, AlterConfigOp.OpType.SET))
                    .toList()))
        .all()
        .get();
    String large = letters(new Random(1), 4_000);
    bury("before", MALFORMED_ID, NOON, 0);
    bury(large, MALFORMED_ID, NOON, 0);
    IdRecord keyless =
        new IdRecord(
            new TopicPartition(ids(), 0), 8, 0, null, "x".getBytes(UTF_8), new RecordHeaders());
    bury(keyless, MALFORMED_ID, "No id.", NOON);
    // More than the client sends before the first answer.
    IntStream.range(0, 80).forEach(i -> bury("after-" + i, MALFORMED_ID, NOON, 0));
    producer.flush();

    CommandRun run = replay();

    assertSaid("81 replayed, 2 cannot be replayed.", run);
    assertEquals(81, countsById().size());
    assertEquals(Set.of(1), Set.copyOf(countsById().values()));
    assertEquals(2, run.err().lines().count(), run.err());
    assertTrue(run.err().contains("takes no record as large as that, or none"), run.err());
    assertSaid("0 replayed.", replay());
  }

  @Test
  void goesOnBehindWhatRetentionDeletesInFrontOfASlowRun() throws Exception {
    makeTopics();
    Random random = new Random(1);
    // Far more than a reader fetches ahead.
    for (int i = 0; i < 60; i++) {
      String id = "%02d-".formatted(i) + letters(random, 200_000);
      bury(
          new IdRecord(
              new TopicPartition(ids(), 0),
              i,
              0,
              "same".getBytes(UTF_8),
              id.getBytes(UTF_8),
              new RecordHeaders()),
          MALFORMED_ID,
          "No id.",
          NOON);
    }
    producer.flush();
    CompletableFuture<CommandRun> slow =
        CompletableFuture.supplyAsync(() -> replay("--rate", "10"));
    await().until(() -> !replayed().isEmpty());
    TopicPartition partition =
        partitions(dead()).stream()
            .filter(each -> ends(List.of(each)).get(each) > 0)
            .findFirst()
            .orElseThrow();
    admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(58))).all().get();

    CommandRun run = slow.get();
    assertEquals(0, run.exitCode(), run.err());
    assertTrue(run.err().contains("before they were read"), run.err());
    List<ConsumerRecord<byte[], byte[]>> records = replayed();
    assertTrue(records.size() < 60, "deleted too late");
    assertTrue(new String(records.get(records.size() - 1).value(), UTF_8).startsWith("59-"));
  }

  private static String letters(Random random, int count) {
    return random.ints(count, 'a', 'z').mapToObj(Character::toString).collect(joining());
  }

  private void buryIncomplete(String topic, int partition, long offset) {
    ProducerRecord<byte[], byte[]> letter =
        new ProducerRecord<>(dead(), 0, "key".getBytes(UTF_8), null);
    Map.of(
            "reason",
            "EVENT_TOO_LARGE",
            "left-out",
            "key,value",
            "topic",
            topic,
            "partition",
            Integer.toString(partition),
            "offset",
            Long.toString(offset))
        .forEach((name, text) -> letter.headers().add("dead-letter-" + name, text.getBytes(UTF_8)));
    producer.send(letter);
    producer.flush();
  }

  @Test
  void saysWhichTopicIsMissing() {
    broker.createTopics(1, ids());

    CommandRun run = replay();

    assertEquals(1, run.exitCode());
    assertTrue(run.err().contains("Topic " + dead() + " does not exist"), run.err());
  }
}
