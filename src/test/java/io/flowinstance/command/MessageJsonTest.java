package io.flowinstance.command;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;

class MessageJsonTest {
  private final ProducerRecord<byte[], byte[]> message =
      new ProducerRecord<>("ids", "key".getBytes(UTF_8), "1".getBytes(UTF_8));

  private void header(String name, String value) {
    message.headers().add(name, value == null ? null : value.getBytes(UTF_8));
  }

  @Test
  void namesEachValueOfAHeaderThatStandsMoreThanOnce() {
    header("one", "1");
    header("three", "1");
    header("three", null);
    header("three", "3");

    assertEquals(
        "{\"topic\":\"ids\",\"key\":\"key\","
            + "\"headers\":{\"one\":\"1\",\"three\":[\"1\",null,\"3\"]},\"value\":\"1\"}",
        MessageJson.line(message));
  }

  @Test
  void theValueOfAnEventIsJsonAndThatOfADeadLetterIsAText() {
    header("ce_type", "event");
    assertEquals("1", value());

    header("dead-letter-reason", "MALFORMED_ID");
    assertEquals("\"1\"", value());
  }

  private String value() {
    String line = MessageJson.line(message);
    return line.substring(line.lastIndexOf(':') + 1, line.length() - 1);
  }
}
