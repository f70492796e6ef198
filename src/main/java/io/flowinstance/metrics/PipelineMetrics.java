package io.flowinstance.metrics;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.DoubleSupplier;
import java.util.stream.LongStream;

/**
 * What the pipeline counts and times, under the names that Prometheus sees ({@code
 * flow_instance_…}). Few labels, and never an id in one.
 *
 * @see <a href="https://prometheus.io/docs/practices/naming/">Prometheus: metric and label
 *     naming</a>
 */
public final class PipelineMetrics {
  private static final Duration[] CALL_BUCKETS =
      millis(5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000);
  private static final Duration[] BATCH_BUCKETS =
      millis(10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000);
  private static final Duration[] AGE_BUCKETS =
      millis(25, 50, 100, 150, 250, 500, 1_000, 2_500, 5_000, 15_000, 60_000, 300_000, 1_800_000);

  private final MeterRegistry registry;
  private final Map<String, Counter> deadLetters = new HashMap<>();
  private final Map<String, Timer> calls = new HashMap<>();
  private final Counter ids;
  private final Counter events;
  private final Counter discarded;
  private final Counter lost;
  private final Counter flowInstances;
  private final Counter taskStatuses;
  private final Counter deadLetterMessages;
  private final Counter retries;
  private final Counter committed;
  private final Counter aborted;
  private final DistributionSummary batchSize;
  private final Timer batchDuration;
  private final Timer idAge;
  private final AtomicLong lastCommit = new AtomicLong();

  /**
   * Makes every meter at once: a counter that began with its first increment would hide it from
   * {@code rate()}.
   *
   * @param deadLetterReasons every reason of a dead letter
   * @param answers what a call of the API may come to
   */
  public PipelineMetrics(
      MeterRegistry registry, Set<String> deadLetterReasons, Set<String> answers) {
    this.registry = registry;
    ids =
        counter(
            "flow.instance.ids", "Id records that were polled, repeatedly polled ones included.");
    discarded =
        counter(
            "flow.instance.ids.discarded",
            "Id records of partitions that moved: their next owner polls them again.");
    lost =
        counter(
            "flow.instance.ids.lost",
            "Offsets that retention deleted before their id records were read.");
    retries = counter("flow.instance.api.retries", "Repeated calls of the API for the same id.");
    String outcomes = "Outcomes of ids; an id with unreadable tasks counts twice.";
    events = counter("flow.instance.outcomes", outcomes, "outcome", "events", "reason", "none");
    for (String reason : deadLetterReasons) {
      deadLetters.put(
          reason,
          counter("flow.instance.outcomes", outcomes, "outcome", "dead_letter", "reason", reason));
    }
    String messages = "Messages that were committed.";
    flowInstances = counter("flow.instance.messages", messages, "message", "flow_instance");
    taskStatuses = counter("flow.instance.messages", messages, "message", "task_status");
    deadLetterMessages = counter("flow.instance.messages", messages, "message", "dead_letter");
    committed = counter("flow.instance.transactions", "Kafka transactions.", "result", "committed");
    aborted = counter("flow.instance.transactions", "Kafka transactions.", "result", "aborted");
    batchSize =
        DistributionSummary.builder("flow.instance.batch.size")
            .description("Ids of a transaction.")
            .register(registry);
    batchDuration =
        timer(
            "flow.instance.batch.duration",
            "From the poll of the first id of a transaction to its commit.",
            BATCH_BUCKETS);
    idAge =
        timer(
            "flow.instance.id.age",
            "From the timestamp of an id record to the commit of its outcome.",
            AGE_BUCKETS);
    for (String answer : answers) {
      calls.put(
          answer,
          timer(
              "flow.instance.api.call.duration",
              "Calls of the API, from the request to the last byte, by the kind of answer.",
              CALL_BUCKETS,
              "answer",
              answer));
    }
    gauge(
        "flow.instance.last.commit.timestamp.seconds",
        "When the last transaction was committed, in seconds since 1970; 0 before the first.",
        () -> lastCommit.get() / 1e3);
  }

  public void polled(int count) {
    ids.increment(count);
  }

  /** A dead letter was committed. */
  public void deadLetter(String reason) {
    deadLetters.get(reason).increment();
  }

  public void discarded(int count) {
    discarded.increment(count);
  }

  public void lost(long count) {
    lost.increment(count);
  }

  public void messages(int ofInstances, int ofTasks, int ofDeadLetters) {
    events.increment(ofInstances);
    flowInstances.increment(ofInstances);
    taskStatuses.increment(ofTasks);
    deadLetterMessages.increment(ofDeadLetters);
  }

  /** A call of the API was over, and this is what it came to. */
  public void called(String answer, long nanos) {
    calls.get(answer).record(nanos, TimeUnit.NANOSECONDS);
  }

  public void retried() {
    retries.increment();
  }

  /** A transaction was committed at this time, epoch milliseconds. */
  public void committed(long now) {
    committed.increment();
    lastCommit.set(now);
  }

  public void aborted() {
    aborted.increment();
  }

  /** A transaction was committed, of so many ids, so long after its first id was polled. */
  public void batch(int size, long nanos) {
    batchSize.record(size);
    batchDuration.record(nanos, TimeUnit.NANOSECONDS);
  }

  public void age(long millis) {
    idAge.record(Math.max(0, millis), TimeUnit.MILLISECONDS);
  }

  public void gauge(String name, String description, DoubleSupplier value) {
    Gauge.builder(name, value, DoubleSupplier::getAsDouble)
        .strongReference(true)
        .description(description)
        .register(registry);
  }

  Counter counter(String name, String description, String... tags) {
    return Counter.builder(name).description(description).tags(tags).register(registry);
  }

  private Timer timer(String name, String description, Duration[] buckets, String... tags) {
    return Timer.builder(name)
        .description(description)
        .tags(tags)
        .serviceLevelObjectives(buckets)
        .register(registry);
  }

  private static Duration[] millis(long... bounds) {
    return LongStream.of(bounds).mapToObj(Duration::ofMillis).toArray(Duration[]::new);
  }
}
