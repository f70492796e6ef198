package io.flowinstance.event;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import io.flowinstance.graph.FlowInstance;
import io.flowinstance.json.Json;
import java.util.List;
import java.util.function.LongConsumer;

/**
 * One workflow instance as a message: everything the API said, and an {@link Enrichment}. The shape
 * is that of {@code schemas/flow-instance.v1.schema.json}.
 *
 * @param observation the fetch that brought it
 */
public record FlowInstanceEvent(
    FlowInstance instance, Edges edges, Enrichment enrichment, Observation observation) {
  /** The CloudEvents type. */
  public static final String TYPE = "io.flowinstance.flow-instance.v1";

  private record Message(@JsonUnwrapped FlowInstance instance, Computed enrichment) {}

  private record Computed(
      @JsonUnwrapped Enrichment enrichment, @JsonUnwrapped Observation observation) {}

  /** The event of an instance that a fetch brought. */
  public static FlowInstanceEvent of(
      FlowInstance instance, EventZones zones, Observation observation) {
    Edges edges = new Edges(instance.graph().relations());
    return new FlowInstanceEvent(
        instance, edges, Enrichment.of(instance, edges, zones), observation);
  }

  /** The same instance for another id record that shared the call. */
  public FlowInstanceEvent withObservation(Observation other) {
    return new FlowInstanceEvent(instance, edges, enrichment, other);
  }

  /** The key of the message: the id of the instance. */
  public String key() {
    return instance.instanceId();
  }

  /**
   * The events of the instance's readable tasks, in graph order.
   *
   * @param bytes is told, while they are made, what the heap holds of them; what it throws ends the
   *     work
   */
  public TaskStatusEvents tasks(LongConsumer bytes) {
    return TaskStatusEvents.of(this, bytes);
  }

  /** One sentence for each task of the instance that cannot be read, in graph order. */
  public List<String> unreadableTasks() {
    return instance.graph().tasks().faults();
  }

  /** The value of the message: compact JSON in UTF-8. */
  public byte[] toJson() {
    return Json.write(new Message(instance, new Computed(enrichment, observation)));
  }
}
