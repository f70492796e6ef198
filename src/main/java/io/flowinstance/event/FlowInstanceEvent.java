package io.flowinstance.event;

import io.flowinstance.graph.FlowInstance;
import io.flowinstance.json.Json;
import java.util.List;
import java.util.Set;

/**
 * One workflow instance as a message: everything the API said, and an {@link Enrichment}. The shape
 * is that of {@code schemas/flow-instance.v1.schema.json}.
 */
public final class FlowInstanceEvent {
  /** The CloudEvents type. */
  public static final String TYPE = "io.flowinstance.flow-instance.v1";

  private static final String ENRICHMENT = "enrichment";

  private final FlowInstance instance;
  private final Edges edges;
  private final Enrichment enrichment;
  private final Observation observation;

  private FlowInstanceEvent(
      FlowInstance instance, Edges edges, Enrichment enrichment, Observation observation) {
    this.instance = instance;
    this.edges = edges;
    this.enrichment = enrichment;
    this.observation = observation;
  }

  /**
   * The event of an instance.
   *
   * @param zones the zones of the instance's local times
   * @param observation the fetch that brought it
   */
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

  /** What the API said. */
  public FlowInstance instance() {
    return instance;
  }

  /** What the pipeline computed from it. */
  public Enrichment enrichment() {
    return enrichment;
  }

  /** The fetch that brought it. */
  public Observation observation() {
    return observation;
  }

  /** The key of the message: the id of the instance. */
  public String key() {
    return instance.instanceId();
  }

  /** The CloudEvents type. */
  public String type() {
    return TYPE;
  }

  /** The events of the instance's readable tasks, in graph order. */
  public List<TaskStatusEvent> tasks() {
    return TaskStatusEvent.split(instance, edges, enrichment, observation);
  }

  /** One sentence for each task of the instance that cannot be read, in graph order. */
  public List<String> unreadableTasks() {
    return instance.graph().tasks().faults();
  }

  /**
   * The value of the message: compact JSON in UTF-8. An unknown field named {@code enrichment}
   * gives way to ours.
   */
  public byte[] toJson() {
    return Json.write(
        json -> {
          json.writeStartObject();
          instance.writeFieldsTo(json, Set.of(ENRICHMENT));
          json.writeFieldName(ENRICHMENT);
          enrichment.writeTo(json, observation);
          json.writeEndObject();
        });
  }
}
