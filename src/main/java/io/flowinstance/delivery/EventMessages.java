package io.flowinstance.delivery;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.event.FlowInstanceEvent;
import io.flowinstance.event.TaskStatusEvent;
import java.time.Instant;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.header.internals.RecordHeaders;

/**
 * Events as Kafka records: keyed, JSON, with the headers of a CloudEvent in binary mode.
 *
 * @see <a
 *     href="https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md">
 *     CloudEvents 1.0.2, Kafka protocol binding</a>
 */
public final class EventMessages {
  private static final Header SPEC_VERSION = header("ce_specversion", "1.0");
  private static final Header CONTENT_TYPE = header("content-type", "application/json");

  private final String flowInstanceTopic;
  private final String taskStatusTopic;

  public EventMessages(String flowInstanceTopic, String taskStatusTopic) {
    this.flowInstanceTopic = flowInstanceTopic;
    this.taskStatusTopic = taskStatusTopic;
  }

  /**
   * The record of an instance.
   *
   * @param source the CloudEvents source, a URI reference
   */
  public ProducerRecord<byte[], byte[]> of(
      FlowInstanceEvent event, IdRecord idRecord, String source, Instant time) {
    return message(
        flowInstanceTopic,
        event.key(),
        event.toJson(),
        idRecord.position(),
        FlowInstanceEvent.TYPE,
        source,
        time);
  }

  /** The record of one task. */
  public ProducerRecord<byte[], byte[]> of(
      TaskStatusEvent event, IdRecord idRecord, String source, Instant time) {
    return message(
        taskStatusTopic,
        event.key(),
        event.toJson(),
        idRecord.position() + "/" + event.index(),
        TaskStatusEvent.TYPE,
        source,
        time);
  }

  private static ProducerRecord<byte[], byte[]> message(
      String topic, String key, byte[] value, String id, String type, String source, Instant time) {
    byte[] keyBytes = key.getBytes(UTF_8);
    RecordHeaders headers = new RecordHeaders();
    headers.add(SPEC_VERSION);
    headers.add(header("ce_id", id));
    headers.add(header("ce_source", source));
    headers.add(header("ce_type", type));
    headers.add("ce_subject", keyBytes);
    headers.add(header("ce_time", time.toString()));
    headers.add(CONTENT_TYPE);
    return new ProducerRecord<>(topic, null, keyBytes, value, headers);
  }

  private static Header header(String name, String value) {
    return new RecordHeader(name, value.getBytes(UTF_8));
  }
}
