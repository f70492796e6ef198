package io.flowinstance.delivery;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.event.FlowInstanceEvent;
import io.flowinstance.event.TaskStatusEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/**
 * Events as Kafka records: keyed, JSON, with the headers of a CloudEvent in binary mode and, when
 * traces are on, the context of the id record's span.
 *
 * @see <a
 *     href="https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md">
 *     CloudEvents 1.0.2, Kafka protocol binding</a>
 */
public final class EventMessages {
  private static final Header SPEC_VERSION = header("ce_specversion", "1.0");
  private static final Header FLOW_INSTANCE = header("ce_type", FlowInstanceEvent.TYPE);
  private static final Header TASK_STATUS = header("ce_type", TaskStatusEvent.TYPE);
  private static final Header CONTENT_TYPE = header("content-type", "application/json");

  private final String flowInstanceTopic;
  private final String taskStatusTopic;

  public EventMessages(String flowInstanceTopic, String taskStatusTopic) {
    this.flowInstanceTopic = flowInstanceTopic;
    this.taskStatusTopic = taskStatusTopic;
  }

  /** The topic of the instances. */
  public String flowInstanceTopic() {
    return flowInstanceTopic;
  }

  /** The topic of the tasks. */
  public String taskStatusTopic() {
    return taskStatusTopic;
  }

  /**
   * The record of an instance, then those of its readable tasks in graph order.
   *
   * @param source the CloudEvents source, a URI reference
   * @param bytes is told after each record what all of them take; what it throws ends the work
   */
  List<ProducerRecord<byte[], byte[]>> of(
      FlowInstanceEvent event, IdRecord idRecord, String source, LongConsumer bytes) {
    List<TaskStatusEvent> tasks = event.tasks();
    List<ProducerRecord<byte[], byte[]>> messages = new ArrayList<>(1 + tasks.size());
    String position = idRecord.position();
    // Made once: what is made anew for each task is the greater part of a large instance.
    Shared shared =
        new Shared(
            header("ce_source", source),
            header("ce_time", event.enrichment().fetchedAt().toString()),
            trace(idRecord));
    messages.add(
        message(flowInstanceTopic, event.key(), event.toJson(), position, FLOW_INSTANCE, shared));
    long taken = Outcome.bytes(messages.get(0));
    bytes.accept(taken);
    for (TaskStatusEvent task : tasks) {
      ProducerRecord<byte[], byte[]> message =
          message(
              taskStatusTopic,
              task.key(),
              task.toJson(),
              position + "/" + task.index(),
              TASK_STATUS,
              shared);
      messages.add(message);
      taken += Outcome.bytes(message);
      bytes.accept(taken);
    }
    return messages;
  }

  /** What the messages of an id record have in common. */
  private record Shared(Header source, Header time, List<Header> trace) {}

  private static List<Header> trace(IdRecord idRecord) {
    List<Header> trace = new ArrayList<>(2);
    idRecord.span().writeTo((name, text) -> trace.add(header(name, text)));
    return trace;
  }

  /** Whether a message is that of an instance. */
  public boolean isOfInstance(ProducerRecord<byte[], byte[]> message) {
    return message.topic().equals(flowInstanceTopic);
  }

  private static ProducerRecord<byte[], byte[]> message(
      String topic, String key, byte[] value, String id, Header type, Shared shared) {
    byte[] keyBytes = key.getBytes(UTF_8);
    List<Header> headers =
        List.of(
            SPEC_VERSION,
            header("ce_id", id),
            shared.source(),
            type,
            new RecordHeader("ce_subject", keyBytes),
            shared.time(),
            CONTENT_TYPE);
    if (!shared.trace().isEmpty()) {
      headers = Stream.of(headers, shared.trace()).flatMap(List::stream).toList();
    }
    return new ProducerRecord<>(topic, null, keyBytes, value, headers);
  }

  private static Header header(String name, String value) {
    return new RecordHeader(name, value.getBytes(UTF_8));
  }
}
