package io.flowinstance.routes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.flowinstance.enos.Answer;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.fetch.EnosClient;
import io.flowinstance.fetch.FetchState;
import io.flowinstance.fetch.TokenService;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.apache.camel.Exchange;
import org.junit.jupiter.api.Test;

class FetchTokenRouteTest extends RouteTestSupport {
  @Override
  List<String> routes() {
    return List.of("fetch-token", "call-api", "probe-clock");
  }

  @Override
  String auth() {
    return "signed";
  }

  @Test
  void sendsTheRequestToTheOperationItNames() throws Exception {
    answer(TOKEN, 200, "{\"status\":0,\"data\":{\"accessToken\":\"abc\",\"expire\":7200}}");
    gateway(TOKEN).expectedBodiesReceived("{\"appKey\":\"key\"}");
    gateway(TOKEN).expectedHeaderReceived(Exchange.HTTP_PATH, "/get");
    gateway(TOKEN).expectedHeaderReceived(Exchange.CONTENT_TYPE, "application/json");

    Answer answer = new TokenService(template).call("get", "{\"appKey\":\"key\"}");

    assertEquals("abc", answer.data().get("accessToken").textValue());
    gateway(TOKEN).assertIsSatisfied();
  }

  @Test
  void givesTheAnswerWhateverItIs() {
    answer(TOKEN, 502, "<html>");

    Answer answer = new TokenService(template).call("refresh", "{}");

    assertEquals(502, answer.httpStatus());
    assertEquals("7", answer.retryAfter());
    assertNull(answer.apiCode());
  }

  @Test
  void oneTokenSignsManyCalls() throws Exception {
    answer(TOKEN, 200, "{\"status\":0,\"data\":{\"accessToken\":\"abc\",\"expire\":7200}}");
    answer(INSTANCES, 200, "{\"status\":0,\"data\":{\"instanceId\":\"1-2\"}}");
    gateway(TOKEN).expectedMessageCount(1);
    gateway(INSTANCES).expectedMessageCount(2);
    gateway(INSTANCES).expectedHeaderReceived("apim-accesstoken", "abc");
    gateway(INSTANCES).allMessages().header("apim-signature").isNotNull();

    for (int i = 0; i < 2; i++) {
      FetchState fetch = new FetchState(new InstanceQuery("1-2", "user", "org"));
      template.request("direct:call-api", call -> call.setVariable("fetch", fetch));
    }

    gateway(TOKEN).assertIsSatisfied();
    gateway(INSTANCES).assertIsSatisfied();
  }

  @Test
  void aTokenThatGetHandsOutAgainAndTheApiRefusesIsRefreshed() throws Exception {
    answer(TOKEN, 200, "{\"status\":0,\"data\":{\"accessToken\":\"abc\",\"expire\":7200}}");
    answer(TIME, 401, "{}");
    gateway(TIME).expectedMessageCount(2);
    gateway(TOKEN).expectedMessageCount(3);
    gateway(TOKEN).message(2).header(Exchange.HTTP_PATH).isEqualTo("/refresh");

    assertThrows(
        ApiFailure.class,
        context.getRegistry().lookupByNameAndType("enos-client", EnosClient.class)::time);

    gateway(TOKEN).assertIsSatisfied();
    gateway(TIME).assertIsSatisfied();
  }

  @Test
  void aTokenThatIsRefusedForOneInstanceAloneIsNotRefreshed() throws Exception {
    answer(TOKEN, 200, "{\"status\":0,\"data\":{\"accessToken\":\"abc\",\"expire\":7200}}");
    answer(TIME, 200, "{\"status\":0,\"data\":1}");
    answer(INSTANCES, 401, "{}");
    gateway(INSTANCES).expectedMessageCount(2);
    gateway(TOKEN).expectedMessageCount(2);
    gateway(TOKEN).allMessages().header(Exchange.HTTP_PATH).isEqualTo("/get");
    EnosClient client = context.getRegistry().lookupByNameAndType("enos-client", EnosClient.class);

    assertThrows(
        ApiFailure.class,
        () -> client.instance(new FetchState(new InstanceQuery("1-2", "user", "org"))));

    gateway(TOKEN).assertIsSatisfied();
    gateway(INSTANCES).assertIsSatisfied();
  }

  @Test
  void theCallAfterARefreshHasTheNewToken() throws Exception {
    gateway(TOKEN)
        .whenAnyExchangeReceived(
            exchange -> {
              boolean refreshed =
                  "/refresh".equals(exchange.getMessage().getHeader(Exchange.HTTP_PATH));
              respond(
                  exchange,
                  200,
                  "{\"status\":0,\"data\":{\"accessToken\":\"%s\",\"expire\":7200}}"
                      .formatted(refreshed ? "new" : "old"));
            });
    gateway(TIME)
        .whenAnyExchangeReceived(
            exchange -> {
              boolean accepted = "new".equals(exchange.getMessage().getHeader("apim-accesstoken"));
              respond(exchange, accepted ? 200 : 401, "{\"status\":0,\"data\":1000}");
            });
    gateway(TIME).expectedMessageCount(3);

    EnosClient client = context.getRegistry().lookupByNameAndType("enos-client", EnosClient.class);

    assertEquals(Instant.ofEpochSecond(1), client.time());
    gateway(TIME).assertIsSatisfied();
  }

  @Test
  void anAnswerAboutTheTimeIsQuotedWithoutTheToken() {
    answer(TOKEN, 200, "{\"status\":0,\"data\":{\"accessToken\":\"a-token\",\"expire\":7200}}");
    answer(TIME, 403, "{\"message\":\"a-token is unknown\"}");
    EnosClient client =
        new EnosClient(template, null, null, Duration.ZERO, 0, HEAP, Clock.systemUTC());

    ApiFailure failure = assertThrows(ApiFailure.class, client::time);

    assertEquals("The API refuses the call: HTTP 403 ([hidden] is unknown).", failure.getMessage());
  }
}
