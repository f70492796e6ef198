package io.flowinstance.watch;

import io.flowinstance.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Instances that run and change by chance, on a clock of their own. Each id that the change feed
 * sends brings an observation a second later. The same arguments lead to the same calls.
 */
final class WatchSimulation implements AutoCloseable {
  private static final int RUNNING = 2;
  private static final int TASKS = 20;
  private static final int MINUTE = 60;
  private static final int WINDOW = 5;
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private final WatchBed bed;
  private final Random random = new Random(1);
  private final double changesPerSecond;
  private final int[] steps;
  private final long[] unseenSince;
  private List<String> asked = List.of();
  private double changesDue;
  private long seconds;

  private Counts counts = new Counts();

  /** What happened in some time. */
  static final class Counts {
    long calls;
    long changes;

    /** Observations that showed a change, and how long their changes had waited, seconds. */
    private long seen;

    private long waited;

    /** CPU time of the change feed. */
    private long nanos;
  }

  WatchSimulation(WatchSettings settings, int instances, double changesPerSecond) {
    bed = new WatchBed(settings, (id, sentAt) -> false);
    this.changesPerSecond = changesPerSecond;
    steps = new int[instances];
    unseenSince = new long[instances];
    IntStream.range(0, instances).forEach(this::observe);
    bed.records();
    counts = new Counts();
  }

  /** The settings as they are shipped, but for the cap. */
  static WatchSettings shipped(int maxIdsPerSecond, int maxInstances) {
    Properties properties = new Properties();
    try (InputStream file = WatchSimulation.class.getResourceAsStream("/application.properties")) {
      properties.load(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new WatchSettings(
        "flow-instances",
        "flow-instance-ids",
        "flow-instance-transitions",
        "now",
        millis(properties, "watch.interval-ms"),
        millis(properties, "watch.longest-interval-ms"),
        millis(properties, "watch.settle-ms"),
        millis(properties, "watch.forget-ms"),
        millis(properties, "watch.give-up-ms"),
        maxIdsPerSecond,
        maxInstances,
        1,
        "",
        "");
  }

  private static Duration millis(Properties properties, String key) {
    return Duration.ofMillis(Long.parseLong(properties.getProperty(key)));
  }

  /** Lets time pass; what happened in it. */
  Counts minutes(int minutes) {
    counts = new Counts();
    for (int second = 0; second < minutes * MINUTE; second++) {
      second();
    }
    return counts;
  }

  private void second() {
    seconds++;
    for (changesDue += changesPerSecond; changesDue >= 1; changesDue--) {
      change(random.nextInt(steps.length));
    }
    List<String> answered = asked;
    long start = THREADS.getCurrentThreadCpuTime();
    bed.pass(Duration.ofSeconds(1));
    counts.nanos += THREADS.getCurrentThreadCpuTime() - start;
    asked = bed.ids();
    counts.calls += asked.size();
    answered.forEach(id -> observe(Integer.parseInt(id.substring(id.indexOf('-') + 1))));
    bed.records();
    bed.dropChangelog();
  }

  private void change(int instance) {
    steps[instance]++;
    counts.changes++;
    if (unseenSince[instance] == 0) {
      unseenSince[instance] = seconds;
    }
  }

  private void observe(int instance) {
    if (unseenSince[instance] != 0) {
      counts.seen++;
      counts.waited += seconds - unseenSince[instance];
      unseenSince[instance] = 0;
    }
    String[] tasks =
        IntStream.range(0, TASKS)
            .mapToObj(
                task -> "%d-%d=%s".formatted(104_452 + task, instance, status(instance, task)))
            .toArray(String[]::new);
    byte[] message = Json.write(bed.message("2438-" + instance, RUNNING, tasks));
    long start = THREADS.getCurrentThreadCpuTime();
    bed.send(message);
    counts.nanos += THREADS.getCurrentThreadCpuTime() - start;
  }

  /** One task after the other begins to run, and then succeeds: each is a step. */
  private String status(int instance, int task) {
    int step = steps[instance] - 2 * task;
    return step <= 0 ? "INIT" : step == 1 ? "RUNNING" : "SUCCESS";
  }

  @Override
  public void close() {
    bed.close();
  }

  /** Prints the figures of docs/change-feed.md. Takes how many instances, 20,000 unless given. */
  public static void main(String[] arguments) {
    int instances = arguments.length == 0 ? 20_000 : Integer.parseInt(arguments[0]);
    print(instances, 0, 200);
    print(instances, 0.01, 200);
    print(instances, 0.01, 50);
  }

  private static void print(int instances, double share, int cap) {
    System.out.printf(
        "%n%d instances, %.0f %% change per 30 s, at most %d ids per second%n"
            + "minutes  calls/s  calls per instance and minute  ms of CPU time per call%n",
        instances, share * 100, cap);
    try (WatchSimulation simulation =
        new WatchSimulation(shipped(cap, instances), instances, instances * share / 30)) {
      for (int minute = 0; minute < MINUTE; minute += WINDOW) {
        Counts counts = simulation.minutes(WINDOW);
        System.out.printf(
            "%2d to %2d  %7.1f  %29.2f  %23.3f",
            minute,
            minute + WINDOW,
            (double) counts.calls / WINDOW / MINUTE,
            (double) counts.calls / WINDOW / instances,
            counts.nanos / 1e6 / counts.calls);
        if (counts.changes > 0) {
          System.out.printf(
              "  %.1f calls and %.2f ms per change, seen after %.0f s, %.0f overdue",
              (double) counts.calls / counts.changes,
              counts.nanos / 1e6 / counts.changes,
              (double) counts.waited / counts.seen,
              simulation.bed.metric("due"));
        }
        System.out.println();
      }
    }
  }
}
