package io.flowinstance.watch;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.event.Times;
import io.flowinstance.metrics.WatchMetrics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Clock;
import java.time.Instant;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.processor.api.MockProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** Measures one partition that watches many instances. Prints to standard output. */
final class WatchMeasurement {
  private static final int TASKS = 20;
  private static final int TASKS_OF_WORKFLOW = 50;

  private WatchMeasurement() {}

  /** Takes how many instances, 1,000,000 unless given. */
  public static void main(String[] arguments) {
    int count = arguments.length == 0 ? 1_000_000 : Integer.parseInt(arguments[0]);
    MockProcessorContext<byte[], byte[]> context = new MockProcessorContext<>();
    KeyValueStore<String, byte[]> store =
        Stores.keyValueStoreBuilder(
                Stores.inMemoryKeyValueStore(WatchedPartition.INSTANCES),
                Serdes.String(),
                Serdes.ByteArray())
            .withLoggingDisabled()
            .build();
    store.init(context.getStateStoreContext(), store);
    context.addStateStore(store);
    long empty = usedHeap();
    WatchedPartition partition = partition(count);
    partition.init(context);

    measure("observe at first sight", count, () -> observeAll(partition, context, count, 0, 0));
    System.out.printf("stored: %d bytes per instance%n", store.get(id(0)).length);
    System.out.printf("heap: %d bytes per instance%n", (usedHeap() - empty) / count);
    measure("observe unchanged", count, () -> observeAll(partition, context, count, 30, 0));
    measure("observe a change", count, () -> observeAll(partition, context, count, 60, 1));
    measure("init after a restart", count, () -> partition(count).init(context));
  }

  private static WatchedPartition partition(int count) {
    return new WatchedPartition(
        WatchBed.settings("earliest", 1000, count),
        (id, sentAt) -> false,
        new WatchMetrics(new SimpleMeterRegistry(), WatchBed.STATES),
        Clock.systemUTC());
  }

  private static void observeAll(
      WatchedPartition partition,
      MockProcessorContext<byte[], byte[]> context,
      int count,
      int seconds,
      int done) {
    String template = template(seconds, done);
    for (int i = 0; i < count; i++) {
      partition.process(new Record<>(null, message(i, template), 0));
      context.resetForwards();
    }
  }

  private static String id(int i) {
    return "%d-%d".formatted(2438 + i % TASKS_OF_WORKFLOW, 20190726123900L + i);
  }

  private static byte[] message(int i, String template) {
    String id = id(i);
    return template
        .replace("@id", id)
        .replace("@time", id.substring(id.indexOf('-')))
        .getBytes(UTF_8);
  }

  private static String template(int seconds, int done) {
    String tasks =
        IntStream.range(0, TASKS)
            .mapToObj(
                task ->
                    """
                    {"taskName":"step %d","taskInstId":"%d@time","x":0.0198,"y":0.0045,\
                    "taskId":"%d","nodeId":"t_%d","status":"%s"}"""
                        .formatted(
                            task,
                            104452 + task,
                            104452 + task,
                            104452 + task,
                            task < 5 + done ? "SUCCESS" : "INIT"))
            .collect(Collectors.joining(","));
    return """
    {"instanceId":"@id","flowId":2438,"flowName":"rew","freq":"0 1/1 * * * ? *","graph":{\
    "creator":"yourCreator","flows":[],"relations":[],"tasks":[%s],"unreadableTasks":[]},\
    "status":2,"statusDesc":"RUNNING","startTime":"2026-01-01 00:00:00","enrichment":{\
    "state":"RUNNING","settled":false,"startedAt":"2026-01-01T00:00:00.000Z",\
    "userId":"yourUserId","orgId":"o15444172373271","observationId":"flow-instance-ids-1-7",\
    "fetchedAt":"%s"}}"""
        .formatted(tasks, Times.text(Instant.ofEpochSecond(1_800_000_000L + seconds)));
  }

  private static void measure(String what, int count, Runnable work) {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long start = threads.getCurrentThreadCpuTime();
    work.run();
    long nanos = threads.getCurrentThreadCpuTime() - start;
    System.out.printf(
        "%s: %.1f µs of CPU time per instance, %.1f s in all%n",
        what, nanos / 1e3 / count, nanos / 1e9);
  }

  private static long usedHeap() {
    System.gc();
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }
}
