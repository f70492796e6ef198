package io.flowinstance.event;

import com.fasterxml.jackson.core.JsonGenerator;
import io.flowinstance.graph.FlowInstance;
import io.flowinstance.graph.FlowReference;
import io.flowinstance.graph.InstanceGraph;
import io.flowinstance.graph.TaskInstance;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * What a FlowInstance does not say but means.
 *
 * @param triggeredAt the instant of {@code triggerTime}, or null if it holds no time
 * @param startedAt the instant of {@code startTime}, or null if it holds no time
 * @param endedAt the instant of {@code endTime}, or null if it holds no time
 * @param createdAt the instant of {@code timestamp}, or null if it holds no time
 * @param durationMs whole milliseconds from start to end, or null if a side is missing or the end
 *     comes first
 * @param owners user names from {@code owner}, else from {@code graph.owners}
 * @param taskCount the tasks that could be read
 * @param taskCountByStatus how many of them have each status, in order of appearance
 * @param roots the nodeIds that no relation points to: other workflows first, then tasks, in graph
 *     order
 * @param leaves the nodeIds that point to none, in the same order
 * @param fetchedAt when the API answered
 */
public record Enrichment(
    Instant triggeredAt,
    Instant startedAt,
    Instant endedAt,
    Instant createdAt,
    Long durationMs,
    List<String> owners,
    int taskCount,
    Map<String, Integer> taskCountByStatus,
    List<String> roots,
    List<String> leaves,
    Instant fetchedAt) {

  static Enrichment of(FlowInstance instance, Edges edges, EventZones zones, Instant fetchedAt) {
    InstanceGraph graph = instance.graph();
    List<TaskInstance> tasks = graph.readableTasks();
    Instant startedAt = LocalTimes.instant(instance.startTime(), zones.times());
    Instant endedAt = LocalTimes.instant(instance.endTime(), zones.times());
    return new Enrichment(
        LocalTimes.instant(instance.triggerTime(), zones.trigger()),
        startedAt,
        endedAt,
        LocalTimes.instant(instance.timestamp(), zones.times()),
        durationMs(startedAt, endedAt),
        owners(instance),
        tasks.size(),
        countByStatus(tasks),
        nodes(graph.flows(), tasks, node -> edges.upstream(node).isEmpty()),
        nodes(graph.flows(), tasks, node -> edges.downstream(node).isEmpty()),
        fetchedAt);
  }

  private static Long durationMs(Instant startedAt, Instant endedAt) {
    return startedAt == null || endedAt == null || endedAt.isBefore(startedAt)
        ? null
        : Duration.between(startedAt, endedAt).toMillis();
  }

  private static List<String> owners(FlowInstance instance) {
    List<String> owners = names(instance.owner());
    return owners.isEmpty() ? names(instance.graph().owners()) : owners;
  }

  private static List<String> names(String text) {
    return text == null
        ? List.of()
        : Arrays.stream(text.split(";"))
            .map(String::strip)
            .filter(name -> !name.isEmpty())
            .toList();
  }

  private static Map<String, Integer> countByStatus(List<TaskInstance> tasks) {
    Map<String, Integer> counts = new LinkedHashMap<>();
    for (TaskInstance task : tasks) {
      if (task.status() != null) {
        counts.merge(task.status(), 1, Integer::sum);
      }
    }
    return counts;
  }

  private static List<String> nodes(
      List<FlowReference> flows, List<TaskInstance> tasks, Predicate<String> wanted) {
    return Stream.concat(
            flows.stream().map(FlowReference::nodeId), tasks.stream().map(TaskInstance::nodeId))
        .filter(Objects::nonNull)
        .filter(wanted)
        .distinct()
        .toList();
  }

  void writeTo(JsonGenerator json) throws IOException {
    json.writeStartObject();
    EventJson.write("triggeredAt", triggeredAt, json);
    EventJson.write("startedAt", startedAt, json);
    EventJson.write("endedAt", endedAt, json);
    EventJson.write("createdAt", createdAt, json);
    if (durationMs != null) {
      json.writeNumberField("durationMs", durationMs);
    }
    EventJson.write("owners", owners, json);
    json.writeNumberField("taskCount", taskCount);
    json.writeObjectFieldStart("taskCountByStatus");
    for (Map.Entry<String, Integer> count : taskCountByStatus.entrySet()) {
      json.writeNumberField(count.getKey(), count.getValue());
    }
    json.writeEndObject();
    EventJson.write("roots", roots, json);
    EventJson.write("leaves", leaves, json);
    EventJson.write("fetchedAt", fetchedAt, json);
    json.writeEndObject();
  }
}
