package io.flowinstance.bench;

import io.flowinstance.bench.Results.Start;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/**
 * One start of the pipeline at its default settings, without ids to serve.
 *
 * @param number which start it is
 * @param rest whether to look at the memory too, once it has rested
 * @param archive whether it is given an archive of its classes, as in the image; the first such
 *     start is preceded by one that makes it
 */
record StartRun(int number, boolean rest, boolean archive) implements Step {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final Duration LOOK = Duration.ofMillis(20);
  private static final Duration REST = Duration.ofSeconds(5);

  @Override
  public String title() {
    return "start: pipeline%s, number %d".formatted(archive ? " with an archive" : "", number);
  }

  private boolean makesArchive() {
    return archive && number == 1;
  }

  @Override
  public Duration length() {
    return Duration.ofSeconds(makesArchive() ? 15 : 5).plus(rest ? REST : Duration.ZERO);
  }

  @Override
  public String perform(TestBed bed, Path logs, Results results) throws InterruptedException {
    bed.latency(ApiLatency.NONE);
    Path classes = logs.resolve("classes.jsa");
    if (makesArchive()) {
      in(bed, logs.resolve("start-archive.log"), "-XX:ArchiveClassesAtExit=" + classes);
    }
    Start start =
        archive
            ? in(
                bed,
                logs.resolve("start-with-archive-%d.log".formatted(number)),
                "-XX:SharedArchiveFile=" + classes)
            : in(bed, logs.resolve("start-%d.log".formatted(number)));
    results.starts().add(start);
    return "ready after %.2f s".formatted(start.readySeconds())
        + (rest ? ", %.0f MiB at rest".formatted(start.restMib()) : "");
  }

  private Start in(TestBed bed, Path log, String... jvmOptions) throws InterruptedException {
    Map<String, String> environment = bed.environment(bed.emptyIds());
    long begin = System.nanoTime();
    try (VariantProcess process =
        VariantProcess.start(Variant.PIPELINE, environment, log, jvmOptions)) {
      while (!process.isReady()) {
        if (!process.runsFor(LOOK) || System.nanoTime() - begin > PATIENCE.toNanos()) {
          throw new IllegalStateException("The pipeline does not start: " + process.complaint());
        }
      }
      double ready = (System.nanoTime() - begin) / 1e9;
      if (!rest) {
        return new Start(archive, ready, Double.NaN);
      }
      process.runsFor(REST);
      return new Start(archive, ready, process.figures().residentMib());
    }
  }
}
