package io.flowinstance.routes;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.fetch.FetchState;
import java.util.List;
import org.apache.camel.Exchange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CallApiRouteTest extends RouteTestSupport {
  private final FetchState fetch = new FetchState(new InstanceQuery("1-2", "user", "org"));

  @Override
  List<String> routes() {
    return List.of("call-api");
  }

  private Exchange call() {
    return template.request("direct:call-api", call -> call.setVariable("fetch", fetch));
  }

  @Test
  void asksForTheInstanceOfTheFetchOnce() throws Exception {
    answer(INSTANCES, 200, "{\"status\":0,\"data\":{\"instanceId\":\"1-2\",\"x\":1.10}}");
    gateway(INSTANCES).expectedMessageCount(1);
    gateway(INSTANCES)
        .expectedHeaderReceived(
            Exchange.HTTP_RAW_QUERY, "action=get&flowInstId=1-2&orgId=org&userId=user");

    Exchange answered = call();

    assertNull(answered.getException());
    assertEquals(
        "{\"instanceId\":\"1-2\",\"x\":1.10}",
        answered.getMessage().getBody(JsonNode.class).toString());
    assertEquals(1, fetch.attempts());
    assertEquals(0, fetch.answer().apiCode());
    gateway(INSTANCES).assertIsSatisfied();
  }

  @Test
  void readsAnAnswerAsTheDocumentationPrintsIt() {
    answer(
        INSTANCES,
        200,
        "{\"status\":0,\"data\":{\"instanceId\":\"1-2\",\"graph\":\"{\"tasks\":[]}\"}}");

    JsonNode data = call().getMessage().getBody(JsonNode.class);

    assertEquals("{\"tasks\":[]}", data.get("graph").toString());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "503 | <html>down</html>   | TRANSIENT      |",
        "403 | {\"message\":\"ip\" | ACCESS_DENIED  |",
        "200 | <html>login</html>  | NOT_UNDERSTOOD |",
        "200 | ''                  | NOT_UNDERSTOOD |",
        "500 | {\"status\":62102}  | REJECTED       | 62102",
      })
  void theStatusCountsAlsoWhereTheBodyCannotBeRead(
      int status, String body, FailureKind kind, Integer code) {
    answer(INSTANCES, status, body);

    ApiFailure failure = ApiFailure.in(call().getException());

    assertEquals(kind, failure.kind());
    assertEquals(status, failure.httpStatus());
    assertEquals(code, failure.apiCode());
    assertEquals("7", failure.retryAfter());
    assertEquals(body, failure.response() == null ? null : new String(failure.response(), UTF_8));
  }

  @Test
  void anAnswerOfTooManyTokensIsUnreadable() {
    answer(INSTANCES, 200, "{\"status\":0,\"data\":[0" + ",0".repeat(1_000_000) + "]}");

    ApiFailure failure = ApiFailure.in(call().getException());

    assertEquals(FailureKind.UNREADABLE, failure.kind());
    assertTrue(failure.getMessage().contains("more than 1000000"), failure.getMessage());
  }
}
