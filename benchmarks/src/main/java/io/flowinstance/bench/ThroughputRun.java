package io.flowinstance.bench;

import io.flowinstance.bench.Arrivals.Rate;
import io.flowinstance.bench.Results.Throughput;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * One variant in one cell, over a topic that is full of ids: how many come out per second once it
 * is warm, and what that takes.
 *
 * @param warmUp under load, from the first outcome to the window
 * @param window what is measured
 */
record ThroughputRun(Cell cell, Variant variant, int round, WarmUp warmUp, Duration window)
    implements Step {
  private static final Duration FIRST_OUTCOME = Duration.ofSeconds(30);
  private static final int WINDOWS_AT_MOST = 3;
  private static final Duration LOOK = Duration.ofMillis(10);
  private static final Duration START_AND_STOP = Duration.ofSeconds(5);

  @Override
  public String title() {
    return "throughput: %s, %s".formatted(cell.title(), variant.title());
  }

  @Override
  public Duration length() {
    return warmUp.atLeast().plus(warmUp.atMost()).dividedBy(2).plus(window).plus(START_AND_STOP);
  }

  @Override
  public String perform(TestBed bed, Path logs, Results results) throws InterruptedException {
    Throughput throughput = in(bed, logs);
    results.throughputs().add(throughput);
    return throughput.failure() == null
        ? "%7.0f ids/s, %6.2f ms CPU per id, %4.0f MiB"
            .formatted(throughput.perSecond(), throughput.cpuMs(), throughput.peakMib())
        : "failed: " + throughput.failure();
  }

  /** More than any variant uses up, by tasks. Not many more: they take time to write. */
  private int ids() {
    int perSecond = Math.max(500, 400_000 / (cell.tasks() + 30));
    long seconds = warmUp.atMost().plus(window).toSeconds();
    return (int) (perSecond * Math.max(30, seconds));
  }

  private Throughput in(TestBed bed, Path logs) throws InterruptedException {
    bed.latency(cell.latency());
    int ids = ids();
    Map<String, String> environment =
        bed.environment(bed.ids(cell.tasks(), cell.partitions(), ids));
    environment.put("FETCH_CONCURRENCY", Integer.toString(cell.concurrency()));
    environment.put("KAFKA_CONSUMERS", Integer.toString(cell.consumers()));
    Path log = logs.resolve("%s-%s-%d.log".formatted(cell.fileName(), variant.name(), round));
    try (Arrivals arrivals = new Arrivals(bed.bootstrapServers(), TestBed.FLOW_INSTANCES);
        VariantProcess process = VariantProcess.start(variant, environment, log)) {
      long patience = System.nanoTime() + FIRST_OUTCOME.toNanos();
      while (arrivals.count() == 0) {
        if (!process.runsFor(LOOK) || System.nanoTime() > patience) {
          return failed(process);
        }
      }
      if (!warmUp.of(process)) {
        return failed(process);
      }
      long from = System.nanoTime();
      double cpuBefore = process.figures().cpuSeconds();
      double compilersBefore = process.figures().compilerSeconds();
      double pausesBefore = process.pauseSeconds();
      double otherCpuBefore = bed.cpuSeconds();
      Machine.CpuTime machineBefore = Machine.CpuTime.now();
      Optional<Rate> rate = Optional.empty();
      long to = from;
      // Where bursts are rare, one window does not hold enough of them.
      while (rate.isEmpty() && to - from < WINDOWS_AT_MOST * window.toNanos()) {
        if (!process.runsFor(window)) {
          return failed(process);
        }
        to = System.nanoTime();
        rate = arrivals.rate(from, to);
      }
      double seconds = (to - from) / 1e9;
      double cpu = (process.figures().cpuSeconds() - cpuBefore) / seconds;
      double compilers = (process.figures().compilerSeconds() - compilersBefore) / seconds;
      double pauses = (process.pauseSeconds() - pausesBefore) / seconds;
      double otherCpu = (bed.cpuSeconds() - otherCpuBefore) / seconds;
      double idle = Machine.CpuTime.now().idleSince(machineBefore);
      if (arrivals.count() >= ids) {
        return Throughput.failed(cell, variant, round, "the %d ids ran out".formatted(ids));
      }
      if (rate.isEmpty()) {
        return failed(process);
      }
      double perSecond = rate.get().perSecond();
      return new Throughput(
          cell,
          variant,
          round,
          perSecond,
          1000 * cpu / perSecond,
          1000 * otherCpu / perSecond,
          100 * compilers / cpu,
          100 * pauses,
          100 * idle,
          process.figures().peakMib(),
          null);
    } finally {
      bed.clearOutput();
    }
  }

  private Throughput failed(VariantProcess process) {
    return Throughput.failed(cell, variant, round, process.complaint());
  }
}
