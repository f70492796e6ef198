package io.flowinstance.engines;

import static io.flowinstance.engines.PublishedTopics.DEAD_LETTERS;
import static io.flowinstance.engines.PublishedTopics.INSTANCES;
import static io.flowinstance.engines.PublishedTopics.TASKS;
import static io.flowinstance.engines.PublishedTopics.header;
import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.mapping;
import static java.util.stream.Collectors.toSet;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.Row;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Flink SQL reads what the pipeline published, by the files of {@code docs/consumers}. What comes
 * out is compared with the records that a plain consumer reads.
 */
@ExtendWith(WithPublishedTopics.class)
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class FlinkSqlTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** How a person reads what is there now: its final rows, or all updates that lead to them. */
  private enum Mode {
    BATCH,
    STREAMING
  }

  private static final Map<Mode, FlinkSession> SESSIONS = new EnumMap<>(Mode.class);

  private static PublishedTopics topics;

  @BeforeAll
  static void readTheFiles(PublishedTopics published) {
    topics = published;
    for (Mode mode : Mode.values()) {
      FlinkSession session = new FlinkSession(topics.bootstrapServers());
      SESSIONS.put(mode, session);
      if (mode == Mode.BATCH) {
        session.run("batch.sql");
      }
      session.run("tables.sql");
      session.run("bounded.sql");
      session.run("views.sql");
    }
  }

  @AfterAll
  static void close() {
    SESSIONS.values().forEach(FlinkSession::close);
  }

  private static FlinkSession session(Mode mode) {
    return SESSIONS.get(mode);
  }

  @ParameterizedTest
  @EnumSource
  void everyQueryOfTheDocumentGivesRows(Mode mode) {
    List<List<Row>> answers = session(mode).run("queries.sql");

    assertEquals(5, answers.size());
    answers.forEach(rows -> assertFalse(rows.isEmpty()));
  }

  @Test
  void everyCaseIsRead() {
    assertTrue(topics.cases().size() > 170, () -> "cases: " + topics.cases().size());
  }

  @ParameterizedTest
  @CsvSource({
    "flow_instances, flow-instances, flow-instance.v1.schema.json",
    "task_statuses, task-statuses, task-status.v1.schema.json"
  })
  void everyColumnHoldsWhatTheMessageSays(String table, String topic, String schemaFile)
      throws Exception {
    Map<String, JsonNode> messages = new HashMap<>();
    for (ConsumerRecord<byte[], byte[]> message : topics.read(topic)) {
      messages.put(message.partition() + "-" + message.offset(), JSON.readTree(message.value()));
    }
    FlinkSession session = session(Mode.BATCH);
    MessageSchema schema = new MessageSchema(schemaFile);
    List<Column> columns = session.columns(table).stream().filter(Column::isPhysical).toList();
    for (Column column : columns) {
      assertNames(schema, column.getName(), column.getDataType().getLogicalType());
    }
    List<Row> rows = session.query("SELECT * FROM " + table);
    assertEquals(messages.size(), rows.size());
    for (Row row : rows) {
      JsonNode message = messages.get(row.getField("partition") + "-" + row.getField("offset"));
      for (Column column : columns) {
        String name = column.getName();
        LogicalType type = column.getDataType().getLogicalType();
        assertHolds(message.path(name), type, row.getField(name), name);
      }
    }
  }

  private static void assertNames(MessageSchema schema, String path, LogicalType type) {
    assertTrue(schema.names(path), () -> "The schema has no " + path);
    if (type instanceof RowType row) {
      row.getFields()
          .forEach(field -> assertNames(schema, path + "/" + field.getName(), field.getType()));
    } else if (type instanceof ArrayType array && array.getElementType() instanceof RowType) {
      assertNames(schema, path + "/", array.getElementType());
    }
  }

  private static void assertHolds(JsonNode said, LogicalType type, Object held, String path)
      throws Exception {
    if (said.isMissingNode()) {
      assertEquals(null, held, path);
      return;
    }
    switch (type.getTypeRoot()) {
      case VARCHAR -> {
        if (said.isTextual()) {
          assertEquals(said.textValue(), held, path);
        } else {
          assertEquals(said, JSON.readTree((String) held), path);
        }
      }
      case INTEGER, BIGINT -> assertEquals(said.longValue(), ((Number) held).longValue(), path);
      case DOUBLE -> assertEquals(said.doubleValue(), held, path);
      case BOOLEAN -> assertEquals(said.booleanValue(), held, path);
      case DATE -> assertEquals(said.textValue(), held.toString(), path);
      case TIMESTAMP_WITH_LOCAL_TIME_ZONE ->
          assertEquals(Instant.parse(said.textValue()), held, path);
      case ROW -> {
        for (RowType.RowField field : ((RowType) type).getFields()) {
          String name = field.getName();
          Object value = ((Row) held).getField(name);
          assertHolds(said.path(name), field.getType(), value, path + "/" + name);
        }
      }
      case ARRAY -> {
        Object[] elements = (Object[]) held;
        assertEquals(said.size(), elements.length, path);
        for (int i = 0; i < elements.length; i++) {
          LogicalType elementType = ((ArrayType) type).getElementType();
          assertHolds(said.get(i), elementType, elements[i], path + "/" + i);
        }
      }
      case MAP -> {
        Map<?, ?> map = (Map<?, ?>) held;
        assertEquals(said.size(), map.size(), path);
        for (Map.Entry<String, JsonNode> entry : said.properties()) {
          LogicalType valueType = ((MapType) type).getValueType();
          assertHolds(entry.getValue(), valueType, map.get(entry.getKey()), path);
        }
      }
      default -> throw new IllegalStateException(path + " is a " + type);
    }
  }

  @ParameterizedTest
  @EnumSource
  void latestRowOfAKeyIsTheOneThatWasFetchedLast(Mode mode) {
    for (String topic : List.of(INSTANCES, TASKS)) {
      Map<String, JsonNode> expected = new TreeMap<>();
      Comparator<JsonNode> age = Comparator.comparing(FlinkSqlTest::fetchedAt);
      // In the order of offsets: of two that are equally old, the later one stays.
      topics
          .readJson(topic)
          .forEach(
              event ->
                  expected.merge(
                      key(topic, event), event, (a, b) -> age.compare(a, b) > 0 ? a : b));
      String columns =
          topic.equals(TASKS)
              ? "taskInstId, state, observationId, fetchedAt FROM latest_tasks"
              : "instanceId, enrichment.state, observationId, fetchedAt FROM latest_instances";

      List<Row> rows = session(mode).query("SELECT " + columns);

      assertEquals(
          expected.entrySet().stream()
              .map(
                  entry ->
                      Row.of(
                          entry.getKey(),
                          computed(entry.getValue()).get("state").textValue(),
                          observationId(entry.getValue()),
                          fetchedAt(entry.getValue())))
              .collect(toSet()),
          new HashSet<>(rows));
      assertEquals(expected.size(), rows.size());
    }
  }

  @ParameterizedTest
  @EnumSource
  void oldRowThatComesLateDoesNotWin(Mode mode) {
    Map<String, JsonNode> last = new HashMap<>();
    topics.readJson(TASKS).stream()
        .filter(FlinkSqlTest::isOfStepping)
        .forEach(event -> last.put(key(TASKS, event), event));
    assertEquals(4, last.size());
    last.values().forEach(late -> assertEquals("WAITING", late.get("state").textValue()));

    for (String view : List.of("latest_tasks", "current_tasks")) {
      List<Row> rows =
          session(mode)
              .query(
                  "SELECT DISTINCT state, flowInstance.state FROM %s WHERE instanceId = '%s'"
                      .formatted(view, PublishedTopics.STEPPING));
      assertEquals(List.of(Row.of("SUCCEEDED", "SUCCEEDED")), rows, view);
    }
    assertEquals(
        List.of(Row.of("SUCCEEDED", true)),
        session(mode)
            .query(
                "SELECT enrichment.state, enrichment.settled FROM latest_instances"
                    + " WHERE instanceId = '%s'".formatted(PublishedTopics.STEPPING)));
  }

  @ParameterizedTest
  @EnumSource
  void observationIsCompleteWhenEachOfItsTasksHasCome(Mode mode) {
    List<Row> rows =
        session(mode).query("SELECT observationId, arrived, taskCount, complete FROM observations");

    Map<String, Row> byObservation = new HashMap<>();
    rows.forEach(row -> byObservation.put((String) row.getField(0), row));
    assertEquals(rows.size(), byObservation.size());
    Map<String, Set<Integer>> indexes =
        topics.readJson(TASKS).stream()
            .collect(
                groupingBy(
                    FlinkSqlTest::observationId,
                    mapping(event -> event.get("index").intValue(), toSet())));
    for (JsonNode instance : topics.readJson(INSTANCES)) {
      String observationId = observationId(instance);
      long arrived = indexes.getOrDefault(observationId, Set.of()).size();
      boolean complete = !observationId.equals(PublishedTopics.INCOMPLETE);
      int taskCount = instance.at("/enrichment/taskCount").intValue();
      assertEquals(
          Row.of(observationId, arrived, taskCount, complete), byObservation.get(observationId));
      assertEquals(complete, arrived == taskCount);
    }
    assertTrue(rows.stream().anyMatch(row -> row.getField(1).equals(1000L)), "1,000 tasks");
    assertTrue(rows.stream().anyMatch(row -> row.getField(1).equals(0L)), "no task");
  }

  @ParameterizedTest
  @EnumSource
  void currentTasksAreThoseOfTheLatestObservationOfTheirInstance(Mode mode) {
    Map<String, JsonNode> latest = new HashMap<>();
    topics
        .readJson(INSTANCES)
        .forEach(
            instance ->
                latest.merge(
                    key(INSTANCES, instance),
                    instance,
                    (a, b) -> fetchedAt(a).isAfter(fetchedAt(b)) ? a : b));
    Set<String> observationIds =
        latest.values().stream().map(FlinkSqlTest::observationId).collect(toSet());
    Set<Row> expected =
        topics.readJson(TASKS).stream()
            .filter(event -> observationIds.contains(observationId(event)))
            .map(event -> Row.of(observationId(event), event.get("index").intValue()))
            .collect(toSet());

    List<Row> rows = session(mode).query("SELECT observationId, `index` FROM current_tasks");

    assertEquals(expected, new HashSet<>(rows));
    assertEquals(expected.size(), rows.size());
  }

  @ParameterizedTest
  @EnumSource
  void failuresAreCountedOncePerTaskAndHour(Mode mode) {
    Map<Row, Set<String>> expected =
        topics.readJson(TASKS).stream()
            .filter(event -> event.get("state").textValue().equals("FAILED"))
            .collect(
                groupingBy(
                    event ->
                        Row.of(
                            LocalDateTime.ofInstant(fetchedAt(event), ZoneOffset.UTC)
                                .truncatedTo(ChronoUnit.HOURS),
                            event.at("/flowInstance/flowId").longValue()),
                    mapping(event -> key(TASKS, event), toSet())));

    List<Row> rows =
        session(mode).query("SELECT window_start, flowId, failures FROM failures_per_hour");

    Map<Row, Object> actual = new HashMap<>();
    rows.forEach(row -> actual.put(Row.of(row.getField(0), row.getField(1)), row.getField(2)));
    assertEquals(rows.size(), actual.size());
    Map<Row, Object> counts = new HashMap<>();
    expected.forEach((window, tasks) -> counts.put(window, (long) tasks.size()));
    assertEquals(counts, actual);
    assertTrue(counts.keySet().stream().anyMatch(window -> window.getField(1).equals(1005L)));
  }

  @ParameterizedTest
  @EnumSource
  void deadLettersComeWithTheirHeadersAndTheIdRecordAsItCame(Mode mode) {
    Map<String, ConsumerRecord<byte[], byte[]>> expected = new HashMap<>();
    for (ConsumerRecord<byte[], byte[]> record : topics.read(DEAD_LETTERS)) {
      String place =
          header(record, "dead-letter-partition") + "-" + header(record, "dead-letter-offset");
      assertEquals(null, expected.put(place, record));
    }

    List<Row> rows = session(mode).query("SELECT * FROM dead_letter_reasons");

    assertEquals(expected.size(), rows.size());
    for (Row row : rows) {
      ConsumerRecord<byte[], byte[]> record =
          expected.get(row.getField("recordPartition") + "-" + row.getField("recordOffset"));
      assertEquals(header(record, "dead-letter-reason"), row.getField("reason"));
      assertEquals(header(record, "dead-letter-message"), row.getField("message"));
      assertEquals(header(record, "dead-letter-instance-id"), row.getField("instanceId"));
      assertEquals(header(record, "dead-letter-http-status"), row.getField("httpStatus"));
      assertEquals(header(record, "dead-letter-api-code"), row.getField("apiCode"));
      assertEquals(header(record, "dead-letter-attempts"), row.getField("attempts").toString());
      assertEquals(header(record, "dead-letter-replays"), row.getField("replays").toString());
      assertEquals(header(record, "dead-letter-left-out"), row.getField("leftOut"));
      assertEquals("flow-instance-ids", row.getField("topic"));
      assertEquals(
          Instant.parse(header(record, "dead-letter-failed-at")), row.getField("failedAt"));
      assertArrayEquals(record.value(), (byte[]) row.getField("value"));
    }
    Set<Object> reasons = rows.stream().map(row -> row.getField("reason")).collect(toSet());
    assertTrue(
        reasons.containsAll(
            Set.of("MALFORMED_ID", "REJECTED_BY_API", "UNREADABLE_RESPONSE", "UNREADABLE_TASK")),
        reasons::toString);
    assertTrue(expected.values().stream().anyMatch(record -> record.value() == null));
  }

  @ParameterizedTest
  @EnumSource
  void rowsOfAnAbortedTransactionAreNotSeen(Mode mode) {
    Map<String, String> tables =
        Map.of(INSTANCES, "flow_instances", TASKS, "task_statuses", DEAD_LETTERS, "dead_letters");
    for (Map.Entry<String, String> table : tables.entrySet()) {
      long committed = topics.read(table.getKey()).size();
      assertTrue(topics.readUncommitted(table.getKey()).size() > committed, table.getKey());
      assertEquals(
          List.of(Row.of(committed)),
          session(mode).query("SELECT COUNT(*) FROM " + table.getValue()));
    }
  }

  @ParameterizedTest
  @EnumSource
  void unreadableTasksCostTheOthersNothing(Mode mode) {
    List<JsonNode> expected =
        topics.readJson(INSTANCES).stream()
            .filter(instance -> !instance.at("/graph/unreadableTasks").isEmpty())
            .toList();
    assertTrue(expected.size() > 5, () -> "instances with unreadable tasks: " + expected.size());

    List<Row> rows =
        session(mode)
            .query(
                "SELECT i.observationId, CARDINALITY(i.graph.tasks), u.`index`, u.`raw`"
                    + " FROM flow_instances AS i CROSS JOIN UNNEST(i.graph.unreadableTasks) AS u");

    Set<Row> unreadable = new HashSet<>();
    for (JsonNode instance : expected) {
      for (JsonNode task : instance.at("/graph/unreadableTasks")) {
        unreadable.add(
            Row.of(
                observationId(instance),
                instance.at("/graph/tasks").size(),
                task.get("index").intValue(),
                task.get("raw").textValue()));
      }
    }
    assertEquals(unreadable, new HashSet<>(rows));
    assertEquals(unreadable.size(), rows.size());
  }

  @Test
  void tablesWithoutAnEndGiveRowsAtOnce() {
    try (FlinkSession session = new FlinkSession(topics.bootstrapServers())) {
      session.run("tables.sql");
      session.run("views.sql");
      int committed = topics.read(TASKS).size();

      Set<Object> observationIds =
          session.first(committed, "SELECT observationId FROM task_statuses").stream()
              .map(row -> row.getField(0))
              .collect(toSet());

      assertEquals(
          new TreeSet<>(topics.readJson(TASKS).stream().map(FlinkSqlTest::observationId).toList()),
          observationIds);
    }
  }

  private static boolean isOfStepping(JsonNode event) {
    return event.get("instanceId").textValue().equals(PublishedTopics.STEPPING);
  }

  private static String key(String topic, JsonNode event) {
    return event.get(topic.equals(TASKS) ? "taskInstId" : "instanceId").textValue();
  }

  /** Where a message has its computed fields. */
  private static JsonNode computed(JsonNode event) {
    return event.has("enrichment") ? event.get("enrichment") : event;
  }

  private static Instant fetchedAt(JsonNode event) {
    return Instant.parse(computed(event).get("fetchedAt").textValue());
  }

  private static String observationId(JsonNode event) {
    return computed(event).get("observationId").textValue();
  }
}
