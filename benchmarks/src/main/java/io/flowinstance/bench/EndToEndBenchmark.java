package io.flowinstance.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/**
 * The pipeline beside other ways to write the job, on this machine alone: throughput, what it
 * takes, latency, start. Figures, tables and plots go to {@code target/bench}.
 *
 * <p>{@code -Dbench.quick=true} is the short form; {@code -Dbench.only=<text>} does those steps
 * alone whose title contains the text.
 */
public final class EndToEndBenchmark {
  private static final Path FOLDER = Path.of("target", "bench");
  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private EndToEndBenchmark() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    Locale.setDefault(Locale.ROOT);
    // Clients of processes that come and go have much to say; ours is the screen.
    System.setProperty("logback.configurationFile", "bench/logback-bench.xml");
    boolean quick = Boolean.getBoolean("bench.quick");
    Plan plan = (quick ? Plan.quick() : Plan.full()).only(System.getProperty("bench.only", ""));
    Results results = Results.none(machine(), loadAverage(), quick);
    Path logs = Files.createDirectories(FOLDER.resolve("logs"));
    System.out.printf(
        "%n%s%nLoad before the start: %.1f%n%d steps, %s%n%n",
        results.machine(), results.loadBefore(), plan.steps().size(), about(plan));
    boolean whole = run(plan, results, logs);
    publish(results);
    // The processes that a hook kills are not worth the wait for Kafka's threads.
    System.exit(whole ? 0 : 1);
  }

  /** Whether all steps were done; what a fault of one leaves undone is not measured. */
  private static boolean run(Plan plan, Results results, Path logs)
      throws IOException, InterruptedException {
    try (TestBed bed = TestBed.start(logs)) {
      List<Step> steps = plan.steps();
      int width = steps.stream().mapToInt(step -> step.title().length()).max().orElse(1);
      for (int i = 0; i < steps.size(); i++) {
        Plan left = new Plan(steps.subList(i, steps.size()));
        System.out.printf(
            "%3d/%d  %-11s  %-" + width + "s  ",
            i + 1,
            steps.size(),
            about(left) + " left",
            steps.get(i).title());
        System.out.flush();
        System.out.println(steps.get(i).perform(bed, logs, results));
        // After each: what was measured is not lost when a run is cut short.
        JSON.writeValue(FOLDER.resolve("results.json").toFile(), results);
      }
      return true;
    } catch (IllegalStateException e) {
      System.out.println("broken off: " + e.getMessage());
      return false;
    }
  }

  private static void publish(Results results) throws IOException {
    Figures figures = new Figures(results);
    StringBuilder markdown =
        new StringBuilder(
            "Machine: %s; its load before the start: %.1f.%s\n\n"
                .formatted(
                    results.machine(),
                    results.loadBefore(),
                    results.quick() ? " The short form, one round." : ""));
    for (Table table : new Report(figures).tables()) {
      System.out.println("\n" + table.forTerminal());
      markdown.append(table.asMarkdown()).append('\n');
    }
    if (!figures.failures().isEmpty()) {
      System.out.println("\nFailed runs, and the last line of each log:\n");
      markdown.append("Failed runs, and the last line of each log:\n\n");
      for (String failure : figures.failures()) {
        System.out.println("  " + failure);
        markdown.append("- ").append(failure).append('\n');
      }
    }
    JSON.writeValue(
        FOLDER.resolve("targets.json").toFile(),
        Target.of(figures).stream().map(Target::entry).toList());
    new Plots(figures).save(FOLDER);
    Files.writeString(FOLDER.resolve("table.md"), markdown.toString());
    System.out.println(
        "\nAll of it is in " + FOLDER + ": results.json, targets.json, table.md, plots.\n");
  }

  private static String about(Plan plan) {
    Duration length = plan.length();
    return length.toSeconds() < 90
        ? length.toSeconds() + " s"
        : Math.round(length.toSeconds() / 60.0) + " min";
  }

  private static double loadAverage() {
    return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
  }

  private static String machine() throws IOException {
    var system =
        (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    return "%d × %s, %d GiB, %s %s, JDK %s"
        .formatted(
            system.getAvailableProcessors(),
            Machine.processorName(),
            Math.round(system.getTotalMemorySize() / (double) (1L << 30)),
            system.getName(),
            system.getVersion(),
            Runtime.version());
  }
}
