package io.flowinstance.routes;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import io.flowinstance.app.Outcomes;
import io.flowinstance.outcome.Outcome;
import java.util.List;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OnErrorRouteTest extends PublishingRoutes {
  private static final byte[] ID = "1-2".getBytes(UTF_8);

  private void assertDeadLetter(String reason, byte[] value) throws Exception {
    List<ProducerRecord<byte[], byte[]>> messages = published();
    assertEquals(1, messages.size());
    assertEquals("dead-letters", messages.get(0).topic());
    assertArrayEquals(value, messages.get(0).value());
    assertEquals(
        reason,
        new String(messages.get(0).headers().lastHeader("dead-letter-reason").value(), UTF_8));
  }

  @Test
  void aRecordWithoutAnIdIsADeadLetterWithoutACall() throws Exception {
    gateway(INSTANCES).expectedMessageCount(0);

    assertNull(send("{}".getBytes(UTF_8)).getException());

    assertDeadLetter("MALFORMED_ID", "{}".getBytes(UTF_8));
    gateway(INSTANCES).assertIsSatisfied();
  }

  @Test
  void aRecordThatNamesAnIdentityThatItMayNotIsADeadLetterWithoutACall() throws Exception {
    byte[] value = "{\"flowInstId\":\"1-2\",\"orgId\":\"other\"}".getBytes(UTF_8);
    gateway(INSTANCES).expectedMessageCount(0);

    assertNull(send(value).getException());

    assertDeadLetter("IDENTITY_NOT_ALLOWED", value);
    gateway(INSTANCES).assertIsSatisfied();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"status\":62102}                   | REJECTED_BY_API",
        "{\"status\":0}                       | UNREADABLE_RESPONSE",
        "{\"status\":0,\"data\":{\"graph\":7}} | UNREADABLE_RESPONSE",
      })
  void anAnswerWithoutAnInstanceIsADeadLetterAfterOneCall(String body, String reason)
      throws Exception {
    answer(INSTANCES, 200, body);
    gateway(INSTANCES).expectedMessageCount(1);

    assertNull(send(ID).getException());

    assertDeadLetter(reason, ID);
    gateway(INSTANCES).assertIsSatisfied();
  }

  @Test
  void anInstanceWhoseEventsTakeTooMuchHeapIsADeadLetter() throws Exception {
    answer(
        INSTANCES,
        200,
        "{\"status\":0,\"data\":{\"instanceId\":\"1-2\",\"flowName\":\"%s\"}}"
            .formatted("x".repeat(1 << 20)));

    assertNull(send(ID).getException());

    assertDeadLetter("EVENT_TOO_LARGE", ID);
  }

  @Test
  void anExceptionThatSaysNothingIsNamedInTheDeadLetter() {
    Outcomes outcomes = context.getRegistry().lookupByNameAndType("outcomes", Outcomes.class);

    List<Outcome> deadLetters =
        outcomes.deadLetter(new IllegalArgumentException(), idRecord(ID), null);

    assertEquals(
        "java.lang.IllegalArgumentException",
        new String(
            deadLetters
                .get(0)
                .messages()
                .get(0)
                .headers()
                .lastHeader("dead-letter-message")
                .value(),
            UTF_8));
  }

  @Test
  void whatSaysNothingAboutTheIdIsNoDeadLetter() throws Exception {
    IllegalStateException fault = new IllegalStateException("A bug.");
    gateway(INSTANCES)
        .whenAnyExchangeReceived(
            exchange -> {
              throw fault;
            });
    publish().expectedMessageCount(0);

    assertSame(fault, send(ID).getException());

    publish().assertIsSatisfied();
  }
}
