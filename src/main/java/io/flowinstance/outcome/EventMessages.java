package io.flowinstance.outcome;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.event.FlowInstanceEvent;
import io.flowinstance.event.Observation;
import io.flowinstance.event.TaskStatusEvent;
import io.flowinstance.id.IdRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;

/**
 * Events as Kafka records: keyed, JSON, with the headers of a CloudEvent in binary mode and, when
 * traces are on, the context of the id record's span.
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
    flowInstanceHeaders = CloudEvents.ofType(FlowInstanceEvent.TYPE, schemaBaseUri);
    taskStatusHeaders = CloudEvents.ofType(TaskStatusEvent.TYPE, schemaBaseUri);
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
    List<Header> shared =
        CloudEvents.ofObservation(sourcePrefix, observation.orgId(), observation.fetchedAt());
    idRecord.span().writeTo((name, text) -> shared.add(CloudEvents.header(name, text)));
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
    return new ProducerRecord<>(
        topic, null, timestamp, keyBytes, value, CloudEvents.headers(headers, id, keyBytes));
  }
}
