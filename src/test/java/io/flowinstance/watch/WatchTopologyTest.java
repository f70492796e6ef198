package io.flowinstance.watch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonPointer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.util.RawValue;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.event.EventZones;
import io.flowinstance.event.FlowInstanceEvent;
import io.flowinstance.event.Observation;
import io.flowinstance.graph.FlowInstanceDecoder;
import io.flowinstance.harness.Mutations;
import io.flowinstance.json.Json;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class WatchTopologyTest {
  private static final int INIT = 0;
  private static final int SUCCESS = 1;
  private static final int RUNNING = 2;
  private static final int FAIL = -1;

  private boolean pending;
  private final Set<String> pendingIds = new HashSet<>();
  private final List<Instant> askedAbout = new ArrayList<>();
  private WatchBed bed = bed("earliest", 1000, 1000);

  private WatchBed bed(String from, int maxIdsPerSecond, int maxInstances) {
    if (bed != null) {
      bed.close();
    }
    return new WatchBed(
        WatchBed.settings(from, maxIdsPerSecond, maxInstances),
        (id, sentAt) -> {
          askedAbout.add(sentAt);
          return pending || pendingIds.contains(id);
        });
  }

  @AfterEach
  void close() {
    bed.close();
  }

  private static void pass(WatchBed bed, int seconds) {
    bed.pass(Duration.ofSeconds(seconds));
  }

  @Test
  void theFirstSightOfAnInstanceIsATransitionOfItAndOfEachTask() {
    bed.observe("i", RUNNING, "b=SUCCESS", "a=RUNNING");

    List<JsonNode> transitions = bed.transitions();
    assertEquals(
        "{\"kind\":\"INSTANCE\",\"instanceId\":\"i\",\"flowId\":7,\"flowName\":\"nightly\","
            + "\"sequence\":1,\"attempt\":1,\"first\":true,\"status\":\"RUNNING\","
            + "\"state\":\"RUNNING\",\"settled\":false,"
            + "\"observedAt\":\"2026-01-01T00:00:00.000Z\","
            + "\"observationId\":\"flow-instance-ids-0-0\",\"orgId\":\"org/1\"}",
        transitions.get(0).toString());
    assertEquals(
        "{\"kind\":\"TASK\",\"instanceId\":\"i\",\"taskInstId\":\"b\",\"taskId\":\"id-b\","
            + "\"nodeId\":\"t_b\",\"taskName\":\"name of b\",\"flowId\":7,"
            + "\"flowName\":\"nightly\",\"sequence\":2,\"attempt\":1,\"first\":true,"
            + "\"status\":\"SUCCESS\",\"state\":\"SUCCEEDED\",\"settled\":true,"
            + "\"observedAt\":\"2026-01-01T00:00:00.000Z\","
            + "\"observationId\":\"flow-instance-ids-0-0\",\"orgId\":\"org/1\"}",
        transitions.get(1).toString());
    assertEquals("a", transitions.get(2).get("taskInstId").textValue());
    assertEquals(3, transitions.size());
    assertEquals(1, bed.metric("transitions", "kind", "task", "state", "SUCCEEDED"));
  }

  @Test
  void aTransitionIsACloudEventKeyedByItsInstance() {
    bed.observe("i", RUNNING, "a=RUNNING");

    List<TestRecord<byte[], byte[]>> records = bed.records();
    List<String> headers =
        StreamSupport.stream(records.get(1).headers().spliterator(), false)
            .map(header -> header.key() + "=" + new String(header.value(), UTF_8))
            .sorted()
            .toList();
    assertEquals(
        List.of(
            "ce_dataschema=https://schemas.example/flow-instance-transition.v1.schema.json",
            "ce_id=flow-instance-ids-0-0/transition/1",
            "ce_source=/enos/org%2F1",
            "ce_specversion=1.0",
            "ce_subject=i",
            "ce_time=2026-01-01T00:00:00.000Z",
            "ce_type=io.flowinstance.flow-instance-transition.v1",
            "content-type=application/json"),
        headers);
    assertEquals("i", new String(records.get(1).key(), UTF_8));
    assertEquals(WatchBed.START, records.get(1).getRecordTime());
  }

  @Test
  void aChangeLiesBetweenTwoObservations() {
    bed.observe("i", RUNNING, "a=RUNNING", "b=INIT");
    pass(bed, 5);
    bed.observe("i", RUNNING, "a=RUNNING", "b=INIT");
    pass(bed, 5);
    bed.transitions();

    bed.observe("i", RUNNING, "a=SUCCESS", "b=INIT");

    assertEquals(
        List.of(
            "{\"kind\":\"TASK\",\"instanceId\":\"i\",\"taskInstId\":\"a\",\"taskId\":\"id-a\","
                + "\"nodeId\":\"t_a\",\"taskName\":\"name of a\",\"flowId\":7,"
                + "\"flowName\":\"nightly\",\"sequence\":4,\"attempt\":1,\"first\":false,"
                + "\"previousStatus\":\"RUNNING\",\"previousState\":\"RUNNING\","
                + "\"status\":\"SUCCESS\",\"state\":\"SUCCEEDED\",\"settled\":true,"
                + "\"previousSince\":\"2026-01-01T00:00:00.000Z\","
                + "\"previousLastSeenAt\":\"2026-01-01T00:00:05.000Z\","
                + "\"observedAt\":\"2026-01-01T00:00:10.000Z\","
                + "\"observationId\":\"flow-instance-ids-0-2\",\"orgId\":\"org/1\"}"),
        bed.transitions().stream().map(JsonNode::toString).toList());
  }

  @Test
  void nothingIsPublishedOfWhatStaysTheSame() {
    bed.observe("i", RUNNING, "a=RUNNING");
    bed.transitions();
    pass(bed, 5);
    bed.observe("i", RUNNING, "a=RUNNING");
    assertEquals(List.of(), bed.transitions());
  }

  @Test
  void anInstanceThatOnlySettlesIsATransition() {
    bed.observe("i", FAIL, "a=RUNNING");
    bed.transitions();
    pass(bed, 5);
    bed.observe("i", FAIL, "a=FAIL");

    List<JsonNode> transitions = bed.transitions();
    assertEquals(2, transitions.size());
    assertEquals("FAIL", transitions.get(0).get("previousStatus").textValue());
    assertTrue(transitions.get(0).get("settled").booleanValue());
  }

  @Test
  void anOlderObservationIsDroppedAndOfTheSameTimeTheLaterCounts() {
    ObjectNode older = bed.message("i", INIT);
    pass(bed, 5);
    bed.observe("i", RUNNING);
    bed.observe(older);
    assertEquals(List.of("instance - → RUNNING"), bed.changes());
    assertEquals(1, bed.metric("dropped"));

    bed.observe("i", SUCCESS);
    assertEquals(List.of("instance RUNNING → SUCCESS"), bed.changes());
  }

  @Test
  void aTaskThatVanishedIsRemovedAfterTheOthers() {
    bed.observe("i", RUNNING, "a=RUNNING", "b=RUNNING");
    bed.transitions();
    pass(bed, 5);
    bed.observe("i", RUNNING, "b=SUCCESS");

    List<JsonNode> transitions = bed.transitions();
    assertEquals("b", transitions.get(0).get("taskInstId").textValue());
    JsonNode removed = transitions.get(1);
    assertEquals("a", removed.get("taskInstId").textValue());
    assertEquals("REMOVED", removed.get("state").textValue());
    assertEquals("RUNNING", removed.get("previousStatus").textValue());
    assertFalse(removed.has("status"));
    bed.observe("i", RUNNING, "b=SUCCESS");
    assertEquals(List.of(), bed.transitions());
  }

  @Test
  void aTaskIsNotRemovedWhileATaskIsUnreadable() {
    bed.observe("i", RUNNING, "a=RUNNING");
    bed.transitions();
    pass(bed, 5);
    ObjectNode unreadable = bed.message("i", RUNNING);
    unreadable.withArray("/graph/unreadableTasks").addObject().put("index", 0).put("raw", "7");
    bed.observe(unreadable);
    assertEquals(List.of(), bed.transitions());

    pass(bed, 5);
    bed.observe("i", RUNNING, "a=SUCCESS");
    JsonNode change = bed.transitions().get(0);
    assertEquals("RUNNING", change.get("previousStatus").textValue());
    assertEquals("2026-01-01T00:00:00.000Z", change.get("previousLastSeenAt").textValue());
  }

  @Test
  void ofATaskThatStandsTwiceTheLastCountsAndOneWithoutStatusIsUnknown() {
    ObjectNode twice = bed.message("i", RUNNING, "a=RUNNING", "a=SUCCESS", "b=INIT");
    ((ObjectNode) twice.at("/graph/tasks/2")).remove("status");
    bed.observe(twice);
    assertEquals(List.of("instance - → RUNNING", "a - → SUCCESS", "b - → UNKNOWN"), bed.changes());
  }

  @Test
  void anUnknownCodeWithABlankNameAppearsAsItsDigits() {
    bed.observe(bed.message("i", 11, "a= ").put("statusDesc", ""));
    bed.observe(bed.message("i", 12, "a=RUNNING").put("statusDesc", " "));

    assertEquals(
        List.of("instance - → 11", "a - → UNKNOWN", "instance 11 → 12", "a UNKNOWN → RUNNING"),
        bed.changes());
  }

  @Test
  void aReRunRaisesTheAttemptOnceThoughItsStartIsSeenLater() {
    started("i", SUCCESS, "2026-01-01T00:00:00Z", "a=SUCCESS", "b=SUCCESS");
    started("i", INIT, null, "a=INIT", "b=SUCCESS");
    started("i", RUNNING, "2026-01-01T00:05:00Z", "a=RUNNING", "b=SUCCESS");
    started("i", SUCCESS, "2026-01-01T00:05:00Z", "a=SUCCESS", "b=SUCCESS");
    assertEquals(
        List.of(
            "1 instance",
            "1 a",
            "1 b",
            "2 instance",
            "2 a",
            "2 instance",
            "2 a",
            "2 instance",
            "2 a"),
        attempts());
  }

  @Test
  void aReRunRaisesTheAttemptOnceThoughItsStartIsSeenFirst() {
    started("i", SUCCESS, "2026-01-01T00:00:00Z");
    started("i", SUCCESS, "2026-01-01T00:05:00Z");
    started("i", RUNNING, "2026-01-01T00:05:00Z");
    started("i", SUCCESS, "2026-01-01T00:05:00Z");
    started("i", RUNNING, "2026-01-01T00:05:00Z");
    assertEquals(
        List.of("1 instance", "2 instance", "2 instance", "2 instance", "3 instance"), attempts());
  }

  @Test
  void reRunsThatOnlyTheStartShowsAreTransitionsOfTheInstance() {
    started("i", SUCCESS, "2026-01-01T00:00:00Z");
    started("i", SUCCESS, "2026-01-01T00:05:00Z");
    started("i", SUCCESS, null);
    started("i", SUCCESS, "2026-01-01T00:09:00Z");
    started("i", RUNNING, "2026-01-01T00:11:00Z");
    started("i", RUNNING, "2026-01-01T00:12:00Z");
    assertEquals(
        List.of("1 instance", "2 instance", "3 instance", "4 instance", "5 instance"), attempts());
  }

  @Test
  void theFirstStartOfAnInstanceIsNoReRun() {
    started("i", INIT, null);
    started("i", RUNNING, "2026-01-01T00:05:00Z");
    assertEquals(List.of("1 instance", "1 instance"), attempts());
  }

  private void started(String id, int status, String startedAt, String... tasks) {
    pass(bed, 1);
    ObjectNode message = bed.message(id, status, tasks);
    if (startedAt != null) {
      ((ObjectNode) message.get("enrichment")).put("startedAt", startedAt);
    }
    bed.observe(message);
  }

  private List<String> attempts() {
    return bed.transitions().stream()
        .map(each -> each.get("attempt") + " " + each.path("taskInstId").asText("instance"))
        .toList();
  }

  @Test
  void anInstanceIsAskedForSoonAfterAChangeAndLaterTheLongerNothingChanges() {
    bed.observe("i", RUNNING);
    Instant changed = bed.now();
    List<Long> waits = new ArrayList<>();
    while (bed.now().isBefore(changed.plusSeconds(3600))) {
      Instant observed = bed.now();
      while (bed.ids().isEmpty()) {
        pass(bed, 1);
      }
      long wait = Duration.between(observed, bed.now()).toSeconds();
      double most =
          Math.min(300, Math.max(10, Duration.between(changed, observed).toSeconds() / 2.0));
      assertTrue(wait >= most * 0.8 && wait <= most + 1, wait + " of " + most);
      waits.add(wait);
      bed.observe("i", RUNNING);
    }
    assertTrue(waits.size() < 25, waits::toString);
  }

  @Test
  void anIdIsSentWithTheUserAndOrganizationOfItsObservation() {
    bed.observe("i", RUNNING);
    pass(bed, 11);
    TestRecord<byte[], byte[]> sent = bed.idRecords().get(0);
    assertEquals("i", new String(sent.key(), UTF_8));
    assertEquals(
        "{\"flowInstId\":\"i\",\"userId\":\"user\",\"orgId\":\"org/1\"}",
        new String(sent.value(), UTF_8));
    assertEquals(1, bed.metric("sent"));
  }

  @Test
  void ifIdsOfAUserBringNothingEveryOtherOneNamesNobody() {
    bed.observe("i", RUNNING);
    List<Boolean> named = new ArrayList<>();
    for (int second = 1; second <= 500; second++) {
      pass(bed, 1);
      bed.idRecords()
          .forEach(sent -> named.add(new String(sent.value(), UTF_8).contains("userId")));
    }

    assertEquals(List.of(true, true, false, true), named);
  }

  @Test
  void anObservationThatOthersAskedForPutsOffTheNextQuestion() {
    bed.observe("i", RUNNING);
    pass(bed, 7);
    bed.observe("i", RUNNING);
    pass(bed, 7);
    assertEquals(List.of(), bed.ids());
    pass(bed, 4);
    assertEquals(List.of("i"), bed.ids());
  }

  @Test
  void aSettledInstanceIsAskedForUntilItRestsAndIsForgottenLater() {
    bed.observe("i", SUCCESS);
    int asked = 0;
    for (int second = 0; second < 120; second++) {
      pass(bed, 1);
      if (!bed.ids().isEmpty()) {
        asked++;
        assertTrue(second <= 60, "asked after " + second);
        bed.observe("i", SUCCESS);
      }
    }
    assertTrue(asked >= 3, "asked " + asked);
    assertEquals(1, bed.metric("settled"));
    assertEquals(1, bed.metric("watched"));

    bed.pass(Duration.ofMinutes(58));
    assertEquals(1, bed.remembered());
    bed.pass(Duration.ofMinutes(2));
    assertEquals(0, bed.remembered());
    assertEquals(0, bed.metric("watched"));
  }

  @Test
  void anInstanceThatIsReRunWhileItRestsIsAskedForAgain() {
    bed.observe("i", SUCCESS);
    pass(bed, 9);
    bed.ids();
    bed.pass(Duration.ofMinutes(30));
    bed.ids();
    bed.observe("i", RUNNING);
    pass(bed, 11);
    assertEquals(List.of("i"), bed.ids());
    assertEquals(0, bed.metric("settled"));
  }

  @Test
  void whatIsStillObservedIsNotForgotten() {
    bed.observe("i", SUCCESS);
    bed.transitions();
    for (int i = 0; i < 5; i++) {
      bed.pass(Duration.ofMinutes(50));
      bed.observe("i", SUCCESS);
    }
    assertEquals(List.of(), bed.transitions());
  }

  @Test
  void anIdIsNotSentAgainWhileItIsPending() {
    pending = true;
    bed.observe("i", RUNNING);
    bed.pass(Duration.ofHours(3));
    assertEquals(1, bed.ids().size());
    assertEquals(1, askedAbout.stream().distinct().count());

    pending = false;
    bed.pass(Duration.ofMinutes(3));
    assertEquals(1, bed.ids().size());
    assertEquals(0, bed.metric("given.up"));
  }

  @Test
  void anInstanceIsNotForgottenWhileItsIdIsPending() {
    pending = true;
    bed.observe("i", SUCCESS);
    bed.pass(Duration.ofHours(3));
    assertEquals(1, bed.ids().size());
    bed.transitions();

    bed.observe("i", SUCCESS);
    assertEquals(List.of(), bed.transitions());

    pending = false;
    bed.pass(Duration.ofHours(3));
    bed.observe("i", SUCCESS);
    assertTrue(bed.transitions().get(0).path("first").asBoolean());
  }

  @Test
  void anInstanceWhoseIdIsPendingKeepsNoOtherFromBeingForgotten() {
    pendingIds.add("i");
    bed.observe("i", SUCCESS);
    bed.observe("j", SUCCESS);
    bed.pass(Duration.ofHours(3));
    bed.transitions();

    bed.observe("i", SUCCESS);
    assertEquals(List.of(), bed.transitions());
    bed.observe("j", SUCCESS);
    assertTrue(bed.transitions().get(0).path("first").asBoolean());
  }

  @Test
  void anObservationAfterAnOutageMakesNoSecondQuestion() {
    pending = true;
    bed.observe("i", RUNNING);
    bed.pass(Duration.ofHours(3));
    pending = false;
    bed.ids();
    bed.observe("i", SUCCESS);
    pass(bed, 7);
    assertEquals(List.of(), bed.ids());
    bed.pass(Duration.ofMinutes(1));
    assertEquals(1, bed.ids().size());
  }

  @Test
  void anIdThatBringsNothingIsSentAfterGrowingPausesAndGivenUp() {
    bed.observe("i", RUNNING);
    List<Long> sentAt = new ArrayList<>();
    for (long second = 1; second <= 1500; second++) {
      pass(bed, 1);
      if (!bed.ids().isEmpty()) {
        sentAt.add(second);
      }
    }
    List<Long> pauses =
        IntStream.range(1, sentAt.size()).mapToObj(i -> sentAt.get(i) - sentAt.get(i - 1)).toList();
    assertEquals(List.of(60L, 120L, 240L), pauses);
    assertEquals(1, bed.metric("given.up"));
    assertEquals(0, bed.remembered());
  }

  @Test
  void thePauseStaysUnderTheLongest() {
    Schedule schedule = new Schedule(WatchBed.settings("earliest", 1, 1), Long.MIN_VALUE);
    assertEquals(300_000, schedule.pause(4));
    assertEquals(300_000, schedule.pause(Integer.MAX_VALUE));
  }

  @Test
  void noMoreIdsAreSentThanTheCapAllowsAndTheOldestGoFirst() {
    bed = bed("earliest", 2, 1000);
    List<String> sent = new ArrayList<>();
    bed.observe("oldest", RUNNING);
    pass(bed, 4);
    IntStream.range(0, 20).forEach(i -> bed.observe("i" + i, RUNNING));
    for (int second = 0; sent.size() < 21; second++) {
      assertTrue(second < 22, sent::toString);
      pass(bed, 1);
      List<String> now = bed.ids();
      assertTrue(now.size() <= 2, now::toString);
      sent.addAll(now);
      if (second == 12) {
        assertEquals(21, sent.size() + bed.metric("due"));
      }
    }
    assertEquals("oldest", sent.get(0));
    assertEquals(21, sent.stream().distinct().count());
    assertEquals(0, bed.metric("due"));
  }

  @Test
  void aFullPartitionForgetsWhatSettledFirst() {
    bed = bed("earliest", 1000, 2);
    bed.observe("first", SUCCESS);
    pass(bed, 61);
    bed.observe("first", SUCCESS);
    bed.observe("second", RUNNING);
    bed.transitions();

    bed.observe("third", RUNNING);
    assertEquals(2, bed.remembered());
    assertEquals(0, bed.metric("not.watched"));
    bed.observe("first", SUCCESS);
    assertEquals(1, bed.metric("not.watched"));
    List<JsonNode> transitions = bed.transitions();
    assertTrue(transitions.get(1).get("first").booleanValue());
    assertEquals("first", transitions.get(1).get("instanceId").textValue());
    assertEquals(2, bed.remembered());
  }

  @Test
  void anInstanceWithTooManyTasksIsPublishedAndNotWatched() {
    bed.observe(
        "i",
        RUNNING,
        IntStream.range(0, 30_000).mapToObj(i -> "task-" + i + "=SUCCESS").toArray(String[]::new));
    assertEquals(30_001, bed.records().size());
    assertEquals(0, bed.remembered());
    assertEquals(1, bed.metric("not.watched"));
  }

  @Test
  void historyIsRememberedAndNeitherPublishedNorAskedFor() {
    ObjectNode before = bed.message("i", RUNNING, "a=RUNNING");
    bed = bed("2026-01-01T00:00:01Z", 1000, 1000);
    pass(bed, 2);
    bed.observe(before);
    pass(bed, 60);
    assertEquals(List.of(), bed.transitions());
    assertEquals(List.of(), bed.ids());
    assertEquals(1, bed.remembered());

    bed.observe("i", RUNNING, "a=SUCCESS");
    assertEquals(List.of("a RUNNING → SUCCESS"), bed.changes());
    pass(bed, 11);
    assertEquals(List.of("i"), bed.ids());
  }

  @Test
  void oldHistoryIsNotKept() {
    ObjectNode before = bed.message("i", SUCCESS);
    bed = bed("2026-01-01T00:00:01Z", 1000, 1000);
    bed.pass(Duration.ofHours(2));
    bed.observe(before);
    assertEquals(0, bed.remembered());
    assertEquals(0, bed.metric("not.watched"));
  }

  @Test
  void whatIsReadFromAnOldBacklogIsComparedToo() {
    ObjectNode first = bed.message("i", SUCCESS);
    pass(bed, 10);
    ObjectNode second = bed.message("i", SUCCESS);
    bed.pass(Duration.ofHours(2));
    bed.observe(first);
    bed.observe(second);
    assertEquals(List.of("instance - → SUCCESS"), bed.changes());

    pass(bed, 10);
    assertEquals(0, bed.remembered());
  }

  @Test
  void aRestartDoesNotMoveNow() {
    bed = bed("now", 1000, 1000);
    pass(bed, 10);
    ObjectNode afterTheFirstStart = bed.message("i", RUNNING);
    pass(bed, 10);
    bed.restart();
    bed.observe(afterTheFirstStart);
    assertEquals(List.of("instance - → RUNNING"), bed.changes());
  }

  @Test
  void aRestartThatBeginsWithNowAsksOnForWhatIsRemembered() {
    bed.observe("i", RUNNING);
    pass(bed, 1);
    bed.restart(WatchBed.settings("now", 1000, 1000));
    bed.ids();
    pass(bed, 30);
    assertEquals(Set.of("i"), Set.copyOf(bed.ids()));
  }

  @Test
  void aRestartForgetsNeitherStatusesNorWhatIsDue() {
    bed.observe("i", RUNNING, "a=RUNNING");
    bed.observe("j", SUCCESS);
    bed.transitions();
    bed.restart();
    assertEquals(2, bed.metric("watched"));
    pass(bed, 11);
    assertEquals(List.of("i", "j"), bed.ids().stream().sorted().toList());
    bed.observe("i", RUNNING, "a=SUCCESS");
    JsonNode change = bed.transitions().get(0);
    assertEquals(3, change.get("sequence").intValue());
    assertEquals("RUNNING", change.get("previousStatus").textValue());

    bed.restart();
    bed.pass(Duration.ofHours(2));
    assertEquals(0, bed.remembered());
  }

  @Test
  void nothingIsAskedForWhileOlderObservationsStillCome() {
    ObjectNode first = bed.message("i", RUNNING);
    bed.pass(Duration.ofMinutes(5));
    ObjectNode second = bed.message("j", RUNNING);
    bed.pass(Duration.ofMinutes(5));
    bed.restart();
    pass(bed, 1);
    bed.observe(first);
    pass(bed, 1);
    bed.observe(second);
    pass(bed, 1);
    assertEquals(List.of(), bed.ids());
    pass(bed, 1);
    assertEquals(2, bed.ids().size());
  }

  @Test
  void readsWhatThePipelinePublishesOfTextsInsideEachOther() throws Exception {
    String deepest = "[".repeat(Json.MAX_NESTING) + "]".repeat(Json.MAX_NESTING);
    String longest = "9".repeat(Json.MAX_NUMBER_LENGTH - 2) + "E9";
    ObjectNode graph = JsonNodeFactory.instance.objectNode();
    graph
        .withArray("tasks")
        .addObject()
        .put("taskInstId", "1")
        .put("status", "RUNNING")
        .put("parameters", deepest)
        .putRawValue("more", new RawValue(longest));
    ObjectNode data = JsonNodeFactory.instance.objectNode();
    data.put("instanceId", "i").put("status", RUNNING);
    data.put("graph", new String(Json.write(graph), UTF_8));

    bed.send(
        FlowInstanceEvent.of(
                new FlowInstanceDecoder().decode(data, "i"),
                new EventZones(ZoneOffset.UTC, ZoneOffset.UTC),
                new Observation("ids-0-0", "u", "o", Instant.EPOCH, Instant.EPOCH))
            .toJson());

    assertEquals(List.of("instance - → RUNNING", "1 - → RUNNING"), bed.changes());
  }

  @ParameterizedTest
  @NullSource
  @ValueSource(
      strings = {
        "",
        "null",
        "7",
        "[]",
        "{",
        "{}",
        "{\"instanceId\":\"i\"}",
        "{\"instanceId\":\"i\",\"graph\":{\"tasks\":[null],\"unreadableTasks\":[]},"
            + "\"enrichment\":{\"userId\":\"u\",\"orgId\":\"o\",\"observationId\":\"t-0-0\","
            + "\"fetchedAt\":\"2026-01-01T00:00:00.000Z\"}}",
        "{\"instanceId\":\"i\",\"graph\":{\"tasks\":[{}],\"unreadableTasks\":[]},"
            + "\"enrichment\":{\"userId\":\"u\",\"orgId\":\"o\",\"observationId\":\"t-0-0\","
            + "\"fetchedAt\":\"2026-01-01T00:00:00.000Z\"}}",
        "{\"instanceId\":\"i\",\"graph\":{\"tasks\":[],\"unreadableTasks\":[]},"
            + "\"enrichment\":{\"userId\":\"u\",\"orgId\":\"o\",\"observationId\":\"t-0-0\","
            + "\"fetchedAt\":\"yesterday\"}}",
        "{\"instanceId\":\"i\",\"graph\":{\"tasks\":[],\"unreadableTasks\":[]},"
            + "\"enrichment\":{\"userId\":\"u\",\"orgId\":\"o\",\"observationId\":\"t-0-0\","
            + "\"fetchedAt\":\"2026-01-01T00:00:00.000Z\"}}",
        "{\"instanceId\":\"i\",\"status\":1e999999999,\"flowId\":1e999999999}"
      })
  void aRecordThatIsNoMessageIsSkippedAndCounted(String value) {
    bed.send(value == null ? null : value.getBytes(UTF_8));
    bed.observe("good", RUNNING);
    assertEquals(List.of("instance - → RUNNING"), bed.changes());
    assertEquals(1, bed.metric("unreadable"));
  }

  /** Jackson takes zeros and marks at the beginning for those of UTF-16 or UTF-32. */
  @Test
  void aRecordOfAnotherFormatIsSkippedAndCounted() {
    byte[] ofASchemaRegistry = {0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
    byte[][] values = {ofASchemaRegistry, {0, 'a', 0, 0}, {(byte) 0xfe, (byte) 0xff, 0, 0}};
    for (byte[] value : values) {
      bed.send(value);
    }
    bed.observe("good", RUNNING);

    assertEquals(List.of("instance - → RUNNING"), bed.changes());
    assertEquals(values.length, bed.metric("unreadable"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"/instanceId", "/flowName", "/statusDesc", "/graph/tasks/0/taskName"})
  void aTextThatFitsIntoNoTransitionIsSkippedAndCounted(String place) {
    ObjectNode message = bed.message("i", RUNNING, "a=RUNNING");
    int slash = place.lastIndexOf('/');
    ((ObjectNode) message.at(place.substring(0, slash)))
        .put(place.substring(slash + 1), "x".repeat(2_000_000));
    bed.observe(message);

    bed.observe("good", RUNNING);

    assertEquals(List.of("instance - → RUNNING"), bed.changes());
    assertEquals(1, bed.metric("unreadable"));
  }

  @Test
  void anIdThatTheApiIsAskedForIsNotTooLong() {
    String longest = "𝔦".repeat(256);
    assertEquals("", InstanceQuery.fault(longest));
    bed.observe(longest, RUNNING);
    assertEquals(List.of("instance - → RUNNING"), bed.changes());
  }

  @ParameterizedTest
  @CsvSource({
    "1969-12-31T23:59:59Z, 0",
    "-300000-01-01T00:00:00Z, 0",
    "2026-01-01T00:00:00Z, 1767225600000",
    "9999-12-31T23:59:59Z, 1767225600000",
    "+292278993-12-31T23:59:59Z, 1767225600000",
  })
  void aTransitionHasATimeThatBrokersTake(String fetchedAt, long timestamp) {
    ObjectNode message = bed.message("i", RUNNING);
    ((ObjectNode) message.get("enrichment")).put("fetchedAt", fetchedAt);
    bed.observe(message);

    assertEquals(List.of(timestamp), bed.records().stream().map(TestRecord::timestamp).toList());
    pass(bed, 400);
    bed.restart();
    bed.observe("good", RUNNING);
    assertEquals(List.of("instance - → RUNNING"), bed.changes());
  }

  @ParameterizedTest
  @ValueSource(strings = {"fetchedAt", "startedAt"})
  void aTimeBeyondAllTimesIsSkippedAndCounted(String field) {
    ObjectNode message = bed.message("i", RUNNING);
    ((ObjectNode) message.get("enrichment")).put(field, "+999999999-12-31T23:59:59Z");
    bed.observe(message);

    assertEquals(List.of(), bed.records());
    assertEquals(1, bed.metric("unreadable"));
  }

  @Test
  void noRecordStopsIt() {
    long seed = Long.getLong("attack.seed", System.nanoTime());
    Mutations mutations = new Mutations(seed);
    List<byte[]> messages = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      messages.add(Json.write(bed.message("i" + i % 3, i % 4, "a=RUNNING", "b=SUCCESS")));
    }
    for (int i = 1; i <= 1_000; i++) {
      bed.send(mutations.of(messages));
      bed.observe("good", i % 2 + 1);

      List<TestRecord<byte[], byte[]>> published = bed.records();
      TestRecord<byte[], byte[]> last = published.get(published.size() - 1);
      assertEquals("good", new String(last.key(), UTF_8), () -> "seed " + seed);
      for (TestRecord<byte[], byte[]> each : published) {
        assertTrue(each.key().length + each.value().length < 1_000_000, () -> "seed " + seed);
      }
      pass(bed, i % 10 == 0 ? 5 : 0);
    }
    bed.restart();
    pass(bed, 400);
    for (TestRecord<byte[], byte[]> each : bed.idRecords()) {
      assertTrue(each.value().length < 10_000, () -> "seed " + seed);
    }
  }

  /** What one field of a message may hold, as JSON. */
  private static Stream<String> oddValues() {
    Stream<String> texts =
        Stream.of(
            "",
            "\\ud800",
            "\\u0000",
            "x".repeat(950_000),
            "\\u0001".repeat(10_000),
            "1969-12-31T23:59:59.999Z",
            "2999-01-01T00:00:00Z",
            Instant.MIN.toString(),
            Instant.MAX.toString());
    return Stream.concat(
        Stream.of("null", "true", "-1", "7e-400", "1e9999999999", "9".repeat(99), "[]", "{}"),
        texts.map(text -> '"' + text + '"'));
  }

  @ParameterizedTest(name = "{index}")
  @MethodSource("oddValues")
  void whateverAFieldHoldsTheNextObservationIsPublishedAndNoRecordIsTooLarge(String value) {
    List<String> good = new ArrayList<>();
    for (String field :
        List.of(
            "/instanceId",
            "/flowId",
            "/flowName",
            "/status",
            "/statusDesc",
            "/more",
            "/graph",
            "/graph/unreadableTasks",
            "/graph/unreadableTasks/0",
            "/graph/tasks",
            "/graph/tasks/0",
            "/graph/tasks/0/taskInstId",
            "/graph/tasks/0/taskId",
            "/graph/tasks/0/nodeId",
            "/graph/tasks/0/taskName",
            "/graph/tasks/0/status",
            "/enrichment",
            "/enrichment/settled",
            "/enrichment/startedAt",
            "/enrichment/userId",
            "/enrichment/orgId",
            "/enrichment/observationId",
            "/enrichment/fetchedAt")) {
      ObjectNode message = bed.message("of " + field, RUNNING, "a=RUNNING");
      JsonPointer place = JsonPointer.compile(field);
      String name = place.last().getMatchingProperty();
      if (message.at(place.head()) instanceof ObjectNode object) {
        object.put(name, "(here)");
      } else {
        message.withArray(place.head()).insert(0, "(here)");
      }
      bed.send(message.toString().replace("\"(here)\"", value).getBytes(UTF_8));
      pass(bed, 11);
      good.add("good after " + field);
      bed.observe("good after " + field, RUNNING);
    }
    pass(bed, 11);

    List<TestRecord<byte[], byte[]>> published = bed.records();
    List<TestRecord<byte[], byte[]>> sent = bed.idRecords();
    assertTrue(keys(published).containsAll(good), () -> keys(published).toString());
    assertTrue(keys(sent).containsAll(good), () -> keys(sent).toString());
    published.addAll(sent);
    published.forEach(each -> assertTrue(size(each) < 1_000_000, () -> each.key().length + ""));
  }

  private static Set<String> keys(List<TestRecord<byte[], byte[]>> records) {
    return records.stream().map(each -> new String(each.key(), UTF_8)).collect(Collectors.toSet());
  }

  private static int size(TestRecord<byte[], byte[]> message) {
    int size = message.key().length + message.value().length;
    for (Header header : message.headers()) {
      size += header.key().length() + header.value().length;
    }
    return size;
  }

  @Test
  void anObservationFromTheFutureCountsAsOfNow() throws Exception {
    ObjectNode fromTheFuture = bed.message("i", RUNNING, "a=RUNNING");
    ((ObjectNode) fromTheFuture.get("enrichment")).put("fetchedAt", "2026-01-02T00:00:00.000Z");
    bed.observe(fromTheFuture);
    TestRecord<byte[], byte[]> first = bed.records().get(0);
    assertEquals(WatchBed.START, first.getRecordTime());
    assertEquals(
        "2026-01-01T00:00:00.000Z", Json.read(first.value()).get("observedAt").textValue());
    pass(bed, 11);
    assertEquals(List.of("i"), bed.ids());

    bed.observe("i", RUNNING, "a=SUCCESS");
    JsonNode change = bed.transitions().get(0);
    assertEquals("RUNNING", change.get("previousStatus").textValue());
    assertEquals("2026-01-01T00:00:00.000Z", change.get("previousLastSeenAt").textValue());
    assertEquals(0, bed.metric("dropped"));
  }

  @Test
  void aSettledInstanceIsNotForgottenWhileObservationsOfLongAgoAreRead() {
    bed.observe("i", SUCCESS);
    bed.transitions();
    pass(bed, 120);
    ObjectNode next = bed.message("i", RUNNING);
    bed.moveClock(Duration.ofHours(2));
    bed.restart();
    pass(bed, 1);
    bed.observe(next);

    assertEquals("SUCCESS", bed.transitions().get(0).path("previousStatus").asText());
  }

  @Test
  void aMessageOfThePipelineIsRead() throws Exception {
    try (var released =
        getClass().getResourceAsStream("/schemas/released/flow-instance.v1.message.json")) {
      bed.send(released.readAllBytes());
    }
    assertEquals("instance - → INIT", bed.changes().get(0));
  }

  @Test
  void theTopologyNeedsNoRocksDb() {
    assertThrows(ClassNotFoundException.class, () -> Class.forName("org.rocksdb.RocksDB"));
  }
}
