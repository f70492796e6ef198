package io.flowinstance.enos;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.net.ConnectException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AnswerTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "200 | {\"status\":62101,\"msg\":\"no user\"}  | REJECTED   | 62101",
        "200 | {\"status\":62102}                      | REJECTED   | 62102",
        "200 | {\"code\":62103}                        | REJECTED   | 62103",
        "200 | {\"code\":\"62104\"}                    | REJECTED   | 62104",
        "400 | {\"message\":\"bad body\"}              | REJECTED   |",
        "404 | <html></html>                           | REJECTED   |",
        "413 | ``                                      | REJECTED   |",
        "500 | {\"status\":62102}                      | REJECTED   | 62102",
        "200 | {\"status\":62105}                      | PASSING    | 62105",
        "200 | {\"status\":62109}                      | PASSING    | 62109",
        "200 | {\"status\":1005}                       | PASSING    | 1005",
        "429 | {\"message\":\"limit\"}                 | PASSING    |",
        "500 | ``                                      | PASSING    |",
        "503 | <html>                                  | PASSING    |",
        "408 | ``                                      | PASSING    |",
        "200 | {\"status\":1203}                       | TOKEN      | 1203",
        "401 | {\"message\":\"invalid\"}               | TOKEN      |",
        "403 | {\"message\":\"ip\"}                    | REFUSED    |",
        "200 | {\"status\":1001}                       | REFUSED    | 1001",
        "200 | {\"status\":1002}                       | REFUSED    | 1002",
        "200 | {\"status\":1003}                       | REFUSED    | 1003",
        "200 | {\"status\":1004}                       | REFUSED    | 1004",
        "200 | {\"status\":1202}                       | REFUSED    | 1202",
        "200 | {\"status\":1204}                       | REFUSED    | 1204",
        "302 | ``                                      | REFUSED    |",
        "200 | {\"status\":77777}                      | UNREADABLE | 77777",
        "200 | {\"status\":0,\"data\":null}            | UNREADABLE | 0",
        "200 | {\"status\":0}                          | UNREADABLE | 0",
        "200 | <html>                                  | UNREADABLE |",
        "200 | []                                      | UNREADABLE |",
        "200 | ``                                      | UNREADABLE |",
        "204 | ``                                      | UNREADABLE |",
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
        "{\"data\":{\"flowId\":1}}",
      })
  void takesTheDataOutOfEitherEnvelope(String body) {
    assertEquals(1, new Answer(200, body.getBytes(UTF_8), null).data().get("flowId").asInt());
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
  void keepsTheFirst2KiBOfTheBody() {
    byte[] body = "x".repeat(5000).getBytes(UTF_8);

    assertEquals(
        2048,
        assertThrows(ApiFailure.class, () -> new Answer(503, body, null).data()).response().length);
  }

  @Test
  void aBrokenConnectionPassesAndATooLargeAnswerDoesNot() {
    assertEquals(FailureKind.PASSING, ApiFailure.in(new ConnectException("refused")).kind());
    assertEquals(
        FailureKind.UNREADABLE,
        ApiFailure.in(new IOException(new AnswerTooLargeException(10))).kind());
    assertNull(ApiFailure.in(new IllegalStateException("a bug")));
  }
}
