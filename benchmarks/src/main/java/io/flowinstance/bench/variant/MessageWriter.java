package io.flowinstance.bench.variant;

import java.io.IOException;
import java.util.List;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Makes an answer of the API its messages: that of the instance, then those of its tasks. */
@FunctionalInterface
public interface MessageWriter {
  List<ProducerRecord<byte[], byte[]>> messages(byte[] answer, Fetch fetch) throws IOException;
}
