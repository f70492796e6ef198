package io.flowinstance.routes;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.flowinstance.enos.Answer;
import io.flowinstance.fetch.FetchState;
import java.util.List;
import org.apache.camel.Exchange;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;

class PipelineRouteTest extends PublishingRoutes {
  @Test
  void publishesTheInstanceAndEachOfItsTasks() throws Exception {
    answer(
        INSTANCES,
        200,
        "{\"status\":0,\"data\":{\"instanceId\":\"1-2\",\"graph\":"
            + "\"{\\\"tasks\\\":[{\\\"taskInstId\\\":\\\"a\\\"},{\\\"taskInstId\\\":\\\"b\\\"}]}\"}}");
    gateway(INSTANCES).expectedMessageCount(1);

    Exchange done = send("1-2".getBytes(UTF_8));

    assertNull(done.getException());
    assertEquals(
        List.of("instances 1-2", "tasks a", "tasks b"),
        published().stream().map(PipelineRouteTest::topicAndKey).toList());
    gateway(INSTANCES).assertIsSatisfied();
  }

  @Test
  void keepsNothingOfTheAnswersBodyUntilTheCommit() throws Exception {
    answer(INSTANCES, 200, "{\"status\":0,\"data\":{\"instanceId\":\"1-2\"}}");

    Answer kept = send("1-2".getBytes(UTF_8)).getVariable("fetch", FetchState.class).answer();

    assertEquals(200, kept.httpStatus());
    assertEquals(0, kept.apiCode());
    assertNull(kept.body().bytes());
    assertNull(kept.excerpt());
  }

  private static String topicAndKey(ProducerRecord<byte[], byte[]> message) {
    return message.topic() + " " + new String(message.key(), UTF_8);
  }

  @Test
  void asksOnBehalfOfTheUserThatTheRecordNames() throws Exception {
    answer(INSTANCES, 200, "{\"status\":0,\"data\":{\"instanceId\":\"1-2\"}}");
    gateway(INSTANCES)
        .expectedHeaderReceived(
            Exchange.HTTP_RAW_QUERY, "action=get&flowInstId=1-2&orgId=o&userId=u");

    send("{\"flowInstId\":\"1-2\",\"userId\":\"u\",\"orgId\":\"o\"}".getBytes(UTF_8));

    gateway(INSTANCES).assertIsSatisfied();
    assertEquals(1, published().size());
  }
}
