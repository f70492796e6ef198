package io.flowinstance.metrics;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ToLongFunction;

/**
 * What the change feed counts, under the names that Prometheus sees ({@code
 * flow_instance_watch_…}).
 */
public final class WatchMetrics {
  private final MeterRegistry registry;
  private final Map<String, Counter> transitions = new HashMap<>();
  private final Map<Integer, Partition> partitions = new ConcurrentHashMap<>();
  private final Counter sent;
  private final Counter givenUp;
  private final Counter dropped;
  private final Counter notWatched;
  private final Counter unreadable;

  private record Partition(long watched, long settled, long due) {}

  /**
   * @param states every state of an instance or task, and REMOVED
   */
  public WatchMetrics(MeterRegistry registry, Set<String> states) {
    this.registry = registry;
    for (String kind : List.of("INSTANCE", "TASK")) {
      for (String state : states) {
        transitions.put(
            kind + state,
            counter(
                "transitions",
                "Transitions that were published, by kind and new state.",
                "kind",
                kind.toLowerCase(Locale.ROOT),
                "state",
                state));
      }
    }
    sent = counter("sent", "Ids that were sent back to the pipeline.");
    givenUp = counter("given.up", "Instances that were given up because their ids bring nothing.");
    dropped = counter("dropped", "Observations older than the one remembered.");
    notWatched =
        counter(
            "not.watched",
            "Observations of instances that are not watched for lack of room, or with too many tasks.");
    unreadable = counter("unreadable", "Records that are not messages of an instance.");
    gauge("watched", "Instances that are remembered.", Partition::watched);
    gauge("settled", "Instances that are remembered and not asked for.", Partition::settled);
    gauge("due", "Instances whose ids should have been sent by now.", Partition::due);
  }

  public void transition(String kind, String state) {
    transitions.get(kind + state).increment();
  }

  public void sent() {
    sent.increment();
  }

  public void givenUp() {
    givenUp.increment();
  }

  public void dropped() {
    dropped.increment();
  }

  public void notWatched() {
    notWatched.increment();
  }

  public void unreadable() {
    unreadable.increment();
  }

  /** How many instances a partition remembers, how many of them rest, and how many are due. */
  public void partition(int number, long watched, long settled, long due) {
    partitions.put(number, new Partition(watched, settled, due));
  }

  /** A partition moved to another process. */
  public void closed(int number) {
    partitions.remove(number);
  }

  /** Whether a partition of this process remembers this many instances, and none rests. */
  public boolean isFull(long most) {
    return partitions.values().stream()
        .anyMatch(each -> each.watched() >= most && each.settled() == 0);
  }

  private Counter counter(String name, String description, String... tags) {
    return Counter.builder("flow.instance.watch." + name)
        .description(description)
        .tags(tags)
        .register(registry);
  }

  private void gauge(String name, String description, ToLongFunction<Partition> value) {
    Gauge.builder(
            "flow.instance.watch." + name,
            partitions,
            all -> all.values().stream().mapToLong(value).sum())
        .description(description)
        .strongReference(true)
        .register(registry);
  }
}
