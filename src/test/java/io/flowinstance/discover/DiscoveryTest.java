package io.flowinstance.discover;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.enos.Answer;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.Identity;
import io.flowinstance.enos.InstanceSearch;
import io.flowinstance.enos.InstanceSearch.Status;
import io.flowinstance.enos.InstanceSearch.Type;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class DiscoveryTest {
  private static final Duration MARGIN = Duration.ofMinutes(5);
  private static final Duration HORIZON = Duration.ofDays(30);
  private static final Instant START = Instant.parse("2026-01-31T10:00:00Z");

  private final List<InstanceSearch> searches = new ArrayList<>();
  private List<String> triggered = List.of();
  private List<String> running = List.of();
  private long uncounted;
  private long offset;

  private static Discovery of(List<Type> types, List<String> owners, Instant from) {
    return new Discovery(
        new Discovery.Options(new Identity("u", "o"), types, owners, from, MARGIN, HORIZON));
  }

  private final Discovery discovery = of(List.of(Type.PERIODIC), List.of(""), START);

  private InstanceSearch.Found find(InstanceSearch search) {
    searches.add(search);
    Set<String> ids = new LinkedHashSet<>(search.statuses().isEmpty() ? triggered : running);
    return new InstanceSearch.Found(ids, ids.size() + uncounted, "");
  }

  private Discovery.Round round(Watermark before, Instant now) throws InterruptedException {
    searches.clear();
    return discovery.round(before, now, this::find);
  }

  /** The ids that a round publishes. */
  private List<String> published(Watermark before, Instant now) throws InterruptedException {
    Discovery.Round round = round(before, now);
    discovery.published(round, new Watermark(round.watermark(), ++offset));
    return List.copyOf(round.ids());
  }

  private Watermark last(Instant time) {
    return new Watermark(time, offset);
  }

  @Test
  void theFirstRoundBeginsNow() throws Exception {
    Discovery.Round round = round(Watermark.NONE, START);

    assertEquals(START.minus(MARGIN), searches.get(0).from());
    assertEquals(START, searches.get(0).to());
    assertEquals(START, round.watermark());
  }

  @Test
  void theFirstRoundBeginsAtTheTimeOfTheSettings() throws Exception {
    Instant from = START.minusSeconds(3600);

    Discovery.Round round =
        of(List.of(Type.MANUAL), List.of(""), from).round(Watermark.NONE, START, this::find);

    assertEquals(from.minus(MARGIN), searches.get(0).from());
    assertEquals(START, round.watermark());
  }

  @Test
  void theWatermarkIsStrongerThanTheSettings() throws Exception {
    of(List.of(Type.MANUAL), List.of(""), START.minusSeconds(3600))
        .round(new Watermark(START, 3), START.plusSeconds(30), this::find);

    assertEquals(START.minus(MARGIN), searches.get(0).from());
  }

  @Test
  void searchesForAllSinceTheWatermarkAndForWhatRunsWithinTheHorizon() throws Exception {
    Instant now = START.plusSeconds(30).plusNanos(1);
    round(new Watermark(START, 3), now);

    assertEquals(
        List.of(
            new InstanceSearch(
                new Identity("u", "o"),
                Type.PERIODIC,
                "",
                START.minus(MARGIN),
                START.plusSeconds(30),
                List.of()),
            new InstanceSearch(
                new Identity("u", "o"),
                Type.PERIODIC,
                "",
                START.plusSeconds(30).minus(HORIZON),
                START.plusSeconds(30),
                List.of(Status.RUNNING, Status.RERUN))),
        searches);
  }

  @Test
  void searchesForEachTypeOfEachOwner() throws Exception {
    of(List.of(Type.MANUAL, Type.TEMPORARY), List.of("a", "b"), START)
        .round(Watermark.NONE, START, this::find);

    assertEquals(
        List.of("MANUAL a", "MANUAL b", "TEMPORARY a", "TEMPORARY b"),
        searches.stream()
            .filter(search -> search.statuses().isEmpty())
            .map(search -> search.type() + " " + search.owner())
            .toList());
    assertEquals(8, searches.size());
  }

  @Test
  void aRoundSearchesForADayAtMost() throws Exception {
    Discovery.Round round = round(new Watermark(START, 0), START.plus(Duration.ofDays(3)));

    assertEquals(START.plus(Discovery.LONGEST_STEP), searches.get(0).to());
    assertEquals(START.plus(Duration.ofDays(3)), searches.get(1).to());
    assertEquals(START.plus(Discovery.LONGEST_STEP), round.watermark());
  }

  @Test
  void aClockThatWentBackSearchesUntilNow() throws Exception {
    Discovery.Round round = round(new Watermark(START, 0), START.minusSeconds(60));

    assertEquals(START.minusSeconds(60).minus(MARGIN), searches.get(0).from());
    assertEquals(START.minusSeconds(60), round.watermark());
  }

  @Test
  void whatTheRoundBeforeFoundIsNotPublishedAgain() throws Exception {
    triggered = List.of("a", "b");
    assertEquals(List.of("a", "b"), published(Watermark.NONE, START));
    triggered = List.of("b", "c");
    assertEquals(List.of("c"), published(last(START), START.plusSeconds(30)));
    triggered = List.of("b", "c");
    assertEquals(List.of(), published(last(START.plusSeconds(30)), START.plusSeconds(60)));
  }

  @Test
  void whatBeginsToRunIsPublishedThoughItWasKnown() throws Exception {
    triggered = List.of("a");
    published(Watermark.NONE, START);
    running = List.of("a");
    assertEquals(List.of("a"), published(last(START), START.plusSeconds(30)));
    assertEquals(List.of(), published(last(START.plusSeconds(30)), START.plusSeconds(60)));
    running = List.of();
    published(last(START.plusSeconds(60)), START.plusSeconds(90));
    running = List.of("a");
    assertEquals(
        List.of("a"), published(last(START.plusSeconds(90)), START.plusSeconds(120)), "a re-run");
  }

  @Test
  void anIdThatBothSearchesFindIsPublishedOnce() throws Exception {
    triggered = List.of("a");
    running = List.of("a");

    assertEquals(List.of("a"), published(Watermark.NONE, START));
  }

  @Test
  void aRoundThatWasNotPublishedIsForgotten() throws Exception {
    triggered = List.of("a");
    published(Watermark.NONE, START);
    triggered = List.of("a", "b");
    round(last(START), START.plusSeconds(30));

    assertEquals(List.of("b"), published(last(START), START.plusSeconds(60)));
  }

  @Test
  void whenAnotherProcessHasSearchedEverythingIsNew() throws Exception {
    triggered = List.of("a");
    published(Watermark.NONE, START);

    assertEquals(List.of("a"), published(new Watermark(START, offset + 1), START.plusSeconds(30)));
  }

  @Test
  void anIncompleteRoundIsPublishedAndSearchedAgain() throws Exception {
    published(Watermark.NONE, START);
    triggered = List.of("a");
    uncounted = 1;
    Discovery.Round round = round(last(START), START.plusSeconds(30));
    assertEquals(START, round.watermark());
    assertEquals(List.of("a"), List.copyOf(round.ids()));
    discovery.published(round, new Watermark(round.watermark(), ++offset));

    uncounted = 0;
    triggered = List.of("a", "b");
    assertEquals(List.of("b"), published(last(START), START.plusSeconds(60)));
    assertEquals(START.minus(MARGIN), searches.get(0).from());
  }

  @Test
  void theLastDayIsSearchedEvenIfAnEarlierOneStaysIncomplete() throws Exception {
    Instant now = START.plus(Duration.ofDays(5));
    uncounted = 1;
    round(last(START), now);

    assertEquals(
        List.of(
            START.minus(MARGIN) + "/" + START.plus(Discovery.LONGEST_STEP),
            now.minus(Discovery.LONGEST_STEP) + "/" + now),
        searches.stream()
            .filter(search -> search.statuses().isEmpty())
            .map(search -> search.from() + "/" + search.to())
            .toList());
  }

  private static ApiFailure failure(String body) {
    Answer answer = new Answer(200, body.getBytes(UTF_8), null);
    return body.isEmpty() ? answer.notUnderstood("no JSON.") : answer.unreadable(body);
  }

  private Discovery.Round roundWhereOwnerAFails(String body) throws InterruptedException {
    return of(List.of(Type.MANUAL), List.of("a", "b"), START)
        .round(
            Watermark.NONE,
            START.plusSeconds(1),
            search -> {
              if (search.owner().equals("a")) {
                throw failure(body);
              }
              return find(search);
            });
  }

  @Test
  void whatCannotBeReadOfOneOwnerKeepsNoOtherFromBeingFound() throws Exception {
    triggered = List.of("1");

    Discovery.Round round = roundWhereOwnerAFails("An instanceId is empty.");

    assertEquals(Set.of("1"), round.ids());
    assertEquals(START, round.watermark());
    assertFalse(round.isComplete());
    assertEquals("An instanceId is empty.", round.fault());

    triggered = List.of();
    assertThrows(ApiFailure.class, () -> roundWhereOwnerAFails("An instanceId is empty."));
  }

  @Test
  void anApiThatIsNotUnderstoodFailsTheRound() {
    triggered = List.of("1");

    assertThrows(ApiFailure.class, () -> roundWhereOwnerAFails(""));
  }

  @Test
  void whatIsToComeByMoreThanTheMarginIsAhead() {
    assertFalse(discovery.isAhead(Watermark.NONE, START));
    assertTrue(discovery.isAhead(Watermark.NONE, START.minus(MARGIN).minusMillis(1)));
    assertFalse(discovery.isAhead(last(START.plus(MARGIN)), START));
    assertTrue(discovery.isAhead(last(START.plus(MARGIN).plusMillis(1)), START));
  }

  @Test
  void pagesOfWhatRunsMayMove() throws Exception {
    Discovery.Round round =
        discovery.round(
            new Watermark(START, 0),
            START.plusSeconds(30),
            search -> new InstanceSearch.Found(Set.of(), search.statuses().size(), ""));

    assertEquals(START.plusSeconds(30), round.watermark());
  }

  @Test
  void aFailedSearchFailsTheRound() throws Exception {
    triggered = List.of("a");
    assertThrows(
        IllegalStateException.class,
        () ->
            discovery.round(
                Watermark.NONE,
                START,
                search -> {
                  if (!search.statuses().isEmpty()) {
                    throw new IllegalStateException();
                  }
                  return find(search);
                }));

    assertEquals(List.of("a"), published(Watermark.NONE, START));
  }

  @Test
  void aWatermarkReadsWhatItWrites() {
    assertEquals(
        "{\"watermark\":\"2026-01-31T10:00:00Z\"}", new String(Watermark.write(START), UTF_8));
    assertEquals(START, Watermark.read(Watermark.write(START)));
    assertNull(Watermark.read(null));
    for (String other : List.of("", "{", "{}", "[]", "2026", "{\"watermark\":\"soon\"}")) {
      assertNull(Watermark.read(other.getBytes(UTF_8)), other);
    }
    assertTrue(Watermark.NONE.offset() < 0);
  }
}
