package io.flowinstance.bench;

import static java.util.stream.Collectors.joining;

import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.ColumnData;
import com.github.freva.asciitable.HorizontalAlign;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.results.format.ResultFormatType;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * Runs {@link DecodeSplitSerializeBenchmark} in a heap of 512 MiB and shows what it measured, by
 * stage and number of tasks. Leaves {@code target/bench/jmh.json}, JMH's own result, {@code
 * jmh.md}, and {@code jmh.log}, what JMH said.
 */
public final class Benchmarks {
  private static final Path FOLDER = Path.of("target", "bench");
  private static final List<String> STAGES =
      List.of("decode", "split", "serialize", "whole", "byHand");

  /** What was measured of one stage at one number of tasks. */
  private record Measure(int tasks, double nanoseconds, double bytes) {
    double microseconds() {
      return nanoseconds / 1000;
    }

    double nanosecondsPerTask() {
      return nanoseconds / tasks;
    }

    double bytesPerTask() {
      return bytes / tasks;
    }
  }

  /** One quantity of all that was measured. */
  private record Quantity(String title, String digits, ToDoubleFunction<Measure> value) {}

  private static final List<Quantity> QUANTITIES =
      List.of(
          new Quantity("Time per instance, µs", "%,.1f", Measure::microseconds),
          new Quantity("Time per task, ns", "%,.0f", Measure::nanosecondsPerTask),
          new Quantity("Allocated per task, bytes", "%,.0f", Measure::bytesPerTask));

  private Benchmarks() {}

  public static void main(String[] args) throws RunnerException, IOException {
    Files.createDirectories(FOLDER);
    boolean quick = Boolean.getBoolean("bench.quick");
    System.out.printf(
        "It takes about %s. JMH writes to %s.%n",
        quick ? "two minutes" : "four minutes", FOLDER.resolve("jmh.log"));
    Map<Integer, Map<String, Measure>> measures = byTasksAndStage(new Runner(options(quick)).run());
    StringBuilder markdown = new StringBuilder();
    for (Quantity quantity : QUANTITIES) {
      List<List<String>> rows = rows(measures, quantity);
      System.out.printf("%n%s%n%s%n", quantity.title(), table(rows));
      markdown.append("%n**%s**%n%n%s%n".formatted(quantity.title(), markdown(rows)));
    }
    Files.writeString(FOLDER.resolve("jmh.md"), markdown.toString().stripLeading());
  }

  private static Options options(boolean quick) {
    return new OptionsBuilder()
        .include(DecodeSplitSerializeBenchmark.class.getSimpleName())
        .forks(1)
        .jvmArgs("-Xmx512m")
        .warmupIterations(quick ? 1 : 2)
        .warmupTime(TimeValue.seconds(3))
        .measurementIterations(quick ? 3 : 5)
        .measurementTime(TimeValue.milliseconds(quick ? 500 : 1000))
        .addProfiler(GCProfiler.class)
        .shouldFailOnError(true)
        .output(FOLDER.resolve("jmh.log").toString())
        .resultFormat(ResultFormatType.JSON)
        .result(FOLDER.resolve("jmh.json").toString())
        .build();
  }

  private static Map<Integer, Map<String, Measure>> byTasksAndStage(Collection<RunResult> results) {
    Map<Integer, Map<String, Measure>> measures = new TreeMap<>();
    for (RunResult result : results) {
      int tasks = Integer.parseInt(result.getParams().getParam("tasks"));
      measures
          .computeIfAbsent(tasks, rows -> new TreeMap<>())
          .put(
              result.getPrimaryResult().getLabel(),
              new Measure(
                  tasks,
                  result.getPrimaryResult().getScore(),
                  result.getSecondaryResults().get("gc.alloc.rate.norm").getScore()));
    }
    return measures;
  }

  /** A row for each number of tasks, a column for each stage, and their titles. */
  private static List<List<String>> rows(
      Map<Integer, Map<String, Measure>> measures, Quantity quantity) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(Stream.concat(Stream.of("tasks"), STAGES.stream()).toList());
    measures.forEach(
        (tasks, byStage) ->
            rows.add(
                Stream.concat(
                        Stream.of(text("%,d", tasks)),
                        STAGES.stream()
                            .map(byStage::get)
                            .map(quantity.value()::applyAsDouble)
                            .map(value -> text(quantity.digits(), value)))
                    .toList()));
    return rows;
  }

  private static String text(String format, Object number) {
    return String.format(Locale.ROOT, format, number);
  }

  private static String table(List<List<String>> rows) {
    List<ColumnData<List<String>>> columns = new ArrayList<>();
    for (int at = 0; at < rows.get(0).size(); at++) {
      int column = at;
      columns.add(
          new Column()
              .header(rows.get(0).get(at))
              .headerAlign(HorizontalAlign.RIGHT)
              .dataAlign(HorizontalAlign.RIGHT)
              .minWidth(12)
              .with(row -> row.get(column)));
    }
    return AsciiTable.builder()
        .border(AsciiTable.NO_BORDERS)
        .data(rows.subList(1, rows.size()), columns)
        .asString();
  }

  private static String markdown(List<List<String>> rows) {
    List<String> lines =
        new ArrayList<>(
            rows.stream().map(row -> row.stream().collect(joining(" | ", "| ", " |"))).toList());
    lines.add(1, "|" + "---:|".repeat(rows.get(0).size()));
    return String.join("\n", lines);
  }
}
