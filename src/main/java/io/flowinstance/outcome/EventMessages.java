package io.flowinstance.outcome;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.event.FlowInstanceEvent;
import io.flowinstance.event.Observation;
import io.flowinstance.event.TaskStatusEvent;
import io.flowinstance.id.IdRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
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

  public String flowInstanceTopic() {
    return flowInstanceTopic;
  }

  public String taskStatusTopic() {
    return taskStatusTopic;
  }

  /**
   * The record of an instance, then those of its readable tasks in graph order, then a dead letter
   * if there is one.
   *
   * @param deadLetter may be null
   * @param bytes is told, while they are made, what the heap holds of them; what it throws ends the
   *     work
   */
  InstanceRecords of(
      FlowInstanceEvent event,
      IdRecord idRecord,
      ProducerRecord<byte[], byte[]> deadLetter,
      LongConsumer bytes) {
    Observation observation = event.observation();
    // Made once: what is made anew for each task is the greater part of a large instance.
    List<Header> shared =
        CloudEvents.ofObservation(sourcePrefix, observation.orgId(), observation.fetchedAt());
    idRecord.span().writeTo((name, text) -> shared.add(CloudEvents.header(name, text)));
    byte[] key = event.key().getBytes(UTF_8);
    ProducerRecord<byte[], byte[]> ofInstance =
        new ProducerRecord<>(
            flowInstanceTopic,
            null,
            observation.fetchedAt().toEpochMilli(),
            key,
            event.toJson(),
            CloudEvents.headers(both(flowInstanceHeaders, shared), observation.id(), key));
    long taken = MessageSize.of(ofInstance).heap();
    bytes.accept(taken);
    return new InstanceRecords(
        ofInstance,
        event.tasks(ofTasks -> bytes.accept(taken + ofTasks)),
        taskStatusTopic,
        both(taskStatusHeaders, shared),
        observation.id() + "/",
        deadLetter);
  }

  private static List<Header> both(List<Header> some, List<Header> others) {
    List<Header> both = new ArrayList<>(some);
    both.addAll(others);
    return both;
  }
}
