package io.flowinstance.outcome;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.enos.PercentEncoding;
import io.flowinstance.event.Times;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.header.internals.RecordHeaders;

/**
 * The headers of a CloudEvent in binary mode.
 *
 * @see <a
 *     href="https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md">
 *     CloudEvents 1.0.2, Kafka protocol binding</a>
 */
public final class CloudEvents {
  private static final String OURS = "io.flowinstance.";

  private CloudEvents() {}

  /**
   * What all events of a type share.
   *
   * @param type {@code io.flowinstance.<schema>}
   * @param schemaBaseUri where the schemas are found, a URI that ends with a slash, or empty
   */
  public static List<Header> ofType(String type, String schemaBaseUri) {
    List<Header> headers = new ArrayList<>();
    headers.add(header("ce_specversion", "1.0"));
    headers.add(header("ce_type", type));
    headers.add(header("content-type", "application/json"));
    if (!schemaBaseUri.isEmpty()) {
      headers.add(
          header("ce_dataschema", schemaBaseUri + type.substring(OURS.length()) + ".schema.json"));
    }
    return headers;
  }

  /**
   * What all events of an observation share.
   *
   * @param sourcePrefix goes before the source; may be empty
   */
  public static List<Header> ofObservation(String sourcePrefix, String orgId, Instant fetchedAt) {
    List<Header> headers = new ArrayList<>();
    headers.add(header("ce_source", sourcePrefix + "/enos/" + PercentEncoding.encode(orgId)));
    headers.add(header("ce_time", Times.text(fetchedAt)));
    return headers;
  }

  /** The headers of one event: those that it shares with others, and its own. */
  public static Headers headers(List<Header> shared, String id, byte[] subject) {
    return addOwn(new RecordHeaders(shared), id, subject);
  }

  /** Adds the headers that an event does not share with others. */
  static Headers addOwn(Headers headers, String id, byte[] subject) {
    return headers.add(header("ce_id", id)).add(new RecordHeader("ce_subject", subject));
  }

  static Header header(String name, String value) {
    return new RecordHeader(name, value.getBytes(UTF_8));
  }
}
