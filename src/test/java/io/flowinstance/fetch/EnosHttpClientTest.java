package io.flowinstance.fetch;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.flowinstance.enos.AnswerTooLargeException;
import io.flowinstance.harness.FreePort;
import io.flowinstance.simulator.ApiRequest;
import io.flowinstance.simulator.HttpListener;
import io.flowinstance.trace.Tracing;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.apache.hc.client5.http.classic.methods.HttpGet;
import org.apache.hc.client5.http.classic.methods.HttpPost;
import org.apache.hc.client5.http.classic.methods.HttpUriRequestBase;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.io.entity.EntityUtils;
import org.apache.hc.core5.http.io.entity.StringEntity;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class EnosHttpClientTest {
  private static final Duration TIMEOUT = Duration.ofMillis(600);
  private static final int MAX_BYTES = 256 << 10;

  private final AtomicInteger inFlight = new AtomicInteger();
  private final EnosHttpClient client =
      new EnosHttpClient(
          new EnosHttpClient.Options(
              8, TIMEOUT, MAX_BYTES, inFlight, Tracing.off(), "test", null, null));
  private final List<ApiRequest> requests = new CopyOnWriteArrayList<>();
  private HttpListener server;

  private record Got(int status, byte[] body) {
    String text() {
      return new String(body, UTF_8);
    }
  }

  @AfterEach
  void noCallIsLeft() throws IOException {
    client.close();
    server.close();
    assertEquals(0, inFlight.get(), "calls in flight");
  }

  private void serve(HttpListener.Handler handler) {
    server =
        new HttpListener(
            FreePort.pick(),
            (request, connection) -> {
              requests.add(request);
              handler.answer(request, connection);
            });
  }

  private static void empty(HttpListener.Connection connection) throws IOException {
    connection.send(200, Map.of(), "{}".getBytes(UTF_8));
  }

  private Got get() throws IOException {
    return call(new HttpGet("http://localhost:" + server.port() + "/"));
  }

  private Got post() throws IOException {
    HttpPost request = new HttpPost("http://localhost:" + server.port() + "/");
    request.setEntity(new StringEntity("{}"));
    return call(request);
  }

  private Got call(HttpUriRequestBase request) throws IOException {
    return client
        .http()
        .execute(
            request,
            response ->
                new Got(
                    response.getCode(),
                    response.getEntity() == null
                        ? new byte[0]
                        : EntityUtils.toByteArray(response.getEntity())));
  }

  /** Answers, and closes the connection without having said so. */
  private static HttpListener.Handler closesAfterEachAnswer() {
    return (request, connection) -> {
      empty(connection);
      connection.close();
    };
  }

  @Test
  void keepsOneConnectionForCallsInTurn() throws IOException {
    serve((request, connection) -> empty(connection));

    for (int i = 0; i < 20; i++) {
      assertEquals("{}", get().text());
    }

    assertEquals(1, server.accepted());
  }

  @Test
  void anAnswerWithoutABodyHasAnEmptyOne() throws IOException {
    serve((request, connection) -> connection.write("HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n"));

    for (int i = 0; i < 2; i++) {
      Got got = get();
      assertEquals(204, got.status());
      assertEquals(0, got.body().length);
    }

    assertEquals(1, server.accepted());
  }

  @Test
  void asksForJsonAndGzip() throws IOException {
    serve((request, connection) -> empty(connection));

    get();
    post();

    for (ApiRequest request : requests) {
      assertEquals("application/json", request.header("Accept").orElseThrow());
      assertEquals("gzip", request.header("Accept-Encoding").orElseThrow());
      assertEquals("test", request.header("User-Agent").orElseThrow());
      assertTrue(request.header("Upgrade").isEmpty());
    }
    assertEquals(2, requests.size());
  }

  @Test
  void noCallFailsWhenTheServerClosesEachConnectionAfterItsAnswer() throws Exception {
    serve(closesAfterEachAnswer());
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Future<Got>> calls = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        calls.add(threads.submit(this::get));
      }
      for (Future<Got> call : calls) {
        assertEquals(200, call.get().status());
      }
    } finally {
      threads.shutdownNow();
    }

    assertEquals(200, requests.size());
  }

  @Test
  void aConnectionThatWasClosedWhileItWasIdleCostsNoCall() throws IOException {
    AtomicBoolean closed = new AtomicBoolean();
    serve(
        (request, connection) -> {
          empty(connection);
          if (connection.number() == 1) {
            connection.close();
            closed.set(true);
          }
        });
    get();
    await().untilTrue(closed);
    long idleSince = System.nanoTime();
    await().until(() -> System.nanoTime() - idleSince > TimeUnit.MILLISECONDS.toNanos(80));

    assertEquals(200, get().status());

    assertEquals(2, requests.size());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aReusedConnectionThatEndsInSilenceIsReplacedByANewOneAtOnce(boolean reset)
      throws IOException {
    serve(
        (request, connection) -> {
          if (connection.requests() == 1) {
            empty(connection);
          } else {
            breakOff(connection, reset);
          }
        });
    get();

    assertEquals(200, get().status());

    assertEquals(3, requests.size());
    assertEquals(2, server.accepted());
  }

  private static void breakOff(HttpListener.Connection connection, boolean reset) {
    if (reset) {
      connection.reset();
    } else {
      connection.close();
    }
  }

  @Test
  void aCallIsRepeatedOnce() throws IOException {
    serve(
        (request, connection) -> {
          if (requests.size() == 1) {
            empty(connection);
          } else {
            connection.close();
          }
        });
    get();

    assertThrows(IOException.class, this::get);

    assertEquals(3, requests.size());
  }

  @Test
  void aNewConnectionThatEndsInSilenceIsAFailure() throws IOException {
    serve((request, connection) -> connection.close());

    assertThrows(IOException.class, this::get);

    assertEquals(1, requests.size());
  }

  static Stream<Named<String>> beginnings() {
    return Stream.of(
        Named.of("a byte", "H"),
        Named.of("an empty line", "\r\n"),
        Named.of("an interim answer", "HTTP/1.1 102 Processing\r\n\r\n"),
        Named.of("a head", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"));
  }

  @ParameterizedTest
  @MethodSource("beginnings")
  void aReusedConnectionThatEndsAfterAByteIsAFailure(String beginning) throws IOException {
    serve(
        (request, connection) -> {
          if (connection.requests() == 1) {
            empty(connection);
          } else {
            connection.write(beginning);
            connection.close();
          }
        });
    get();

    assertThrows(IOException.class, this::get);

    assertEquals(2, requests.size());
  }

  @Test
  void aPostAlwaysGoesOnANewConnection() throws IOException {
    serve((request, connection) -> empty(connection));
    get();

    post();
    post();

    assertEquals(3, server.accepted());
    assertEquals(3, requests.size());
  }

  @Test
  void aPostIsNeverRepeated() throws IOException {
    serve((request, connection) -> connection.close());

    assertThrows(IOException.class, this::post);

    assertEquals(1, requests.size());
  }

  @Test
  void frozenConnectionsCostOneTimeoutForAll() throws Exception {
    CountDownLatch together = new CountDownLatch(8);
    AtomicBoolean frozen = new AtomicBoolean();
    serve(
        (request, connection) -> {
          if (connection.number() <= 8 && frozen.get()) {
            LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(30));
          }
          together.countDown();
          joined(together);
          empty(connection);
        });
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Future<Got>> warm = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        warm.add(threads.submit(this::get));
      }
      for (Future<Got> call : warm) {
        call.get();
      }
      assertEquals(8, server.accepted());
      frozen.set(true);

      assertThrows(SocketTimeoutException.class, this::get);

      for (int i = 0; i < 20; i++) {
        assertEquals(200, get().status());
      }
      assertEquals(9, server.accepted());
      assertEquals(8 + 1 + 20, requests.size());
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void aSlowAnswerBesideOthersCostsNoConnectionButItsOwn() throws Exception {
    CountDownLatch together = new CountDownLatch(2);
    AtomicBoolean slow = new AtomicBoolean();
    serve(
        (request, connection) -> {
          if (slow.getAndSet(false)) {
            LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(30));
          }
          together.countDown();
          joined(together);
          empty(connection);
        });
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try {
      List<Future<Got>> warm = List.of(threads.submit(this::get), threads.submit(this::get));
      for (Future<Got> call : warm) {
        call.get();
      }
      slow.set(true);
      Future<Got> late = threads.submit(this::get);
      await().until(() -> requests.size() == 3);

      while (!late.isDone()) {
        get();
      }
      assertThrows(ExecutionException.class, late::get);
      get();
    } finally {
      threads.shutdownNow();
    }

    assertEquals(2, server.accepted());
  }

  private static void joined(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aProbeDoesNotWaitBehindCallsThatHang() throws Exception {
    CountDownLatch probed = new CountDownLatch(1);
    serve(
        (request, connection) -> {
          if (connection.number() <= 8) {
            joined(probed);
          }
          empty(connection);
        });
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Future<Got>> hanging = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        hanging.add(threads.submit(this::get));
      }
      await().until(() -> requests.size() == 8);
      assertEquals(8, inFlight.get());

      assertEquals(200, get().status());

      probed.countDown();
      for (Future<Got> call : hanging) {
        assertEquals(200, call.get().status());
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void connectionsInUseAreNotKeptWhenTheyAreClosedMeanwhile() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch closed = new CountDownLatch(1);
    serve(
        (request, connection) -> {
          if (connection.number() == 1) {
            OutputStream out = connection.open(200, Map.of(), 2);
            out.write('{');
            out.flush();
            asked.countDown();
            joined(closed);
            out.write('}');
          } else {
            empty(connection);
          }
        });
    ExecutorService threads = Executors.newSingleThreadExecutor();
    try {
      Future<Got> underWay = threads.submit(this::get);
      asked.await();
      client.closeConnections();
      closed.countDown();
      assertEquals(200, underWay.get().status());
    } finally {
      threads.shutdownNow();
    }

    get();
    get();

    assertEquals(2, server.accepted());
  }

  @Test
  void closesIdleConnectionsWhenItIsTold() throws Exception {
    CountDownLatch gone = new CountDownLatch(1);
    serve(
        (request, connection) -> {
          empty(connection);
          if (connection.number() == 1) {
            connection.awaitEnd();
            gone.countDown();
          }
        });
    get();

    client.closeConnections();

    assertTrue(gone.await(10, TimeUnit.SECONDS), "the server sees the end of the connection");
    get();
    assertEquals(2, server.accepted());
  }

  @Test
  void anAnswerInGzipIsUnpacked() throws IOException {
    serve(answers(200, Map.of("Content-Encoding", "gzip"), gzip("{\"a\":1}".getBytes(UTF_8))));

    assertEquals("{\"a\":1}", get().text());
  }

  static Stream<Named<byte[]>> lies() throws IOException {
    byte[] packed = gzip("<html>not found</html>".getBytes(UTF_8));
    return Stream.of(
        Named.of("not packed", "<html>not found</html>".getBytes(UTF_8)),
        Named.of("empty", new byte[0]),
        Named.of("cut short", Arrays.copyOf(packed, packed.length - 9)),
        Named.of("a broken checksum", broken(packed)));
  }

  @ParameterizedTest
  @MethodSource("lies")
  void aStatusStandsWhateverItsBodyIs(byte[] body) throws IOException {
    serve(answers(404, Map.of("Content-Encoding", "gzip"), body));

    Got got = get();
    get();

    assertEquals(404, got.status());
    assertTrue("<html>not found</html>".startsWith(got.text()), got.text());
    assertEquals(1, server.accepted());
  }

  @Test
  void aStatusStandsWhenItsBodyBreaksOff() throws IOException {
    serve(
        (request, connection) -> {
          connection.write("HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n\r\ngone");
          connection.close();
        });

    assertEquals(new Got(404, null).status(), get().status());
    assertEquals("gone", get().text());
  }

  @Test
  void aStatusStandsWhenItsBodyDoesNotEnd() throws IOException {
    serve(
        (request, connection) -> {
          connection.write("HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n");
          while (true) {
            connection.write(("1000\r\n" + "x".repeat(0x1000) + "\r\n"));
          }
        });

    Got got = get();

    assertEquals(503, got.status());
    assertEquals(64 << 10, got.body().length);
  }

  @Test
  void aSuccessWhoseGzipIsBrokenComesAsItIs() throws IOException {
    byte[] broken = broken(gzip("{\"a\":1}".getBytes(UTF_8)));
    serve(answers(200, Map.of("Content-Encoding", "gzip"), broken));

    assertEquals(new String(broken, ISO_8859_1), new String(get().body(), ISO_8859_1));
  }

  @Test
  void aSmallGzipThatUnpacksToTooMuchIsTooLarge() throws IOException {
    serve(answers(200, Map.of("Content-Encoding", "gzip"), gzip(new byte[MAX_BYTES + 1])));

    assertThrows(AnswerTooLargeException.class, this::get);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void anAnswerMayHaveJustAsManyBytesAsAllowed(boolean packed) throws IOException {
    byte[] body = " ".repeat(MAX_BYTES).getBytes(UTF_8);
    serve(
        packed
            ? answers(200, Map.of("Content-Encoding", "gzip"), gzip(body))
            : answers(200, Map.of(), body));

    assertEquals(MAX_BYTES, get().body().length);
    assertEquals(MAX_BYTES, get().body().length);
    assertEquals(1, server.accepted());
  }

  @Test
  void anAnswerWithOneByteMoreThanAllowedIsTooLarge() throws IOException {
    serve(answers(200, Map.of(), new byte[MAX_BYTES + 1]));

    assertThrows(AnswerTooLargeException.class, this::get);
  }

  static Stream<Named<String>> heads() {
    return Stream.of(
        Named.of("a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}"),
        Named.of("a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}"),
        Named.of(
            "a length beyond all numbers",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}"),
        Named.of(
            "two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 20\r\n\r\n{}"),
        Named.of("101 headers", "HTTP/1.1 200 OK\r\n" + "A: b\r\n".repeat(101) + "\r\n{}"),
        Named.of(
            "a header of 17 KiB", "HTTP/1.1 200 OK\r\nA: " + "b".repeat(17 << 10) + "\r\n\r\n{}"),
        Named.of("no HTTP", "SSH-2.0-OpenSSH_9.6\r\n\r\n"),
        Named.of("a switch of protocols", "HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n"));
  }

  @ParameterizedTest
  @MethodSource("heads")
  void aHeadThatIsNoneIsAFailureOfTheConnection(String head) throws IOException {
    serve(
        (request, connection) -> {
          connection.write(head);
          connection.close();
        });

    IOException failure = assertThrows(IOException.class, this::get);

    assertFalse(failure instanceof AnswerTooLargeException, failure.toString());
    assertEquals(1, requests.size());
  }

  @Test
  void endlessHeadersTakeLittleMemory() throws IOException {
    serve(
        (request, connection) -> {
          connection.write("HTTP/1.1 200 OK\r\nA: ");
          endless(connection, "b".repeat(0x1000));
        });
    assertThrows(IOException.class, this::get);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getThreadAllocatedBytes(Thread.currentThread().getId());

    assertThrows(IOException.class, this::get);

    long taken = threads.getThreadAllocatedBytes(Thread.currentThread().getId()) - before;
    assertTrue(taken < 1 << 20, taken + " bytes");
  }

  private static void endless(HttpListener.Connection connection, String part) throws IOException {
    while (true) {
      connection.write(part);
    }
  }

  @Test
  void endlessInterimAnswersEndWithTheTimeout() {
    serve(
        (request, connection) -> {
          while (true) {
            connection.write("HTTP/1.1 102 Processing\r\n\r\n");
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
          }
        });

    assertTimesOut();
  }

  @Test
  void aBodyThatTricklesEndsWithTheTimeout() {
    serve(
        (request, connection) -> {
          connection.write("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n");
          trickle(connection);
        });

    assertTimesOut();
  }

  @Test
  void aHeadThatTricklesEndsWithTheTimeout() {
    serve(
        (request, connection) -> {
          connection.write("HTTP/1.1 200 OK\r\nA: ");
          trickle(connection);
        });

    assertTimesOut();
  }

  private static void trickle(HttpListener.Connection connection) throws IOException {
    while (true) {
      connection.write("x");
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
    }
  }

  private void assertTimesOut() {
    long begin = System.nanoTime();
    IOException failure = assertThrows(IOException.class, this::get);
    long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);

    assertInstanceOf(SocketTimeoutException.class, failure);
    assertEquals("no whole answer within 600 ms", failure.getMessage());
    assertTrue(took >= TIMEOUT.toMillis() - 1 && took < 3 * TIMEOUT.toMillis(), took + " ms");
    assertEquals(1, requests.size());
  }

  @Test
  void aFailureQuotesNoSecretOfTheCall() {
    serve(
        (request, connection) -> {
          connection.write(("token " + request.header("apim-accesstoken").orElseThrow() + "\r\n"));
          connection.write(("Content-Length: x\r\n\r\n"));
          connection.close();
        });
    HttpGet request = new HttpGet("http://localhost:" + server.port() + "/");
    request.setHeader("apim-accesstoken", "a-token-to-hide");

    IOException failure = assertThrows(IOException.class, () -> call(request));

    for (Throwable t = failure; t != null; t = t.getCause()) {
      assertFalse(String.valueOf(t.getMessage()).contains("a-token-to-hide"), t.toString());
    }
  }

  private static HttpListener.Handler answers(
      int status, Map<String, String> headers, byte[] body) {
    return (request, connection) -> connection.send(status, headers, body);
  }

  private static byte[] gzip(byte[] bytes) throws IOException {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
      out.write(bytes);
    }
    return packed.toByteArray();
  }

  private static byte[] broken(byte[] gzip) {
    byte[] broken = gzip.clone();
    broken[gzip.length - 8] ^= 0x55;
    return broken;
  }

  @Test
  void logsInToAProxyThatAsksForIt() throws IOException {
    serve(
        (request, connection) -> {
          String login = request.header("Proxy-Authorization").orElse("");
          if (login.equals("Basic dXNlcjpwYXNz")) {
            empty(connection);
          } else {
            connection.send(407, Map.of("Proxy-Authenticate", "Basic realm=\"p\""), new byte[0]);
          }
        });
    HttpHost proxy = new HttpHost("http", "127.0.0.1", server.port());
    try (EnosHttpClient through =
        new EnosHttpClient(
            new EnosHttpClient.Options(
                1,
                TIMEOUT,
                MAX_BYTES,
                inFlight,
                Tracing.off(),
                "test",
                null,
                new EnosHttpClient.Proxy(proxy, "user", "pass")))) {
      int status =
          through
              .http()
              .execute(new HttpGet("http://apigw.example/x"), response -> response.getCode());
      assertEquals(200, status);
    }
    assertEquals(2, requests.size());
  }
}
