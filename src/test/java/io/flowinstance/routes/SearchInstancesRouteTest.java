package io.flowinstance.routes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
import io.flowinstance.enos.InstanceSearch;
import io.flowinstance.fetch.EnosClient;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.apache.camel.Exchange;
import org.junit.jupiter.api.Test;

class SearchInstancesRouteTest extends RouteTestSupport {
  private final InstanceSearch search =
      new InstanceSearch(
          "user",
          "org",
          InstanceSearch.Type.PERIODIC,
          "",
          Instant.EPOCH,
          Instant.ofEpochMilli(5),
          List.of(InstanceSearch.Status.RUNNING),
          10);

  @Override
  List<String> routes() {
    return List.of("search-instances");
  }

  private EnosClient.Page page(int page) throws InterruptedException {
    return new EnosClient(template, null, Duration.ZERO, 0, Clock.systemUTC()).search(search, page);
  }

  @Test
  void postsTheSearchAndGivesTheIdsOfItsPage() throws Exception {
    answer(
        INSTANCES,
        200,
        "{\"status\":0,\"data\":{\"count\":12,\"flowInsts\":[{\"instanceId\":\"1-2\"}]}}");
    gateway(INSTANCES).expectedBodiesReceived(search.body(3));
    gateway(INSTANCES)
        .expectedHeaderReceived(Exchange.HTTP_RAW_QUERY, "action=search&orgId=org&userId=user");
    gateway(INSTANCES).expectedHeaderReceived(Exchange.CONTENT_TYPE, "application/json");

    assertEquals(new EnosClient.Page(List.of("1-2"), 12L), page(3));

    gateway(INSTANCES).assertIsSatisfied();
  }

  @Test
  void anAnswerThatIsNoJsonKeepsItsStatus() throws Exception {
    answer(INSTANCES, 403, "<html>");
    gateway(INSTANCES).expectedMessageCount(1);

    ApiFailure failure = assertThrows(ApiFailure.class, () -> page(1));

    assertEquals(FailureKind.ACCESS_DENIED, failure.kind());
    assertEquals(403, failure.httpStatus());
    gateway(INSTANCES).assertIsSatisfied();
  }
}
