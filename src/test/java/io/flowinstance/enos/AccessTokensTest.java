package io.flowinstance.enos;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.harness.ManualClock;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AccessTokensTest {
  private final ManualClock clock = new ManualClock();
  private final AtomicReference<String> secret = new AtomicReference<>("app-secret");
  private final List<String> requests = new ArrayList<>();
  private final List<Answer> answers = new ArrayList<>();
  private final AccessTokens tokens =
      new AccessTokens(() -> "key", secret::get, this::serve, clock, clock::nanoTime);

  private synchronized Answer serve(String operation, String body) {
    requests.add(operation + " " + body);
    return answers.isEmpty() ? token("token-" + requests.size(), 7200) : answers.remove(0);
  }

  private static Answer token(String text, int expire) {
    return answer("{\"status\":0,\"data\":{\"accessToken\":\"%s\",\"expire\":%d}}", text, expire);
  }

  private static Answer answer(String body, Object... arguments) {
    return new Answer(200, body.formatted(arguments).getBytes(UTF_8), null);
  }

  @Test
  void asksOnceForManyCalls() {
    assertEquals("token-1", tokens.current().text());
    assertEquals("token-1", tokens.current().text());

    assertEquals(1, requests.size());
    assertEquals(
        "get {\"appKey\":\"key\",\"encryption\":\"%s\",\"timestamp\":%d}"
            .formatted(
                Signature.ofTokenRequest("key", clock.millis(), "app-secret"), clock.millis()),
        requests.get(0));
  }

  @Test
  void aTokenOfAnEarlierSecretIsReplacedAtOnce() {
    tokens.current();
    secret.set("its successor");
    assertEquals("token-2", tokens.current().text());
    assertEquals("token-2", tokens.current().text());
    assertEquals(List.of("get", "get"), operations());

    String encryption = Signature.ofTokenRequest("key", timestamps().get(1), "its successor");
    assertTrue(requests.get(1).contains(encryption), requests.get(1));
  }

  @Test
  void asksOnceForManyThreads() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(16);
    try {
      List<Callable<String>> calls = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        calls.add(() -> tokens.current().text());
      }
      for (var call : threads.invokeAll(calls)) {
        assertEquals("token-1", call.get());
      }
    } finally {
      threads.shutdownNow();
    }
    assertEquals(1, requests.size());
  }

  @Test
  void refreshesTenMinutesBeforeTheEnd() {
    tokens.current();
    clock.forward(6_599);
    assertEquals("token-1", tokens.current().text());
    clock.forward(1);

    assertEquals("token-2", tokens.current().text());
    assertEquals("refresh", requests.get(1).split(" ")[0]);
    assertEquals(true, requests.get(1).contains("\"accessToken\":\"token-1\""));
  }

  @Test
  void refreshesAShortLifeAQuarterBeforeItsEnd() {
    answers.add(token("short", 100));
    tokens.current();
    clock.forward(74);
    assertEquals("short", tokens.current().text());
    clock.forward(1);

    assertEquals("token-2", tokens.current().text());
  }

  @Test
  void getsANewOneWhenTheRefreshFailsOrTheOldOneHasEnded() {
    tokens.current();
    answers.add(answer("{\"status\":1204}"));
    clock.forward(7_000);
    assertEquals("token-3", tokens.current().text());
    clock.forward(7_200);

    assertEquals("token-4", tokens.current().text());
    assertEquals("get", requests.get(3).split(" ")[0]);
  }

  @Test
  void goesOnWithTheOldOneWhileItIsGoodAndTheServiceIsNot() {
    tokens.current();
    answers.add(new Answer(503, null, null));
    answers.add(new Answer(503, null, null));
    clock.forward(7_000);

    assertEquals("token-1", tokens.current().text());
    assertEquals("token-1", tokens.current().text());
    assertEquals(3, requests.size());
  }

  @Test
  void doesNotGoOnWithTheOldOneBeyondItsEnd() {
    tokens.current();
    answers.addAll(Collections.nCopies(3, new Answer(503, null, null)));
    clock.forward(7_198);
    assertEquals("token-1", tokens.current().text());

    clock.forward(3);
    assertThrows(ApiFailure.class, tokens::current);
  }

  @Test
  void getsARefusedOneAnewOnce() {
    AccessTokens.Token first = tokens.current();
    tokens.refused(first);
    assertEquals("token-2", tokens.current().text());
    tokens.refused(first);

    assertEquals("token-2", tokens.current().text());
    assertEquals(2, requests.size());
  }

  @ParameterizedTest
  @CsvSource({
    "503,",
    "429,",
    "404,",
    "403,",
    "200,<html>",
    "404,{\"status\":404}",
    "200,{\"status\":0}"
  })
  void goesOnWithARefusedOneWhileTheServiceGivesNone(int status, String body) {
    AccessTokens.Token first = tokens.current();
    answers.add(new Answer(status, body == null ? null : body.getBytes(UTF_8), null));
    tokens.refused(first);
    assertEquals("token-1", tokens.current().text());
    assertEquals("", tokens.failure());

    // It is refused again: the service is not asked for each id that this happens to.
    tokens.refused(tokens.current());
    assertEquals("token-1", tokens.current().text());
    assertEquals(List.of("get", "get"), operations());

    clock.forward(Duration.ofMillis(200));
    assertEquals("token-3", tokens.current().text());
    assertEquals(List.of("get", "get", "get"), operations());
  }

  @Test
  void asksForARefusedOneAtAGrowingPaceWhileTheServiceIsDown() {
    AccessTokens.Token first = tokens.current();
    answers.addAll(Collections.nCopies(100, new Answer(503, null, null)));
    tokens.refused(first);
    for (int i = 0; i < 100; i++) {
      assertEquals("token-1", tokens.current().text());
      clock.forward(Duration.ofMillis(100));
    }

    // After 0, 0.2, 0.6, 1.4, 3.0, 6.2 s, and every 4 s from there on.
    assertEquals(1 + 6, requests.size());
  }

  @Test
  void doesNotGoOnWithARefusedOneThatHasEnded() {
    AccessTokens.Token first = tokens.current();
    tokens.refused(first);
    clock.forward(7_200);
    answers.add(new Answer(503, null, null));

    assertThrows(ApiFailure.class, tokens::current);
  }

  @Test
  void saysWhyThereIsNoOtherWhileItGoesOnWithOneThatIsRefusedForEverything() {
    AccessTokens.Token first = tokens.current();
    answers.add(new Answer(503, null, null));
    answers.add(new Answer(503, null, null));
    tokens.refused(first);
    tokens.current();
    assertFalse(tokens.renewByRefresh(first));
    assertFalse(tokens.failure().isEmpty());

    clock.forward(5);
    assertEquals("token-4", tokens.current().text());
    assertEquals("", tokens.failure());
  }

  @Test
  void givesUpARefusedOneIfTheServiceRefusesUsToo() {
    AccessTokens.Token first = tokens.current();
    answers.add(answer("{\"status\":1002}"));
    tokens.refused(first);

    assertThrows(ApiFailure.class, tokens::current);
  }

  @Test
  void getsOneForAllWhoseTokenWasRefused() throws Exception {
    AccessTokens.Token first = tokens.current();
    ExecutorService threads = Executors.newFixedThreadPool(16);
    try {
      List<Callable<String>> calls =
          Collections.nCopies(
              200,
              () -> {
                tokens.refused(first);
                return tokens.current().text();
              });
      for (var call : threads.invokeAll(calls)) {
        assertEquals("token-2", call.get());
      }
    } finally {
      threads.shutdownNow();
    }
    assertEquals(List.of("get", "get"), operations());
  }

  @Test
  void keepsARefusedOneThatGetHandsOutAgain() {
    AccessTokens.Token first = tokens.current();
    answers.add(token("token-1", 7000));
    tokens.refused(first);

    AccessTokens.Token again = tokens.current();
    assertEquals("token-1", again.text());
    tokens.refused(again);
    tokens.refused(first);
    assertSame(again, tokens.current());
    assertEquals("", tokens.failure());
    assertEquals(List.of("get", "get"), operations());
  }

  @Test
  void asksForARefusedOneEveryFiveSecondsAtMostWhileGetHandsItOutAgain() {
    tokens.current();
    for (int second = 0; second < 60; second++) {
      for (int call = 0; call < 10; call++) {
        answers.clear();
        answers.add(token("token-1", 7000));
        tokens.refused(tokens.current());
        assertEquals("token-1", tokens.current().text());
      }
      clock.forward(1);
    }

    assertEquals(1 + 12, requests.size());
    answers.clear();
    clock.forward(5);
    tokens.refused(tokens.current());
    assertEquals("token-14", tokens.current().text());
  }

  @Test
  void refreshesOnceForAllWhoseTokenIsOfNoUse() throws Exception {
    AccessTokens.Token first = tokens.current();
    ExecutorService threads = Executors.newFixedThreadPool(16);
    try {
      List<Callable<Boolean>> calls = Collections.nCopies(200, () -> tokens.renewByRefresh(first));
      for (var call : threads.invokeAll(calls)) {
        assertTrue(call.get());
      }
    } finally {
      threads.shutdownNow();
    }

    assertEquals("token-2", tokens.current().text());
    assertEquals(List.of("get", "refresh"), operations());
    assertTrue(requests.get(1).contains("\"accessToken\":\"token-1\""), requests.get(1));
  }

  @Test
  void refreshesEveryFiveSecondsAtMost() {
    for (int second = 0; second < 20; second++) {
      tokens.renewByRefresh(tokens.current());
      tokens.renewByRefresh(tokens.current());
      clock.forward(1);
    }

    assertEquals(List.of("get", "refresh", "refresh", "refresh", "refresh"), operations());
  }

  @Test
  void doesNotRefreshWhatWasReplaced() {
    AccessTokens.Token first = tokens.current();
    tokens.refused(first);
    assertTrue(tokens.renewByRefresh(first), "a get is due");
    tokens.current();

    assertTrue(tokens.renewByRefresh(first));
    assertEquals(List.of("get", "get"), operations());
  }

  @Test
  void aRefreshThatFailsOrBringsTheSameLeavesTheTokenAsItIs() {
    AccessTokens.Token first = tokens.current();
    answers.add(answer("{\"status\":1204}"));
    assertFalse(tokens.renewByRefresh(first));
    clock.forward(5);
    answers.add(token("token-1", 7000));
    assertFalse(tokens.renewByRefresh(first));

    assertEquals("token-1", tokens.current().text());
    assertEquals("", tokens.failure());
    assertEquals(3, requests.size());
  }

  @ParameterizedTest
  @ValueSource(ints = {-86_400, -3_600, 3_600, 86_400})
  void renewsInTimeWhateverTheClockIsSetTo(int seconds) {
    tokens.current();
    clock.set(Duration.ofSeconds(seconds));
    clock.forward(6_599);
    assertEquals("token-1", tokens.current().text());
    clock.forward(1);

    assertEquals("token-2", tokens.current().text());
    assertEquals(clock.millis(), timestamps().get(1));
  }

  @Test
  void timestampsFollowAClockThatIsSetBack() {
    for (int i = 0; i < 50; i++) {
      tokens.refused(tokens.current());
    }
    clock.set(Duration.ofHours(-1));
    for (int i = 0; i < 50; i++) {
      tokens.refused(tokens.current());
    }

    List<Long> timestamps = timestamps();
    assertEquals(100, new HashSet<>(timestamps).size());
    assertTrue(timestamps.get(99) - clock.millis() < 100, timestamps.toString());
  }

  @Test
  void aClockThatIsSetBackALittleRepeatsNoTimestamp() {
    for (int i = 0; i < 20; i++) {
      tokens.refused(tokens.current());
      clock.set(Duration.ofMillis(-10));
    }

    assertEquals(20, new HashSet<>(timestamps()).size());
  }

  @Test
  void aFailingServiceIsAskedAtAGrowingPace() {
    List<Long> asked = new ArrayList<>();
    AccessTokens failing =
        new AccessTokens(
            () -> "key",
            () -> "app-secret",
            (operation, body) -> {
              asked.add(clock.millis());
              return new Answer(503, null, null);
            },
            clock,
            clock::nanoTime);
    for (int i = 0; i < 600; i++) {
      assertThrows(ApiFailure.class, failing::current);
      clock.forward(Duration.ofMillis(100));
    }

    List<Long> pauses =
        IntStream.range(1, asked.size()).mapToObj(i -> asked.get(i) - asked.get(i - 1)).toList();
    assertEquals(List.of(200L, 400L, 800L, 1600L, 3200L, 4000L), pauses.subList(0, 6));
    assertEquals(Set.of(4000L), new HashSet<>(pauses.subList(5, pauses.size())));
    assertFalse(failing.failure().isEmpty());
  }

  @Test
  void aServiceThatIsBackIsAskedSoonWhenItFailsAgain() {
    answers.add(new Answer(503, null, null));
    assertThrows(ApiFailure.class, tokens::current);
    clock.forward(Duration.ofMillis(200));
    tokens.current();
    clock.forward(7_200);
    answers.add(new Answer(503, null, null));
    assertThrows(ApiFailure.class, tokens::current);
    clock.forward(Duration.ofMillis(200));

    assertEquals("token-4", tokens.current().text());
    assertEquals("", tokens.failure());
  }

  @Test
  void whoeverIsInterruptedWaitsNoLonger() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch answered = new CountDownLatch(1);
    AccessTokens slow =
        new AccessTokens(
            () -> "key",
            () -> "app-secret",
            (operation, body) -> {
              asked.countDown();
              try {
                answered.await();
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
              return token("late", 7200);
            },
            clock,
            clock::nanoTime);
    ExecutorService threads = Executors.newFixedThreadPool(1);
    try {
      var first = threads.submit(slow::current);
      asked.await();
      Thread.currentThread().interrupt();

      ApiFailure failure = assertThrows(ApiFailure.class, slow::current);

      assertTrue(Thread.interrupted());
      assertEquals(FailureKind.TRANSIENT, failure.kind());
      answered.countDown();
      assertEquals("late", first.get().text());
      assertEquals("late", slow.current().text());
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void aRequestThatBreaksLeavesNobodyWaiting() {
    AtomicInteger calls = new AtomicInteger();
    AccessTokens broken =
        new AccessTokens(
            () -> "key",
            () -> "app-secret",
            (operation, body) -> {
              calls.incrementAndGet();
              throw new AssertionError("broken");
            },
            clock,
            clock::nanoTime);

    assertThrows(AssertionError.class, broken::current);
    assertThrows(AssertionError.class, broken::current);
    assertEquals(2, calls.get());
  }

  @Test
  void aConnectionThatFailsIsAFailureThatPasses() {
    AccessTokens unreachable =
        new AccessTokens(
            () -> "key",
            () -> "app-secret",
            (operation, body) -> {
              throw new UncheckedIOException(new ConnectException("refused"));
            },
            clock,
            clock::nanoTime);

    ApiFailure failure = assertThrows(ApiFailure.class, unreachable::current);
    assertEquals(FailureKind.TRANSIENT, failure.kind());
  }

  @Test
  void quotesNoSecretOfARequestOrItsAnswer() {
    AccessTokens.Token first = tokens.current();
    String encryption =
        Signature.ofTokenRequest("key", clock.millis() + 1, "app-secret").toUpperCase(Locale.ROOT);
    answers.add(
        answer(
            "{\"status\":1004,\"msg\":\"%s app-secret token%%2D2 %s\","
                + "\"data\":{\"accessToken\":\"new-token\",\"hint\":\"new-token\"}}",
            "new-token", encryption));
    tokens.refused(first);

    ApiFailure failure = assertThrows(ApiFailure.class, tokens::current);

    assertEquals(
        "The token service gave no token. The API refuses the call: HTTP 200, code 1004"
            + " ([hidden] [hidden] token%2D2 [hidden]).",
        failure.getMessage());
  }

  private List<String> operations() {
    return requests.stream().map(request -> request.split(" ")[0]).toList();
  }

  private List<Long> timestamps() {
    return requests.stream()
        .map(request -> Long.valueOf(request.replaceAll(".*\"timestamp\":(\\d+).*", "$1")))
        .toList();
  }

  @Test
  void neverSignsTwoRequestsInOneMillisecond() {
    for (int i = 0; i < 50; i++) {
      tokens.refused(tokens.current());
    }

    assertEquals(50, new HashSet<>(requests).size());
  }

  @Test
  void asksAgainWhenAnotherClientSignedInTheSameMillisecond() {
    answers.add(answer("{\"status\":1001}"));

    assertEquals("token-2", tokens.current().text());
  }

  @Test
  void failsAsTheServiceSays() {
    answers.add(answer("{\"status\":1003,\"msg\":\"encryption invalid\"}"));

    ApiFailure failure = assertThrows(ApiFailure.class, tokens::current);
    assertEquals(FailureKind.ACCESS_DENIED, failure.kind());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "400 | {} | ACCESS_DENIED",
        "401 | {} | ACCESS_DENIED",
        "404 | {} | ACCESS_DENIED",
        "200 | <html> | ACCESS_DENIED",
        "200 | {\"status\":0} | ACCESS_DENIED",
        "200 | {\"status\":1203} | ACCESS_DENIED",
        "200 | {\"status\":62102} | ACCESS_DENIED",
        "200 | {\"status\":1005} | TRANSIENT",
        "200 | {\"status\":0,\"data\":{\"expire\":7200}} | TRANSIENT",
        "500 | {} | TRANSIENT"
      })
  void failsInAWayThatIsNoIdsFault(int status, String body, FailureKind kind) {
    answers.add(new Answer(status, body.getBytes(UTF_8), null));

    ApiFailure failure = assertThrows(ApiFailure.class, tokens::current);
    assertEquals(kind, failure.kind());
    assertEquals(null, failure.response());
  }

  @Test
  void quotesNothingOfAnAnswerThatCannotBeRead() {
    answers.add(answer("{\"status\":0,\"data\":{\"accessToken\":token-1}}"));

    ApiFailure failure = assertThrows(ApiFailure.class, tokens::current);
    assertFalse(failure.getMessage().contains("token-1"), failure.getMessage());
  }

  @Test
  void failsAtOnceForAllWhoWaited() throws Exception {
    CountDownLatch answered = new CountDownLatch(1);
    AtomicInteger calls = new AtomicInteger();
    AccessTokens slow =
        new AccessTokens(
            () -> "key",
            () -> "app-secret",
            (operation, body) -> {
              calls.incrementAndGet();
              try {
                answered.await();
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
              return new Answer(503, null, null);
            },
            clock,
            clock::nanoTime);
    AtomicInteger failures = new AtomicInteger();
    List<Thread> threads =
        Stream.generate(
                () ->
                    new Thread(
                        () -> {
                          assertThrows(ApiFailure.class, slow::current);
                          failures.incrementAndGet();
                        }))
            .limit(8)
            .toList();
    threads.forEach(Thread::start);
    await().until(() -> threads.stream().allMatch(t -> t.getState() == Thread.State.WAITING));
    answered.countDown();
    for (Thread thread : threads) {
      thread.join();
    }

    assertEquals(8, failures.get());
    assertEquals(1, calls.get());
    assertThrows(ApiFailure.class, slow::current);
    assertEquals(1, calls.get());
    clock.forward(1);
    assertThrows(ApiFailure.class, slow::current);
    assertEquals(2, calls.get());
  }

  @Test
  void showsNoToken() {
    assertFalse(tokens.current().toString().contains("token-1"));
  }
}
