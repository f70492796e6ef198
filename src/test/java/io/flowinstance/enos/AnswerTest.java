package io.flowinstance.enos;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.ConnectException;
import java.nio.charset.Charset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AnswerTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "200 | {\"status\":62101,\"msg\":\"no user\"}  | ACCESS_DENIED   | 62101",
        "200 | {\"status\":62102}                      | REJECTED   | 62102",
        "200 | {\"code\":62103}                        | REJECTED   | 62103",
        "200 | {\"code\":\"62104\"}                    | REJECTED   | 62104",
        "200 | {\"code\":62103,\"msg\":\"no\",\"instanceId\":\"1-2\"} | REJECTED | 62103",
        "400 | {\"message\":\"bad body\"}              | ACCESS_DENIED   |",
        "404 | <html></html>                           | ACCESS_DENIED   |",
        "413 | ``                                      | ACCESS_DENIED   |",
        "500 | {\"status\":62102}                      | REJECTED   | 62102",
        "200 | {\"status\":62105}                      | TRANSIENT | 62105",
        "200 | {\"status\":62109.0}                    | TRANSIENT | 62109",
        "200 | {\"code\":\"6.2103E4\"}                | REJECTED  | 62103",
        "200 | {\"status\":62102.5}                    | NOT_UNDERSTOOD |",
        "200 | {\"status\":4294967296}                 | NOT_UNDERSTOOD |",
        "200 | {\"status\":62109}                      | TRANSIENT | 62109",
        "200 | {\"status\":1005}                       | TRANSIENT | 1005",
        "429 | {\"message\":\"limit\"}                 | RATE_LIMITED |",
        "500 | ``                                      | TRANSIENT |",
        "503 | <html>                                  | TRANSIENT |",
        "408 | ``                                      | TRANSIENT |",
        "200 | {\"status\":1203}                       | ACCESS_TOKEN | 1203",
        "401 | {\"message\":\"invalid\"}               | ACCESS_TOKEN |",
        "403 | {\"message\":\"ip\"}                    | ACCESS_DENIED |",
        "200 | {\"status\":1001}                       | ACCESS_DENIED | 1001",
        "200 | {\"status\":1002}                       | ACCESS_DENIED | 1002",
        "200 | {\"status\":1003}                       | ACCESS_DENIED | 1003",
        "200 | {\"status\":1004}                       | ACCESS_DENIED | 1004",
        "200 | {\"status\":1202}                       | ACCESS_DENIED | 1202",
        "200 | {\"status\":1204}                       | ACCESS_DENIED | 1204",
        "302 | ``                                      | ACCESS_DENIED |",
        "200 | {\"status\":77777}                      | NOT_UNDERSTOOD | 77777",
        "200 | {\"status\":0,\"data\":null}            | UNREADABLE | 0",
        "200 | {\"status\":0}                          | UNREADABLE | 0",
        "200 | <html>                                  | NOT_UNDERSTOOD |",
        "200 | {\"message\":\"no route\"}              | NOT_UNDERSTOOD |",
        "200 | {\"data\":{\"page\":\"login\"}}           | NOT_UNDERSTOOD |",
        "404 | {\"status\":404,\"error\":\"Not Found\"} | ACCESS_DENIED | 404",
        "404 | {\"status\":0,\"data\":{}}              | ACCESS_DENIED | 0",
        "200 | []                                      | NOT_UNDERSTOOD |",
        "200 | ``                                      | NOT_UNDERSTOOD |",
        "204 | ``                                      | NOT_UNDERSTOOD |",
      })
  void everyAnswerHasItsKind(int status, String body, FailureKind kind, Integer code) {
    byte[] bytes = body == null ? null : body.getBytes(UTF_8);
    ApiFailure failure =
        assertThrows(ApiFailure.class, () -> new Answer(status, bytes, "7").data());

    assertEquals(kind, failure.kind(), failure.getMessage());
    assertEquals(status, failure.httpStatus());
    assertEquals(code, failure.apiCode());
    assertEquals("7", failure.retryAfter());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"status\":0,\"msg\":\" Success\",\"data\":{\"flowId\":1}}",
        "{\"code\":0,\"msg\":\"OK\",\"data\":{\"flowId\":1}}",
        "{\"status\":\"0\",\"data\":{\"flowId\":1}}",
        "{\"data\":{\"instanceId\":\"1-2\",\"flowId\":1}}",
      })
  void takesTheDataOutOfEitherEnvelope(String body) {
    assertEquals(1, new Answer(200, body.getBytes(UTF_8), null).data().get("flowId").asInt());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"status\":62109,\"msg\":\"服务器\"}|GBK|TRANSIENT|62109",
        "{\"status\":62102.0,\"msg\":\"é\",\"data\":null}|ISO-8859-1|REJECTED|62102",
        "{\"msg\":\"表\",\"status\":62105}|Shift_JIS|TRANSIENT|62105",
        "{\"msg\":\"成功\",\"status\":0,\"data\":{\"flowId\":1,\"flowName\":\"成功\"}}|GBK|UNREADABLE|0",
        "{\"instanceId\":\"成功\"}|GBK|NOT_UNDERSTOOD|",
        "<html>成功</html>|GBK|NOT_UNDERSTOOD|",
      })
  void anEnvelopeThatIsNoUtf8HasItsCode(
      String body, String charset, FailureKind kind, Integer code) {
    byte[] bytes = body.getBytes(Charset.forName(charset));
    ApiFailure failure = assertThrows(ApiFailure.class, () -> new Answer(200, bytes, null).data());

    assertEquals(kind, failure.kind(), failure.getMessage());
    assertEquals(code, failure.apiCode());
    assertTrue(
        failure.getMessage().chars().allMatch(c -> c < 128),
        "what cannot be read is not quoted: " + failure.getMessage());
  }

  @Test
  void takesAnInstanceWithoutAnEnvelopeWhoseStatusIsItsOwn() {
    byte[] body = "{\"instanceId\":\"1-2\",\"status\":1}".getBytes(UTF_8);

    assertEquals("1-2", new Answer(200, body, null).data().get("instanceId").asText());
  }

  @Test
  void saysInOneSentenceWhatTheApiSaid() {
    byte[] body = "{\"status\":62102,\"msg\":\"invalid parameter\"}".getBytes(UTF_8);

    assertEquals(
        "The API rejects this id: HTTP 200, code 62102 (invalid parameter).",
        assertThrows(ApiFailure.class, () -> new Answer(200, body, null).data()).getMessage());
  }

  @Test
  void showsWhatATerminalWouldObey() {
    byte[] body = "{\"status\":62102,\"msg\":\"a\\u001b]52;c;\\u202eb\\u2028\"}".getBytes(UTF_8);

    assertEquals(
        "The API rejects this id: HTTP 200, code 62102 (a\uFFFD]52;c;\uFFFDb).",
        assertThrows(ApiFailure.class, () -> new Answer(200, body, null).data()).getMessage());
  }

  @Test
  void anAnswerOfTooManyTokensIsUnreadableAtOnce() {
    byte[] body = ("{\"status\":0,\"data\":[0" + ",0".repeat(1_000_000) + "]}").getBytes(UTF_8);
    ApiFailure failure = assertThrows(ApiFailure.class, () -> new Answer(200, body, null).data());

    assertEquals(FailureKind.UNREADABLE, failure.kind());
    assertEquals(
        "The answer is too large: The text has more than 1000000 JSON tokens.",
        failure.getMessage());
    assertEquals(2048, failure.response().length);
    assertEquals(
        FailureKind.TRANSIENT,
        assertThrows(ApiFailure.class, () -> new Answer(503, body, null).data()).kind());
  }

  @Test
  void tellsOfTheCallAlsoWithoutItsData() {
    byte[] body = "{\"status\":0,\"data\":{\"flowId\":1}}".getBytes(UTF_8);
    Answer kept = new Answer(200, body, null).withoutData();

    assertNull(kept.body().json());
    assertEquals(0, kept.apiCode());
    assertEquals(0, kept.unreadable("It is none.").apiCode());
    assertEquals(new String(body, UTF_8), new String(kept.excerpt(), UTF_8));
  }

  @Test
  void keepsTheFirst2KiBOfTheBody() {
    byte[] body = "x".repeat(5000).getBytes(UTF_8);

    assertEquals(
        2048,
        assertThrows(ApiFailure.class, () -> new Answer(503, body, null).data()).response().length);
  }

  @Test
  void aBrokenConnectionIsTransientAndATooLargeAnswerDoesNot() {
    assertEquals(FailureKind.TRANSIENT, ApiFailure.in(new ConnectException("refused")).kind());
    assertEquals(
        FailureKind.UNREADABLE,
        ApiFailure.in(new IOException(new AnswerTooLargeException(10))).kind());
    assertNull(ApiFailure.in(new IllegalStateException("a bug")));
  }
}
