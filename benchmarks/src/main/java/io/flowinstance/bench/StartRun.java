package io.flowinstance.bench;

import io.flowinstance.bench.Results.Start;
import java.nio.file.Path;
import java.time.Duration;

/**
 * One start of the pipeline at its default settings, without ids to serve.
 *
 * @param number which start it is
 * @param rest whether to look at the memory too, once it has rested
 */
record StartRun(int number, boolean rest) implements Step {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final Duration LOOK = Duration.ofMillis(20);
  private static final Duration REST = Duration.ofSeconds(5);

  @Override
  public String title() {
    return "start: pipeline, number " + number;
  }

  @Override
  public Duration length() {
    return Duration.ofSeconds(5).plus(rest ? REST : Duration.ZERO);
  }

  @Override
  public String perform(TestBed bed, Path logs, Results results) throws InterruptedException {
    Start start = in(bed, logs);
    results.starts().add(start);
    return "ready after %.2f s".formatted(start.readySeconds())
        + (rest ? ", %.0f MiB at rest".formatted(start.restMib()) : "");
  }

  private Start in(TestBed bed, Path logs) throws InterruptedException {
    bed.latency(ApiLatency.NONE);
    var environment = bed.environment(bed.emptyIds());
    long begin = System.nanoTime();
    try (VariantProcess process =
        VariantProcess.start(
            Variant.PIPELINE, environment, logs.resolve("start-%d.log".formatted(number)))) {
      while (!process.isReady()) {
        if (!process.runsFor(LOOK) || System.nanoTime() - begin > PATIENCE.toNanos()) {
          throw new IllegalStateException("The pipeline does not start: " + process.complaint());
        }
      }
      double ready = (System.nanoTime() - begin) / 1e9;
      if (!rest) {
        return new Start(ready, Double.NaN);
      }
      process.runsFor(REST);
      return new Start(ready, process.figures().residentMib());
    }
  }
}
