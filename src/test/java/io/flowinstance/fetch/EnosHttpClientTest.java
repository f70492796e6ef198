package io.flowinstance.fetch;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.flowinstance.enos.AnswerTooLargeException;
import io.flowinstance.trace.Tracing;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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
      EnosHttpClient.create(
          new EnosHttpClient.Options(
              8, TIMEOUT, MAX_BYTES, inFlight, Tracing.off(), "test", null, null));
  private ScriptedServer server;

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

  private void serve(ScriptedServer.Script script) {
    server = new ScriptedServer(script);
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
  private static ScriptedServer.Script closesAfterEachAnswer() {
    return (request, out) -> {
      out.write(ScriptedServer.answer(200, "", "{}".getBytes(UTF_8)));
      out.flush();
      request.socket().close();
    };
  }

  @Test
  void keepsOneConnectionForCallsInTurn() throws IOException {
    serve(ScriptedServer.json("{}"));

    for (int i = 0; i < 20; i++) {
      assertEquals("{}", get().text());
    }

    assertEquals(1, server.connections());
  }

  @Test
  void anAnswerWithoutABodyHasAnEmptyOne() throws IOException {
    serve(
        (request, out) ->
            out.write("HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n".getBytes(ISO_8859_1)));

    for (int i = 0; i < 2; i++) {
      Got got = get();
      assertEquals(204, got.status());
      assertEquals(0, got.body().length);
    }

    assertEquals(1, server.connections());
  }

  @Test
  void asksForJsonAndGzip() throws IOException {
    serve(ScriptedServer.json("{}"));

    get();
    post();

    for (ScriptedServer.Request request : server.requests()) {
      assertEquals("application/json", request.header("Accept"));
      assertEquals("gzip", request.header("Accept-Encoding"));
      assertEquals("test", request.header("User-Agent"));
      assertNull(request.header("Upgrade"));
    }
    assertEquals(2, server.requests().size());
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

    assertEquals(200, server.requests().size());
  }

  @Test
  void aConnectionThatWasClosedWhileItWasIdleCostsNoCall() throws IOException {
    AtomicBoolean closed = new AtomicBoolean();
    serve(
        (request, out) -> {
          out.write(ScriptedServer.answer(200, "", "{}".getBytes(UTF_8)));
          out.flush();
          if (request.connection() == 1) {
            request.socket().close();
            closed.set(true);
          }
        });
    get();
    await().untilTrue(closed);
    long idleSince = System.nanoTime();
    await().until(() -> System.nanoTime() - idleSince > TimeUnit.MILLISECONDS.toNanos(80));

    assertEquals(200, get().status());

    assertEquals(2, server.requests().size());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aReusedConnectionThatEndsInSilenceIsReplacedByANewOneAtOnce(boolean reset)
      throws IOException {
    serve(
        (request, out) -> {
          if (request.number() == 1) {
            out.write(ScriptedServer.answer(200, "", "{}".getBytes(UTF_8)));
          } else {
            breakOff(request.socket(), reset);
          }
        });
    get();

    assertEquals(200, get().status());

    assertEquals(3, server.requests().size());
    assertEquals(2, server.connections());
  }

  private static void breakOff(Socket socket, boolean reset) throws IOException {
    if (reset) {
      socket.setSoLinger(true, 0);
    }
    socket.close();
  }

  @Test
  void aCallIsRepeatedOnce() throws IOException {
    serve(
        (request, out) -> {
          if (server.requests().size() == 1) {
            out.write(ScriptedServer.answer(200, "", "{}".getBytes(UTF_8)));
          } else {
            request.socket().close();
          }
        });
    get();

    assertThrows(IOException.class, this::get);

    assertEquals(3, server.requests().size());
  }

  @Test
  void aNewConnectionThatEndsInSilenceIsAFailure() throws IOException {
    serve((request, out) -> request.socket().close());

    assertThrows(IOException.class, this::get);

    assertEquals(1, server.requests().size());
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
        (request, out) -> {
          if (request.number() == 1) {
            out.write(ScriptedServer.answer(200, "", "{}".getBytes(UTF_8)));
          } else {
            out.write(beginning.getBytes(ISO_8859_1));
            out.flush();
            request.socket().close();
          }
        });
    get();

    assertThrows(IOException.class, this::get);

    assertEquals(2, server.requests().size());
  }

  @Test
  void aPostAlwaysGoesOnANewConnection() throws IOException {
    serve(ScriptedServer.json("{}"));
    get();

    post();
    post();

    assertEquals(3, server.connections());
    server.requests().forEach(request -> assertEquals(1, request.number()));
  }

  @Test
  void aPostIsNeverRepeated() throws IOException {
    serve((request, out) -> request.socket().close());

    assertThrows(IOException.class, this::post);

    assertEquals(1, server.requests().size());
  }

  @Test
  void frozenConnectionsCostOneTimeoutForAll() throws Exception {
    CountDownLatch together = new CountDownLatch(8);
    AtomicBoolean frozen = new AtomicBoolean();
    serve(
        (request, out) -> {
          if (request.connection() <= 8 && frozen.get()) {
            LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(30));
          }
          together.countDown();
          joined(together);
          out.write(ScriptedServer.answer(200, "", "{}".getBytes(UTF_8)));
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
      assertEquals(8, server.connections());
      frozen.set(true);

      assertThrows(SocketTimeoutException.class, this::get);

      for (int i = 0; i < 20; i++) {
        assertEquals(200, get().status());
      }
      assertEquals(9, server.connections());
      assertEquals(8 + 1 + 20, server.requests().size());
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void aSlowAnswerBesideOthersCostsNoConnectionButItsOwn() throws Exception {
    CountDownLatch together = new CountDownLatch(2);
    AtomicBoolean slow = new AtomicBoolean();
    serve(
        (request, out) -> {
          if (slow.getAndSet(false)) {
            LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(30));
          }
          together.countDown();
          joined(together);
          out.write(ScriptedServer.answer(200, "", "{}".getBytes(UTF_8)));
        });
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try {
      List<Future<Got>> warm = List.of(threads.submit(this::get), threads.submit(this::get));
      for (Future<Got> call : warm) {
        call.get();
      }
      slow.set(true);
      Future<Got> late = threads.submit(this::get);
      await().until(() -> server.requests().size() == 3);

      while (!late.isDone()) {
        get();
      }
      assertThrows(ExecutionException.class, late::get);
      get();
    } finally {
      threads.shutdownNow();
    }

    assertEquals(2, server.connections());
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
        (request, out) -> {
          if (request.connection() <= 8) {
            joined(probed);
          }
          out.write(ScriptedServer.answer(200, "", "{}".getBytes(UTF_8)));
        });
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Future<Got>> hanging = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        hanging.add(threads.submit(this::get));
      }
      await().until(() -> server.requests().size() == 8);
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
        (request, out) -> {
          if (request.connection() == 1) {
            byte[] answer = ScriptedServer.answer(200, "", "{}".getBytes(UTF_8));
            out.write(answer, 0, answer.length - 1);
            out.flush();
            asked.countDown();
            joined(closed);
            out.write(answer, answer.length - 1, 1);
          } else {
            out.write(ScriptedServer.answer(200, "", "{}".getBytes(UTF_8)));
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

    assertEquals(2, server.connections());
  }

  @Test
  void closesIdleConnectionsWhenItIsTold() throws Exception {
    CountDownLatch gone = new CountDownLatch(1);
    serve(
        (request, out) -> {
          out.write(ScriptedServer.answer(200, "", "{}".getBytes(UTF_8)));
          out.flush();
          if (request.connection() == 1 && request.socket().getInputStream().read() < 0) {
            gone.countDown();
          }
        });
    get();

    client.closeConnections();

    assertTrue(gone.await(10, TimeUnit.SECONDS), "the server sees the end of the connection");
    get();
    assertEquals(2, server.connections());
  }

  @Test
  void anAnswerInGzipIsUnpacked() throws IOException {
    serve(answers(200, "Content-Encoding: gzip\r\n", gzip("{\"a\":1}".getBytes(UTF_8))));

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
    serve(answers(404, "Content-Encoding: gzip\r\n", body));

    Got got = get();
    get();

    assertEquals(404, got.status());
    assertTrue("<html>not found</html>".startsWith(got.text()), got.text());
    assertEquals(1, server.connections());
  }

  @Test
  void aStatusStandsWhenItsBodyBreaksOff() throws IOException {
    serve(
        (request, out) -> {
          out.write("HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n\r\ngone".getBytes(UTF_8));
          out.flush();
          request.socket().close();
        });

    assertEquals(new Got(404, null).status(), get().status());
    assertEquals("gone", get().text());
  }

  @Test
  void aStatusStandsWhenItsBodyDoesNotEnd() throws IOException {
    serve(
        (request, out) -> {
          out.write("HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n".getBytes(UTF_8));
          while (true) {
            out.write(("1000\r\n" + "x".repeat(0x1000) + "\r\n").getBytes(UTF_8));
          }
        });

    Got got = get();

    assertEquals(503, got.status());
    assertEquals(64 << 10, got.body().length);
  }

  @Test
  void aSuccessWhoseGzipIsBrokenComesAsItIs() throws IOException {
    byte[] broken = broken(gzip("{\"a\":1}".getBytes(UTF_8)));
    serve(answers(200, "Content-Encoding: gzip\r\n", broken));

    assertEquals(new String(broken, ISO_8859_1), new String(get().body(), ISO_8859_1));
  }

  @Test
  void aSmallGzipThatUnpacksToTooMuchIsTooLarge() throws IOException {
    serve(answers(200, "Content-Encoding: gzip\r\n", gzip(new byte[MAX_BYTES + 1])));

    assertThrows(AnswerTooLargeException.class, this::get);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void anAnswerMayHaveJustAsManyBytesAsAllowed(boolean packed) throws IOException {
    byte[] body = " ".repeat(MAX_BYTES).getBytes(UTF_8);
    serve(packed ? answers(200, "Content-Encoding: gzip\r\n", gzip(body)) : answers(200, "", body));

    assertEquals(MAX_BYTES, get().body().length);
    assertEquals(MAX_BYTES, get().body().length);
    assertEquals(1, server.connections());
  }

  @Test
  void anAnswerWithOneByteMoreThanAllowedIsTooLarge() throws IOException {
    serve(answers(200, "", new byte[MAX_BYTES + 1]));

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
        (request, out) -> {
          out.write(head.getBytes(ISO_8859_1));
          out.flush();
          request.socket().close();
        });

    IOException failure = assertThrows(IOException.class, this::get);

    assertFalse(failure instanceof AnswerTooLargeException, failure.toString());
    assertEquals(1, server.requests().size());
  }

  @Test
  void endlessHeadersTakeLittleMemory() throws IOException {
    serve(
        (request, out) -> {
          out.write("HTTP/1.1 200 OK\r\nA: ".getBytes(ISO_8859_1));
          endless(out, "b".repeat(0x1000));
        });
    assertThrows(IOException.class, this::get);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getThreadAllocatedBytes(Thread.currentThread().getId());

    assertThrows(IOException.class, this::get);

    long taken = threads.getThreadAllocatedBytes(Thread.currentThread().getId()) - before;
    assertTrue(taken < 1 << 20, taken + " bytes");
  }

  private static void endless(OutputStream out, String part) throws IOException {
    byte[] bytes = part.getBytes(ISO_8859_1);
    while (true) {
      out.write(bytes);
    }
  }

  @Test
  void endlessInterimAnswersEndWithTheTimeout() {
    serve(
        (request, out) -> {
          while (true) {
            out.write("HTTP/1.1 102 Processing\r\n\r\n".getBytes(ISO_8859_1));
            out.flush();
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
          }
        });

    assertTimesOut();
  }

  @Test
  void aBodyThatTricklesEndsWithTheTimeout() {
    serve(
        (request, out) -> {
          out.write("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n".getBytes(ISO_8859_1));
          trickle(out);
        });

    assertTimesOut();
  }

  @Test
  void aHeadThatTricklesEndsWithTheTimeout() {
    serve(
        (request, out) -> {
          out.write("HTTP/1.1 200 OK\r\nA: ".getBytes(ISO_8859_1));
          trickle(out);
        });

    assertTimesOut();
  }

  private static void trickle(OutputStream out) throws IOException {
    while (true) {
      out.write('x');
      out.flush();
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
    assertEquals(1, server.requests().size());
  }

  @Test
  void aFailureQuotesNoSecretOfTheCall() {
    serve(
        (request, out) -> {
          out.write(("token " + request.header("apim-accesstoken") + "\r\n").getBytes(ISO_8859_1));
          out.write(("Content-Length: x\r\n\r\n").getBytes(ISO_8859_1));
          out.flush();
          request.socket().close();
        });
    HttpGet request = new HttpGet("http://localhost:" + server.port() + "/");
    request.setHeader("apim-accesstoken", "a-token-to-hide");

    IOException failure = assertThrows(IOException.class, () -> call(request));

    for (Throwable t = failure; t != null; t = t.getCause()) {
      assertFalse(String.valueOf(t.getMessage()).contains("a-token-to-hide"), t.toString());
    }
  }

  private static ScriptedServer.Script answers(int status, String headers, byte[] body) {
    return (request, out) -> out.write(ScriptedServer.answer(status, headers, body));
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
    server =
        new ScriptedServer(
            (request, out) -> {
              boolean known = "Basic dXNlcjpwYXNz".equals(request.header("Proxy-Authorization"));
              out.write(
                  (known
                          ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
                          : "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=\"p\"\r\n"
                              + "Content-Length: 0\r\n\r\n")
                      .getBytes(UTF_8));
            });
    HttpHost proxy = new HttpHost("http", "127.0.0.1", server.port());
    try (EnosHttpClient through =
        EnosHttpClient.create(
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
    assertEquals(2, server.requests().size());
  }
}
