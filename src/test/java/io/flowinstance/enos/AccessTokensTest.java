package io.flowinstance.enos;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AccessTokensTest {
  private final ManualClock clock = new ManualClock();
  private final List<String> requests = new ArrayList<>();
  private final List<Answer> answers = new ArrayList<>();
  private final AccessTokens tokens = new AccessTokens("key", "secret", this::serve, clock);

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
            .formatted(Signature.ofTokenRequest("key", clock.millis(), "secret"), clock.millis()),
        requests.get(0));
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
  void getsARefusedOneAnewOnce() {
    AccessTokens.Token first = tokens.current();
    tokens.refused(first);
    assertEquals("token-2", tokens.current().text());
    tokens.refused(first);

    assertEquals("token-2", tokens.current().text());
    assertEquals(2, requests.size());
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
            "key",
            "secret",
            (operation, body) -> {
              calls.incrementAndGet();
              try {
                answered.await();
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
              return new Answer(503, null, null);
            },
            clock);
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
    assertEquals(2, calls.get());
  }

  @Test
  void showsNoToken() {
    assertFalse(tokens.current().toString().contains("token-1"));
  }

  private static final class ManualClock extends Clock {
    private Instant now = Instant.parse("2026-01-01T00:00:00Z");

    void forward(long seconds) {
      now = now.plusSeconds(seconds);
    }

    @Override
    public Instant instant() {
      return now;
    }

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }
  }
}
