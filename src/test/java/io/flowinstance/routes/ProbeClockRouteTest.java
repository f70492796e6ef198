package io.flowinstance.routes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
import io.flowinstance.fetch.EnosClient;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.apache.camel.Exchange;
import org.junit.jupiter.api.Test;

class ProbeClockRouteTest extends RouteTestSupport {
  @Override
  List<String> routes() {
    return List.of("probe-clock");
  }

  private Instant time() {
    return new EnosClient(template, null, null, Duration.ZERO, 0, HEAP, Clock.systemUTC()).time();
  }

  @Test
  void asksTheApiForItsTime() throws Exception {
    answer(TIME, 200, "{\"status\":0,\"data\":1700000000123}");
    gateway(TIME).expectedMessageCount(1);
    gateway(TIME).expectedHeaderReceived(Exchange.HTTP_RAW_QUERY, "action=getCurrentTime");

    assertEquals(Instant.ofEpochMilli(1_700_000_000_123L), time());

    gateway(TIME).assertIsSatisfied();
  }

  @Test
  void anAnswerThatIsNoJsonKeepsItsStatus() {
    answer(TIME, 504, "<html>");

    ApiFailure failure = assertThrows(ApiFailure.class, this::time);

    assertEquals(FailureKind.TRANSIENT, failure.kind());
    assertEquals(504, failure.httpStatus());
    gateway(TIME).expectedMessageCount(1);
  }
}
