package io.flowinstance.command;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.util.RawValue;
import io.flowinstance.json.Json;
import io.flowinstance.json.Printable;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;

/**
 * A message as one line: a JSON object of its topic, key, headers and value, with escapes where a
 * terminal would obey. A header that stands more than once has an array of its values.
 */
final class MessageJson {
  private MessageJson() {}

  /** The line; the value of an event is JSON in it, any other a text. */
  static String line(ProducerRecord<byte[], byte[]> message) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("topic", message.topic());
    json.put("key", text(message.key()));
    ObjectNode headers = json.putObject("headers");
    for (Header header : message.headers()) {
      JsonNode before = headers.get(header.key());
      if (before == null) {
        headers.put(header.key(), text(header.value()));
      } else if (before instanceof ArrayNode values) {
        values.add(text(header.value()));
      } else {
        headers.putArray(header.key()).add(before).add(text(header.value()));
      }
    }
    String value = text(message.value());
    if (headers.has("ce_type") && !headers.has("dead-letter-reason")) {
      json.putRawValue("value", new RawValue(value));
    } else {
      json.put("value", value);
    }
    return Printable.escaped(new String(Json.write(json), UTF_8));
  }

  private static String text(byte[] bytes) {
    return bytes == null ? null : new String(bytes, UTF_8);
  }
}
