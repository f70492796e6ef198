package io.flowinstance.outcome;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.enos.PercentEncoding;
import io.flowinstance.event.FlowInstanceEvent;
import io.flowinstance.event.Observation;
import io.flowinstance.event.TaskStatusEvent;
import io.flowinstance.event.Times;
import io.flowinstance.id.IdRecord;
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
  private final String flowInstanceTopic;
  private final String taskStatusTopic;
  private final String sourcePrefix;
  private final List<Header> flowInstanceHeaders;
  private final List<Header> taskStatusHeaders;

  /**
   * @param sourcePrefix goes before each source, so that it tells deployments apart; may be empty
   * @param schemaBaseUri where the schemas are found, a URI that ends with a slash, or empty
   */
  public EventMessages(
      String flowInstanceTopic, String taskStatusTopic, String sourcePrefix, String schemaBaseUri) {
    this.flowInstanceTopic = flowInstanceTopic;
    this.taskStatusTopic = taskStatusTopic;
    this.sourcePrefix = sourcePrefix;
    flowInstanceHeaders = fixed(FlowInstanceEvent.TYPE, schemaBaseUri, "flow-instance.v1");
    taskStatusHeaders = fixed(TaskStatusEvent.TYPE, schemaBaseUri, "task-status.v1");
  }

  private static List<Header> fixed(String type, String schemaBaseUri, String schema) {
    List<Header> headers = new ArrayList<>();
    headers.add(header("ce_specversion", "1.0"));
    headers.add(header("ce_type", type));
    headers.add(header("content-type", "application/json"));
    if (!schemaBaseUri.isEmpty()) {
      headers.add(header("ce_dataschema", schemaBaseUri + schema + ".schema.json"));
    }
    return headers;
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
   * @param bytes is told after each record what all of them take; what it throws ends the work
   */
  List<ProducerRecord<byte[], byte[]>> of(
      FlowInstanceEvent event, IdRecord idRecord, LongConsumer bytes) {
    List<TaskStatusEvent> tasks = event.tasks();
    List<ProducerRecord<byte[], byte[]>> messages = new ArrayList<>(1 + tasks.size());
    Observation observation = event.observation();
    // Made once: what is made anew for each task is the greater part of a large instance.
    List<Header> shared = new ArrayList<>();
    shared.add(
        header("ce_source", sourcePrefix + "/enos/" + PercentEncoding.encode(observation.orgId())));
    shared.add(header("ce_time", Times.text(observation.fetchedAt())));
    idRecord.span().writeTo((name, text) -> shared.add(header(name, text)));
    long timestamp = observation.fetchedAt().toEpochMilli();
    List<Header> ofInstance = both(flowInstanceHeaders, shared);
    List<Header> ofTasks = both(taskStatusHeaders, shared);
    messages.add(
        message(
            flowInstanceTopic,
            timestamp,
            event.key(),
            event.toJson(),
            observation.id(),
            ofInstance));
    long taken = Outcome.bytes(messages.get(0));
    bytes.accept(taken);
    for (TaskStatusEvent task : tasks) {
      ProducerRecord<byte[], byte[]> message =
          message(
              taskStatusTopic,
              timestamp,
              task.key(),
              task.toJson(),
              observation.id() + "/" + task.index(),
              ofTasks);
      messages.add(message);
      taken += Outcome.bytes(message);
      bytes.accept(taken);
    }
    return messages;
  }

  private static List<Header> both(List<Header> some, List<Header> others) {
    return Stream.of(some, others).flatMap(List::stream).toList();
  }

  private static ProducerRecord<byte[], byte[]> message(
      String topic, long timestamp, String key, byte[] value, String id, List<Header> headers) {
    byte[] keyBytes = key.getBytes(UTF_8);
    ProducerRecord<byte[], byte[]> message =
        new ProducerRecord<>(topic, null, timestamp, keyBytes, value, headers);
    message.headers().add(header("ce_id", id)).add(new RecordHeader("ce_subject", keyBytes));
    return message;
  }

  private static Header header(String name, String value) {
    return new RecordHeader(name, value.getBytes(UTF_8));
  }
}
