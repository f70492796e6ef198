package io.flowinstance.routes;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
import io.flowinstance.enos.Identity;
import io.flowinstance.enos.InstanceSearch;
import io.flowinstance.fetch.EnosClient;
import java.io.ByteArrayInputStream;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.camel.Exchange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SearchInstancesRouteTest extends RouteTestSupport {
  private final InstanceSearch search =
      new InstanceSearch(
          new Identity("user", "org"),
          InstanceSearch.Type.PERIODIC,
          "",
          Instant.EPOCH,
          Instant.ofEpochMilli(5),
          List.of(InstanceSearch.Status.RUNNING));

  @Override
  List<String> routes() {
    return List.of("search-instances");
  }

  private InstanceSearch.Found find(int firstPage) throws InterruptedException {
    return new EnosClient(template, null, null, Duration.ZERO, firstPage, HEAP, Clock.systemUTC())
        .find(search, (found, count) -> {});
  }

  @Test
  void postsTheSearchAndGivesTheIdsOfItsPage() throws Exception {
    answer(INSTANCES, 200, answer(1, "1-2"));
    gateway(INSTANCES).expectedBodiesReceived(search.body(3));
    gateway(INSTANCES)
        .expectedHeaderReceived(Exchange.HTTP_RAW_QUERY, "action=search&orgId=org&userId=user");
    gateway(INSTANCES).expectedHeaderReceived(Exchange.CONTENT_TYPE, "application/json");

    assertEquals(new InstanceSearch.Found(Set.of("1-2"), 1, ""), find(3));

    gateway(INSTANCES).assertIsSatisfied();
  }

  @Test
  void anAnswerThatIsNoJsonKeepsItsStatus() throws Exception {
    answer(INSTANCES, 403, "<html>");
    gateway(INSTANCES).expectedMessageCount(1);

    ApiFailure failure = assertThrows(ApiFailure.class, () -> find(1));

    assertEquals(FailureKind.ACCESS_DENIED, failure.kind());
    assertEquals(403, failure.httpStatus());
    gateway(INSTANCES).assertIsSatisfied();
  }

  private static String answer(long count, String... ids) {
    return "{\"status\":0,\"data\":{\"count\":%d,\"flowInsts\":%s}}"
        .formatted(count, Stream.of(ids).map("{\"instanceId\":\"%s\"}"::formatted).toList());
  }

  /** What is found when the pages are answered like this, from this number on. */
  private InstanceSearch.Found find(int firstPage, String... pages) throws InterruptedException {
    for (int i = 0; i < pages.length; i++) {
      String page = pages[i];
      gateway(INSTANCES)
          .whenExchangeReceived(
              i + 1,
              exchange -> {
                exchange.getMessage().setHeader(Exchange.HTTP_RESPONSE_CODE, 200);
                exchange.getMessage().setBody(new ByteArrayInputStream(page.getBytes(UTF_8)));
              });
    }
    gateway(INSTANCES)
        .expectedBodiesReceived(
            IntStream.range(firstPage, firstPage + pages.length).mapToObj(search::body).toList());
    return find(firstPage);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void findsAllPagesFromTheFirstOneOfTheVersion(int firstPage) throws Exception {
    InstanceSearch.Found found = find(firstPage, answer(3, "1", "2"), answer(3, "3"));

    assertEquals(Set.of("1", "2", "3"), found.ids());
    assertTrue(found.isComplete());
    gateway(INSTANCES).assertIsSatisfied();
  }

  @Test
  void pagesThatMoveBecauseOneCameInAreNotComplete() throws Exception {
    InstanceSearch.Found found = find(0, answer(3, "1", "2"), answer(4, "2", "3"), answer(4));

    assertEquals(Set.of("1", "2", "3"), found.ids());
    assertFalse(found.isComplete());
    gateway(INSTANCES).assertIsSatisfied();
  }

  @Test
  void pagesThatMoveBecauseOneWentAreNotComplete() throws Exception {
    InstanceSearch.Found found = find(0, answer(4, "1", "2"), answer(3, "4"), answer(3));

    assertEquals(Set.of("1", "2", "4"), found.ids());
    assertFalse(found.isComplete());
    gateway(INSTANCES).assertIsSatisfied();
  }

  @Test
  void withoutACountTheFirstPageThatBringsNothingNewIsTheLast() throws Exception {
    String page = "{\"status\":0,\"data\":{\"flowInsts\":[{\"instanceId\":\"1\"}]}}";

    InstanceSearch.Found found = find(0, page, page);

    assertEquals(Set.of("1"), found.ids());
    assertTrue(found.isComplete());
    gateway(INSTANCES).assertIsSatisfied();
  }

  @Test
  void anIdThatNoRecordMayHaveIsSkippedAndLeavesTheSearchIncomplete() throws Exception {
    String page =
        "{\"status\":0,\"data\":{\"count\":2,\"flowInsts\":"
            + "[{\"instanceId\":null},{\"instanceId\":\"1\"}]}}";

    InstanceSearch.Found found = find(0, page);

    assertEquals(Set.of("1"), found.ids());
    assertFalse(found.isComplete());
    assertEquals("The search found an instance whose instanceId is empty.", found.fault());
    gateway(INSTANCES).assertIsSatisfied();
  }

  @Test
  void aPageOfNothingElseKeepsNoLaterOneFromBeingRead() throws Exception {
    InstanceSearch.Found found =
        find(0, answer(4, "1"), answer(4, " ", "9".repeat(257)), answer(4, "2"));

    assertEquals(Set.of("1", "2"), found.ids());
    assertFalse(found.isComplete());
    gateway(INSTANCES).assertIsSatisfied();
  }

  @Test
  void aFirstPageOfNothingElseKeepsNoLaterOneFromBeingRead() throws Exception {
    InstanceSearch.Found found = find(0, answer(2, " "), answer(2, "2"));

    assertEquals(Set.of("2"), found.ids());
    gateway(INSTANCES).assertIsSatisfied();
  }

  @Test
  void aPageThatIsRepeatedIsTheLast() throws Exception {
    InstanceSearch.Found found = find(0, answer(1000, "1", " "), answer(1000, "1", " "));

    assertEquals(Set.of("1"), found.ids());
    assertFalse(found.isComplete());
    gateway(INSTANCES).assertIsSatisfied();
  }

  @Test
  void withoutACountAPageOfNothingElseIsTheLast() throws Exception {
    String page = "{\"status\":0,\"data\":{\"flowInsts\":[{\"instanceId\":\"%s\"}]}}";

    InstanceSearch.Found found = find(0, page.formatted("1"), page.formatted(""));

    assertEquals(Set.of("1"), found.ids());
    assertFalse(found.isComplete());
    gateway(INSTANCES).assertIsSatisfied();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "<html>Please log in</html>",
        "[]",
        "{}",
        "{\"status\":0}",
        "{\"status\":0,\"data\":[]}",
        "{\"status\":0,\"data\":{\"flowInsts\":{\"instanceId\":\"1\"}}}",
        "{\"status\":0,\"data\":{\"flowInsts\":[7]}}",
        "{\"status\":0,\"data\":{\"flowInsts\":[{\"instanceId\":{}}]}}",
        "{\"status\":0,\"data\":{\"flowInsts\":[{\"instanceId\":\" \"}]}}",
        "{\"status\":0,\"data\":{\"flowInsts\":[{\"instanceId\":\"1\\n2\"}]}}",
        "{\"status\":0,\"data\":{\"flowInsts\":[{\"instanceId\":\"\\u001b]52;c;x\"}]}}",
        "{\"status\":77777,\"msg\":\"\\u001b]52;c;x\\u202e\\nERROR forged\"}",
      })
  void whatIsNoPageOfIdsFailsInOnePrintableSentence(String body) throws Exception {
    answer(INSTANCES, 200, body);

    ApiFailure failure = assertThrows(ApiFailure.class, () -> find(1));

    assertTrue(failure.getMessage().matches("\\P{Cntrl}+\\."), failure::getMessage);
    assertFalse(failure.getMessage().contains("\u202e"));
    assertFalse(failure.kind().remedy().isEmpty());
  }

  @Test
  void anIdThatNoRecordMayNameFailsInAShortSentence() throws Exception {
    answer(INSTANCES, 200, answer(1, "9".repeat(1 << 20)));

    assertEquals(
        "The search found an instance whose instanceId has 1048576 characters, at most 256 are taken.",
        assertThrows(ApiFailure.class, () -> find(1)).getMessage());
  }

  @Test
  void pagesThatNeverEndAreLeftWhenTheirIdsTakeMuchOfTheHeap() {
    int ids = 2_000;
    AtomicInteger pages = new AtomicInteger();
    gateway(INSTANCES)
        .whenAnyExchangeReceived(
            exchange -> {
              int first = pages.getAndIncrement() * ids;
              String page =
                  answer(
                      Long.MAX_VALUE,
                      IntStream.range(first, first + ids)
                          .mapToObj("%0256d"::formatted)
                          .toArray(String[]::new));
              exchange.getMessage().setHeader(Exchange.HTTP_RESPONSE_CODE, 200);
              exchange.getMessage().setBody(new ByteArrayInputStream(page.getBytes(UTF_8)));
            });

    ApiFailure failure = assertThrows(ApiFailure.class, () -> find(0));

    assertTrue(failure.getMessage().endsWith("instances, which need more heap."));
    assertTrue(pages.get() <= 1 + HEAP / (ids * 256));
  }
}
