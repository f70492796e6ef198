package io.flowinstance.watch;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import com.fasterxml.jackson.databind.util.StdConverter;
import io.flowinstance.event.State;
import io.flowinstance.json.Json;
import io.flowinstance.json.MalformedJsonException;
import java.time.Instant;
import java.util.List;
import java.util.Objects;

/** The part of a {@code flow-instances} message that the change feed uses. */
@JsonIgnoreProperties(ignoreUnknown = true)
record ObservedInstance(
    String instanceId,
    Long flowId,
    String flowName,
    Integer status,
    String statusDesc,
    Graph graph,
    Enrichment enrichment) {

  static final String NO_STATUS = "UNKNOWN";

  /** A transition repeats up to eight texts; escaped, they fit into a record of less than 1 MiB. */
  private static final int LONGEST_TEXT = 10_000;

  /** The longest that an id record may name. */
  private static final int LONGEST_ID = 256;

  ObservedInstance {
    Objects.requireNonNull(instanceId, "instanceId is missing");
    Objects.requireNonNull(graph, "graph is missing");
    Objects.requireNonNull(enrichment, "enrichment is missing");
    bound(LONGEST_ID, instanceId);
    bound(LONGEST_TEXT, flowName, statusDesc);
  }

  @JsonIgnoreProperties(ignoreUnknown = true)
  record Graph(List<Task> tasks, List<Object> unreadableTasks) {
    Graph {
      tasks.forEach(task -> Objects.requireNonNull(task.taskInstId(), "taskInstId is missing"));
      Objects.requireNonNull(unreadableTasks, "unreadableTasks is missing");
    }
  }

  @JsonIgnoreProperties(ignoreUnknown = true)
  record Task(String taskInstId, String taskId, String nodeId, String taskName, String status) {
    Task {
      status = Json.isBlank(status) ? NO_STATUS : status;
      bound(LONGEST_TEXT, taskInstId, taskId, nodeId, taskName, status);
    }
  }

  @JsonIgnoreProperties(ignoreUnknown = true)
  record Enrichment(
      Boolean settled,
      @JsonDeserialize(converter = InstantOfText.class) Instant startedAt,
      String userId,
      String orgId,
      String observationId,
      @JsonDeserialize(converter = InstantOfText.class) Instant fetchedAt) {
    Enrichment {
      Objects.requireNonNull(settled, "settled is missing");
      Objects.requireNonNull(userId, "userId is missing");
      Objects.requireNonNull(orgId, "orgId is missing");
      Objects.requireNonNull(observationId, "observationId is missing");
      Objects.requireNonNull(fetchedAt, "fetchedAt is missing");
      bound(LONGEST_ID, userId, orgId);
      bound(LONGEST_TEXT, observationId);
    }
  }

  static final class InstantOfText extends StdConverter<String, Instant> {
    @Override
    public Instant convert(String text) {
      // Times that have no epoch milliseconds fail here.
      return Instant.ofEpochMilli(Instant.parse(text).toEpochMilli());
    }
  }

  private static void bound(int longest, String... texts) {
    for (String text : texts) {
      int length = text == null ? 0 : text.codePointCount(0, text.length());
      if (length > longest) {
        throw new IllegalArgumentException(
            "a text has %d characters, more than %d".formatted(length, longest));
      }
    }
  }

  /**
   * Reads the value of a message, which may be null.
   *
   * @throws MalformedJsonException if it is not such a message
   */
  static ObservedInstance read(byte[] value) throws MalformedJsonException {
    return Json.read(value == null ? new byte[0] : value, ObservedInstance.class);
  }

  /** The name of the status where there is one, else its number. */
  String statusName() {
    String name = State.status(status, statusDesc);
    return name == null ? Objects.toString(status, NO_STATUS) : name;
  }

  /** When it was observed, epoch milliseconds, if the clock of the pipeline is right. */
  long at() {
    return enrichment.fetchedAt().toEpochMilli();
  }
}
