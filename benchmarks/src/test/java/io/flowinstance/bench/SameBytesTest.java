package io.flowinstance.bench;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SameBytesTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 10, 100, 1000})
  void theMessagesByHandAreThoseOfThePipelineByteForByte(int tasks) throws IOException {
    DecodeSplitSerializeBenchmark ways = new DecodeSplitSerializeBenchmark();
    ways.tasks = tasks;
    ways.setUp();

    List<String> pipeline = texts(ways.whole());
    List<String> byHand = texts(ways.byHand());

    assertEquals(1 + tasks, pipeline.size());
    assertEquals(pipeline.size(), byHand.size());
    for (int at = 0; at < pipeline.size(); at++) {
      assertEquals(pipeline.get(at), byHand.get(at));
    }
  }

  /** All that the records hold. In this charset distinct bytes stay distinct. */
  private static List<String> texts(List<ProducerRecord<byte[], byte[]>> records) {
    List<String> texts = new ArrayList<>();
    for (ProducerRecord<byte[], byte[]> message : records) {
      StringBuilder text = new StringBuilder();
      text.append(message.topic()).append(' ').append(message.partition());
      text.append(' ').append(message.timestamp());
      text.append('\n').append(new String(message.key(), ISO_8859_1));
      for (Header header : message.headers()) {
        text.append('\n').append(header.key()).append(": ");
        text.append(new String(header.value(), ISO_8859_1));
      }
      texts.add(text.append('\n').append(new String(message.value(), ISO_8859_1)).toString());
    }
    return texts;
  }
}
