package io.flowinstance.event;

import com.fasterxml.jackson.databind.annotation.JsonSerialize;
import io.flowinstance.json.Json;
import java.time.Instant;

/**
 * One change of an instance, or of a task of it, as a message. The change lies between {@code
 * previousLastSeenAt} and {@code observedAt}. The shape is that of {@code
 * schemas/flow-instance-transition.v1.schema.json}; what is null is left out.
 *
 * @param sequence counts the transitions of the instance, from 1
 * @param attempt counts the runs of the instance or task that were seen, from 1
 * @param first whether it was not known before: nothing previous is there
 * @param status null for a task that is gone
 * @param state the name of a {@link State}, or {@link #REMOVED}
 * @param previousSince when the previous status was seen first
 * @param previousLastSeenAt when the previous status was seen last
 */
public record TransitionEvent(
    Kind kind,
    String instanceId,
    String taskInstId,
    String taskId,
    String nodeId,
    String taskName,
    Long flowId,
    String flowName,
    long sequence,
    int attempt,
    boolean first,
    String previousStatus,
    State previousState,
    String status,
    String state,
    boolean settled,
    @JsonSerialize(converter = InstantText.class) Instant previousSince,
    @JsonSerialize(converter = InstantText.class) Instant previousLastSeenAt,
    @JsonSerialize(converter = InstantText.class) Instant observedAt,
    String observationId,
    String orgId) {
  /** The CloudEvents type. */
  public static final String TYPE = "io.flowinstance.flow-instance-transition.v1";

  /** The state of a task that the graph no longer has. */
  public static final String REMOVED = "REMOVED";

  /** What changed. */
  public enum Kind {
    INSTANCE,
    TASK
  }

  /** The value of the message: compact JSON in UTF-8. */
  public byte[] toJson() {
    return Json.write(this);
  }
}
