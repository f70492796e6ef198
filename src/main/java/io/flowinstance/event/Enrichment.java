package io.flowinstance.event;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import com.fasterxml.jackson.databind.annotation.JsonSerialize;
import io.flowinstance.graph.FlowInstance;
import io.flowinstance.graph.InstanceGraph;
import io.flowinstance.graph.TaskInstance;
import io.flowinstance.json.Json;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a FlowInstance does not say but means.
 *
 * @param state what its status means
 * @param settled whether its state is settled and none of its readable tasks runs
 * @param triggeredAt the instant of {@code triggerTime}, or null if it holds no time
 * @param startedAt the instant of {@code startTime}, or null if it holds no time
 * @param endedAt the instant of {@code endTime}, or null if it holds no time
 * @param createdAt the instant of {@code timestamp}, or null if it holds no time
 * @param durationMs whole milliseconds from start to end, or null if a side is missing or the end
 *     comes first
 * @param businessDate {@code calDt}, or null if it is not a date
 * @param zones the zones of the instance's local times
 * @param owners user names from {@code owner}, else from {@code graph.owners}
 * @param taskCount the tasks that could be read
 * @param unreadableTaskCount the tasks that could not be read
 * @param taskCountByStatus how many of them have each status, in order of appearance
 * @param taskCountByState how many of them have each state; all states are there
 * @param roots the nodeIds that no relation points to: other workflows first, then tasks, in graph
 *     order
 * @param leaves the nodeIds that point to none, in the same order
 */
public record Enrichment(
    State state,
    boolean settled,
    @JsonSerialize(converter = InstantText.class) Instant triggeredAt,
    @JsonSerialize(converter = InstantText.class) Instant startedAt,
    @JsonSerialize(converter = InstantText.class) Instant endedAt,
    @JsonSerialize(converter = InstantText.class) Instant createdAt,
    Long durationMs,
    String businessDate,
    @JsonUnwrapped EventZones zones,
    List<String> owners,
    int taskCount,
    int unreadableTaskCount,
    Map<String, Integer> taskCountByStatus,
    Map<State, Integer> taskCountByState,
    List<String> roots,
    List<String> leaves) {

  static Enrichment of(FlowInstance instance, Edges edges, EventZones zones) {
    InstanceGraph graph = instance.graph();
    List<TaskInstance> tasks = graph.tasks().readable();
    State state = State.of(State.status(instance.status(), instance.statusDesc()));
    Map<String, Integer> countByStatus = new LinkedHashMap<>();
    Map<State, Integer> countByState = new EnumMap<>(State.class);
    for (State each : State.values()) {
      countByState.put(each, 0);
    }
    Set<String> roots = new LinkedHashSet<>();
    Set<String> leaves = new LinkedHashSet<>();
    graph.flows().forEach(flow -> edges.addEnd(flow.nodeId(), roots, leaves));
    for (TaskInstance task : tasks) {
      edges.addEnd(task.nodeId(), roots, leaves);
      countByState.merge(State.of(task.status()), 1, Integer::sum);
      if (!Json.isBlank(task.status())) {
        countByStatus.merge(task.status(), 1, Integer::sum);
      }
    }
    Instant startedAt = Times.instant(instance.startTime(), zones.times());
    Instant endedAt = Times.instant(instance.endTime(), zones.times());
    return new Enrichment(
        state,
        state.isSettled() && countByState.get(State.RUNNING) == 0,
        Times.instant(instance.triggerTime(), zones.trigger()),
        startedAt,
        endedAt,
        Times.instant(instance.timestamp(), zones.times()),
        durationMs(startedAt, endedAt),
        Times.date(instance.calDt()),
        zones,
        owners(instance),
        tasks.size(),
        graph.tasks().unreadable().size(),
        countByStatus,
        countByState,
        List.copyOf(roots),
        List.copyOf(leaves));
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
        : Arrays.stream(text.split(";")).map(Json::trim).filter(name -> !name.isEmpty()).toList();
  }
}
