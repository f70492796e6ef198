package io.flowinstance.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.regex.Pattern;

/**
 * Two JARs of the pipeline at once, each with its own consumer group over the same ids. What the
 * machine does to one in a window it does to the other too, so their ratio is steadier than that of
 * two runs; but both are slower and longer cold than one alone.
 */
public final class TwoVersions {
  private static final Path LOGS = Path.of("target", "bench", "logs");
  private static final Duration WINDOW = Duration.ofSeconds(20);
  private static final int WINDOWS = 15;
  private static final Duration LOOK = Duration.ofMillis(100);

  /** More than two on the processors of one. */
  private static final int IDS_PER_SECOND = 200_000;

  private static final Pattern OUTCOMES =
      Pattern.compile("(?m)^flow_instance_outcomes_total\\{[^}]*} (\\S+)");

  /** One of the two, and what it had done and used so far. */
  private record Version(VariantProcess process, double ids, double cpuSeconds) {
    Version now() throws IOException {
      URL metrics = URI.create(process.management() + "/observe/metrics").toURL();
      try (InputStream lines = metrics.openStream()) {
        double ids =
            OUTCOMES
                .matcher(new String(lines.readAllBytes(), UTF_8))
                .results()
                .mapToDouble(outcomes -> Double.parseDouble(outcomes.group(1)))
                .sum();
        return new Version(process, ids, process.figures().cpuSeconds());
      }
    }
  }

  /** What one did in a window. */
  private record Rate(double perSecond, double cpuMs) {
    static Rate of(Version before, Version after) {
      double ids = after.ids() - before.ids();
      return new Rate(
          ids / WINDOW.toSeconds(), 1000 * (after.cpuSeconds() - before.cpuSeconds()) / ids);
    }
  }

  private TwoVersions() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    Locale.setDefault(Locale.ROOT);
    System.setProperty("logback.configurationFile", "bench/logback-bench.xml");
    if (System.getProperty("bench.before").isEmpty()) {
      System.err.println("Name the JAR of the earlier version: -Dbench.before=<file>");
      System.exit(2);
    }
    int tasks = Integer.getInteger("bench.tasks");
    Files.createDirectories(LOGS);
    try (TestBed bed = TestBed.start(LOGS)) {
      bed.latency(ApiLatency.NONE);
      int ids = (int) (IDS_PER_SECOND / (tasks + 30) * WINDOW.toSeconds() * WINDOWS);
      String topic = bed.ids(tasks, TestBed.PARTITIONS, ids);
      try (VariantProcess one = start("bench.before", bed, topic);
          VariantProcess other = start("application.jar", bed, topic)) {
        awaitReady(one);
        awaitReady(other);
        compare(new Version(one, 0, 0).now(), new Version(other, 0, 0).now());
      } finally {
        bed.clearOutput();
      }
    }
    System.exit(0);
  }

  private static VariantProcess start(String jar, TestBed bed, String topic) {
    return VariantProcess.start(
        List.of("-jar", System.getProperty(jar)),
        bed.environment(topic),
        LOGS.resolve(jar + ".log"));
  }

  private static void awaitReady(VariantProcess process) throws InterruptedException {
    while (!process.isReady()) {
      if (!process.runsFor(LOOK)) {
        throw new IllegalStateException(process.complaint());
      }
    }
  }

  private static void compare(Version before, Version after)
      throws IOException, InterruptedException {
    System.out.printf(
        "%nLater over earlier, in windows of %d s: the one of bench.before, and the present one.%n%n"
            + "%6s  %8s  %8s  %6s  %8s  %8s  %6s%n",
        WINDOW.toSeconds(), "after", "ids/s", "ids/s", "ratio", "CPU ms", "CPU ms", "ratio");
    List<Double> rates = new ArrayList<>();
    List<Double> cpu = new ArrayList<>();
    for (int window = 1; window <= WINDOWS; window++) {
      if (!before.process().runsFor(WINDOW)) {
        throw new IllegalStateException(before.process().complaint());
      }
      Version beforeNow = before.now();
      Version afterNow = after.now();
      Rate one = Rate.of(before, beforeNow);
      Rate other = Rate.of(after, afterNow);
      before = beforeNow;
      after = afterNow;
      rates.add(ratio(one, other, Rate::perSecond));
      cpu.add(ratio(one, other, Rate::cpuMs));
      System.out.printf(
          "%4d s  %8.0f  %8.0f  %6.2f  %8.2f  %8.2f  %6.2f%n",
          window * WINDOW.toSeconds(),
          one.perSecond(),
          other.perSecond(),
          rates.get(window - 1),
          one.cpuMs(),
          other.cpuMs(),
          cpu.get(window - 1));
    }
    System.out.printf(
        "%nMedian of the second half: %.2f of the throughput, %.2f of the CPU time per id.%n",
        medianOfSecondHalf(rates), medianOfSecondHalf(cpu));
  }

  private static double ratio(Rate one, Rate other, ToDoubleFunction<Rate> of) {
    return of.applyAsDouble(other) / of.applyAsDouble(one);
  }

  private static double medianOfSecondHalf(List<Double> windows) {
    return Figures.Spread.of(windows.stream().skip(WINDOWS / 2).mapToDouble(Double::doubleValue))
        .median();
  }
}
