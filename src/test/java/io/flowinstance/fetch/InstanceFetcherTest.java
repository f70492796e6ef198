package io.flowinstance.fetch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.flowinstance.enos.AccessTokens;
import io.flowinstance.enos.Answer;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.Identity;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.enos.Redaction;
import io.flowinstance.metrics.PipelineMetrics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.DefaultExchange;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class InstanceFetcherTest {
  private static final Identity OURS = new Identity("user", "org");
  private static final int PROCESSORS = Runtime.getRuntime().availableProcessors();

  private final CamelContext context = new DefaultCamelContext();
  private final Map<String, Integer> calls = new ConcurrentHashMap<>();
  private final CountDownLatch processorsAreFree = new CountDownLatch(1);
  private final AccessTokens tokens =
      new AccessTokens(
          () -> "key",
          () -> "secret",
          (operation, body) ->
              new Answer(
                  200,
                  "{\"status\":0,\"data\":{\"accessToken\":\"t\",\"expire\":7200}}".getBytes(UTF_8),
                  null),
          Clock.systemUTC(),
          System::nanoTime);
  private volatile boolean down;
  private InstanceFetcher fetcher;

  /**
   * Of the instance {@code late} the first call fails; of all others, each but the first, from when
   * {@code waiting} was called.
   */
  @BeforeEach
  void start() throws Exception {
    context.addRoutes(
        new RouteBuilder() {
          @Override
          public void configure() {
            from("direct:call-api")
                .errorHandler(noErrorHandler())
                .process(InstanceFetcherTest.this::call);
            from("direct:probe-clock")
                .errorHandler(noErrorHandler())
                .process(
                    exchange -> {
                      throw failure(503);
                    });
          }
        });
    context.start();
    fetcher = newFetcher();
  }

  private InstanceFetcher newFetcher() {
    return new InstanceFetcher(
        context,
        new InstanceFetcher.Options(16, Duration.ofSeconds(30), OURS, null),
        new EnosClient(
            context.createProducerTemplate(),
            null,
            null,
            Duration.ofSeconds(1),
            1,
            1 << 20,
            Clock.systemUTC()),
        () -> {},
        new PipelineMetrics(new SimpleMeterRegistry(), Set.of(), InstanceFetcher.ANSWERS),
        Clock.systemUTC());
  }

  private static long answerThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("answer-"))
        .count();
  }

  @Test
  void theThreadsForAnswersAreThereBeforeTheFirstAnswer() {
    long before = answerThreads();

    newFetcher();

    await().until(() -> answerThreads() >= before + PROCESSORS);
  }

  @AfterEach
  void stop() {
    processorsAreFree.countDown();
    context.stop();
  }

  private void call(Exchange exchange) throws ApiFailure {
    FetchState fetch = exchange.getVariable("fetch", FetchState.class);
    fetch.begin(null, Redaction.NONE, System.nanoTime());
    fetch.received(Instant.now(), System.nanoTime());
    String id = fetch.query().instanceId();
    boolean isFirst = calls.merge(id, 1, Integer::sum) == 1;
    if (down || (id.equals("late") ? isFirst : !isFirst && calls.containsKey("waiting"))) {
      fetch.answered(new Answer(503, new byte[100], null));
      throw failure(503);
    }
    int call = calls.get(id);
    if (id.startsWith("paused-") && isFirst) {
      throw failure(503, "2");
    }
    if (id.equals("limited-once") && isFirst || id.equals("limited") && call <= 2) {
      throw failure(429);
    }
    if (id.equals("limited") && call == 3) {
      throw failure(403);
    }
    if (id.equals("refused")) {
      fetch.begin(tokens.current(), Redaction.NONE, System.nanoTime());
      throw failure(401);
    }
    exchange.getMessage().setBody(JsonNodeFactory.instance.objectNode());
  }

  private static ApiFailure failure(int status) {
    return failure(status, null);
  }

  private static ApiFailure failure(int status, String retryAfter) {
    try {
      new Answer(status, "".getBytes(UTF_8), retryAfter).data();
      throw new AssertionError("a failure has data");
    } catch (ApiFailure failure) {
      return failure;
    }
  }

  private Exchange fetch(String id, FetchScope scope, Runnable done) {
    return fetch(new InstanceQuery(id, OURS.userId(), OURS.orgId()), scope, done);
  }

  private Exchange fetch(Object body, FetchScope scope, Runnable done) {
    Exchange exchange = new DefaultExchange(context);
    exchange.getMessage().setBody(body);
    exchange.setVariable("record", scope);
    fetcher.process(exchange, synchronously -> done.run());
    return exchange;
  }

  @Test
  void anAnswerCountsAsServedWhileItWaitsForAProcessor() throws Exception {
    CountDownLatch busy = new CountDownLatch(PROCESSORS);
    for (int number = 0; number < PROCESSORS; number++) {
      fetch(
          "busy-" + number,
          new WantedFetch(),
          () -> {
            busy.countDown();
            try {
              processorsAreFree.await();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          });
    }
    busy.await();
    CountDownLatch failed = new CountDownLatch(1);
    fetch(
        "late",
        new WantedFetch() {
          @Override
          public void release() {
            failed.countDown();
          }
        },
        () -> {});
    failed.await();
    CompletableFuture<Void> takenUp = new CompletableFuture<>();
    fetch("waiting", new WantedFetch(), () -> takenUp.complete(null));

    await().atMost(10, SECONDS).until(() -> calls.get("late") == 2);
    assertFalse(takenUp.isDone());
    assertEquals(0, fetcher.outageDetector().outages());
  }

  @Test
  void aFaultOfACallEndsItsExchange() throws Exception {
    RuntimeException fault = new IllegalStateException("a fault of this program");
    CountDownLatch ended = new CountDownLatch(1);
    Exchange exchange =
        fetch(
            "late",
            new WantedFetch() {
              @Override
              public void release() {
                throw fault;
              }
            },
            ended::countDown);

    ended.await();
    assertSame(fault, exchange.getException());
  }

  @Test
  void anAnswerOfAFailureTakesNoHeapWhileItsIdWaits() throws Exception {
    down = true;
    Exchange exchange = fetch("waits", new WantedFetch(), () -> {});
    FetchState state = exchange.getVariable("fetch", FetchState.class);

    await()
        .atMost(10, SECONDS)
        .until(() -> state.answer() != null && state.answer().body().bytes() == null);
  }

  @Test
  void anIdThatComesAfterAnOutageIsCalledNoMoreOftenThanOneBefore() throws Exception {
    CountDownLatch served = new CountDownLatch(2);
    fetch("one", new WantedFetch(), served::countDown);
    await().atMost(10, SECONDS).until(() -> served.getCount() == 1);
    down = true;
    fetch("two", new WantedFetch(), served::countDown);
    await().atMost(10, SECONDS).until(() -> !fetcher.outageDetector().isUp());
    down = false;
    served.await();

    CountDownLatch ended = new CountDownLatch(1);
    Exchange refused = fetch("refused", new WantedFetch(), ended::countDown);
    ended.await();

    assertInstanceOf(ApiFailure.class, refused.getException());
    assertEquals(4, calls.get("refused"));
  }

  @Test
  void anyNumberOfIdsMayPauseAtOnce() throws Exception {
    int count = 1_100;
    CountDownLatch ended = new CountDownLatch(count);
    List<Exchange> exchanges = new ArrayList<>();
    for (int number = 0; number < count; number++) {
      exchanges.add(fetch("paused-" + number, new WantedFetch(), ended::countDown));
    }

    ended.await();
    exchanges.forEach(exchange -> assertNull(exchange.getException()));
    exchanges.forEach(exchange -> assertNotNull(exchange.getMessage().getBody()));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatALimitRefusedDoesNotCountWithAFailureOfAnotherKind(boolean passes) throws Exception {
    CountDownLatch served = new CountDownLatch(200);
    for (int number = 0; number < 200; number++) {
      fetch("good-" + number, new WantedFetch(), served::countDown);
    }
    served.await();
    CountDownLatch ended = new CountDownLatch(2);
    fetch(passes ? "limited-once" : "good", new WantedFetch(), ended::countDown);
    Exchange limited = fetch("limited", new WantedFetch(), ended::countDown);

    ended.await();
    assertNull(limited.getException());
    assertEquals(4, calls.get("limited"));
  }

  @Test
  void aVariableThatAStepReplacedEndsItsExchangeAndNoOther() throws Exception {
    CountDownLatch ended = new CountDownLatch(2);
    Exchange exchange = fetch("replaced", null, ended::countDown);
    fetch("good", new WantedFetch(), ended::countDown);

    ended.await();
    assertInstanceOf(IllegalStateException.class, exchange.getException());
    assertEquals(Map.of("good", 1), calls);
  }

  @ParameterizedTest
  @NullSource
  @ValueSource(strings = "what a step before it made of the query")
  void aBodyThatIsNoQueryEndsItsExchangeWithoutACall(String body) throws Exception {
    CountDownLatch ended = new CountDownLatch(1);
    Exchange exchange = fetch((Object) body, new WantedFetch(), ended::countDown);

    ended.await();
    assertInstanceOf(InvalidPayloadException.class, exchange.getException());
    assertEquals(Map.of(), calls);
  }
}
