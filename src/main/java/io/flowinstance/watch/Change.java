package io.flowinstance.watch;

import static io.flowinstance.event.TransitionEvent.Kind.INSTANCE;
import static io.flowinstance.event.TransitionEvent.Kind.TASK;

import io.flowinstance.event.State;
import io.flowinstance.event.TransitionEvent;
import io.flowinstance.watch.WatchedInstance.Rerun;
import io.flowinstance.watch.WatchedInstance.Task;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Compares an observation with what is remembered of its instance. Pure. */
final class Change {
  private static final ObservedInstance.Task NO_TASK = removed(null);

  private final ObservedInstance now;
  private final long at;
  private final long published;
  private final List<TransitionEvent> transitions = new ArrayList<>();
  private final WatchedInstance after;
  private long since;
  private long startedAt;
  private Rerun rerun = Rerun.NONE;
  private int attempt = 1;

  /** A status as it was seen from one time to another. */
  private record Previous(String status, long since, long seenAt) {}

  /**
   * @param before what is remembered, or null at first sight
   * @param at when it was observed, epoch milliseconds
   * @param isHistory whether changes are remembered but not published
   */
  Change(WatchedInstance before, ObservedInstance now, long at, boolean isHistory) {
    this.now = now;
    this.at = at;
    published = before == null ? 0 : before.sequence();
    boolean settled = now.enrichment().settled();
    Instant start = now.enrichment().startedAt();
    since = at;
    startedAt = start == null ? 0 : start.toEpochMilli();
    if (before == null) {
      add(null, NO_TASK, attempt, now.statusName(), settled);
    } else {
      compare(before, settled);
    }
    List<Task> tasks = tasks(before);
    long changedAt = transitions.isEmpty() ? before.changedAt() : at;
    if (isHistory) {
      transitions.clear();
    }
    after =
        new WatchedInstance(
            now.enrichment().userId(),
            now.enrichment().orgId(),
            now.statusName(),
            settled,
            since,
            at,
            changedAt,
            startedAt,
            rerun,
            attempt,
            published + transitions.size(),
            0,
            0,
            tasks);
  }

  /** What is remembered from now on. */
  WatchedInstance after() {
    return after;
  }

  /** In this order: the instance, its tasks in graph order, tasks that are gone. */
  List<TransitionEvent> transitions() {
    return transitions;
  }

  private void compare(WatchedInstance before, boolean settled) {
    boolean starts = startedAt != 0 && startedAt != before.startedAt();
    boolean startsAgain = starts && before.startedAt() != 0;
    boolean unsettles = before.settled() && !settled;
    boolean isRerun =
        unsettles
            ? startsAgain || before.rerun() != Rerun.UNSETTLED_EXPECTED
            : startsAgain && before.rerun() != Rerun.NEW_START_EXPECTED;
    rerun = before.rerun();
    if (unsettles) {
      rerun = starts || rerun == Rerun.UNSETTLED_EXPECTED ? Rerun.NONE : Rerun.NEW_START_EXPECTED;
    } else if (starts) {
      rerun = isRerun && before.settled() ? Rerun.UNSETTLED_EXPECTED : Rerun.NONE;
    } else if (settled && !before.settled()) {
      rerun = Rerun.NONE;
    }
    attempt = before.attempt() + (isRerun ? 1 : 0);
    if (!starts) {
      startedAt = before.startedAt();
    }
    if (isRerun || settled != before.settled() || !now.statusName().equals(before.status())) {
      Previous previous = new Previous(before.status(), before.since(), before.seenAt());
      add(previous, NO_TASK, attempt, now.statusName(), settled);
    } else {
      since = before.since();
    }
  }

  private List<Task> tasks(WatchedInstance before) {
    Map<String, Task> gone = new LinkedHashMap<>();
    if (before != null) {
      before.tasks().forEach(task -> gone.put(task.id(), task));
    }
    Map<String, ObservedInstance.Task> observed = new LinkedHashMap<>();
    // Of two of one id the last counts, as among the messages of one key.
    now.graph().tasks().forEach(task -> observed.put(task.taskInstId(), task));
    Map<String, Task> tasks = new LinkedHashMap<>();
    observed.forEach((id, task) -> tasks.put(id, task(gone.remove(id), task, before)));
    boolean mayBeUnreadable = !now.graph().unreadableTasks().isEmpty();
    for (Task task : gone.values()) {
      long seenAt = seenAt(task, before);
      if (mayBeUnreadable) {
        tasks.put(
            task.id(), new Task(task.id(), task.status(), task.since(), task.attempt(), seenAt));
      } else {
        Previous previous = new Previous(task.status(), task.since(), seenAt);
        add(previous, removed(task.id()), task.attempt(), null, true);
      }
    }
    return List.copyOf(tasks.values());
  }

  private Task task(Task known, ObservedInstance.Task task, WatchedInstance before) {
    String status = task.status();
    boolean settled = State.of(status).isSettled();
    if (known == null) {
      add(null, task, 1, status, settled);
      return new Task(task.taskInstId(), status, at, 1, 0);
    }
    if (status.equals(known.status())) {
      return new Task(known.id(), status, known.since(), known.attempt(), 0);
    }
    int attempt = known.attempt() + (State.of(known.status()).isSettled() && !settled ? 1 : 0);
    Previous previous = new Previous(known.status(), known.since(), seenAt(known, before));
    add(previous, task, attempt, status, settled);
    return new Task(known.id(), status, at, attempt, 0);
  }

  private static long seenAt(Task task, WatchedInstance before) {
    return task.seenAt() == 0 ? before.seenAt() : task.seenAt();
  }

  private static ObservedInstance.Task removed(String taskInstId) {
    return new ObservedInstance.Task(taskInstId, null, null, null, null);
  }

  private void add(
      Previous previous, ObservedInstance.Task task, int attempt, String status, boolean settled) {
    transitions.add(
        new TransitionEvent(
            task == NO_TASK ? INSTANCE : TASK,
            now.instanceId(),
            task.taskInstId(),
            task.taskId(),
            task.nodeId(),
            task.taskName(),
            now.flowId(),
            now.flowName(),
            published + transitions.size() + 1,
            attempt,
            previous == null,
            previous == null ? null : previous.status(),
            previous == null ? null : State.of(previous.status()),
            status,
            status == null ? TransitionEvent.REMOVED : State.of(status).name(),
            settled,
            previous == null ? null : Instant.ofEpochMilli(previous.since()),
            previous == null ? null : Instant.ofEpochMilli(previous.seenAt()),
            Instant.ofEpochMilli(at),
            now.enrichment().observationId(),
            now.enrichment().orgId()));
  }
}
