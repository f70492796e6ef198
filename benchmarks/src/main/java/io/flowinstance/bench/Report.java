package io.flowinstance.bench;

import io.flowinstance.bench.Figures.Spread;
import io.flowinstance.bench.Results.Throughput;
import io.flowinstance.bench.Results.Trickle;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** The results as tables. */
record Report(Figures figures) {
  /** Of two or three digits that tell something. */
  private static final String RATIO = "ratio";

  private static final List<String> AXES =
      List.of("API latency", "tasks", "concurrency", "consumers", "partitions");

  /** Those that have rows. */
  List<Table> tables() {
    List<Table> tables = new ArrayList<>();
    tables.add(targets());
    tables.add(
        perVariant(
            "Throughput: ids per second of the pipeline, and the others' as a multiple of it.",
            "pipeline ids/s",
            Throughput::perSecond,
            "%.0f",
            true));
    tables.add(
        perVariant(
            "CPU time per id: milliseconds of the pipeline, and the others' as a multiple of it.",
            "pipeline ms",
            Throughput::cpuMs,
            "%.2f",
            false));
    tables.add(
        median(
            "CPU time of broker and API per id, beside each variant, milliseconds.",
            Throughput::otherCpuMs,
            "%.2f"));
    tables.add(
        median(
            "Percent of the machine's CPU time that nobody used, beside each variant.",
            Throughput::idlePercent,
            "%.0f"));
    tables.add(
        median(
            "CPU time per task, microseconds.",
            run -> 1000 * run.cpuMs() / run.cell().tasks(),
            "%.0f"));
    tables.add(
        median(
            "Percent of the time that the JVM stood still to collect garbage.",
            Throughput::pausesPercent,
            "%.1f"));
    tables.add(
        highest(
            "Peak resident memory under load with %s, MiB."
                .formatted(String.join(" ", VariantProcess.JVM_OPTIONS)),
            Throughput::peakMib));
    tables.add(
        highest(
            "How cold it still was: percent of a variant's CPU time that its JVM's compilers took.",
            Throughput::compilersPercent));
    tables.add(trickles());
    tables.add(starts());
    return tables.stream().filter(table -> !table.rows().isEmpty()).toList();
  }

  private Table targets() {
    return new Table(
        "Targets of the pipeline.",
        1,
        List.of("what", "target", "measured", "verdict"),
        Target.of(figures).stream()
            .map(t -> List.of(t.what(), t.limitText(), t.measuredText(), t.verdict()))
            .toList());
  }

  private Table perVariant(
      String caption,
      String ownHead,
      ToDoubleFunction<Throughput> figure,
      String format,
      boolean throughput) {
    List<String> head = new ArrayList<>(AXES);
    head.add("rounds");
    head.add(ownHead);
    Figures.others().forEach(variant -> head.add(variant.title()));
    if (throughput) {
      head.add("of conc./latency");
    }
    List<List<String>> rows = new ArrayList<>();
    for (Cell cell : figures.cells()) {
      List<String> row = axes(cell);
      row.add(Integer.toString(figures.rounds(cell)));
      row.add(text(cell, Variant.PIPELINE, figures.of(cell, Variant.PIPELINE, figure), format));
      for (Variant variant : Figures.others()) {
        row.add(text(cell, variant, figures.ratio(cell, variant, Variant.PIPELINE, figure), RATIO));
      }
      if (throughput) {
        double bound = cell.latency().bound(cell.concurrency());
        row.add(
            Double.isInfinite(bound)
                ? ""
                : number(figures.of(cell, Variant.PIPELINE, figure).median() / bound, "%.2f"));
      }
      rows.add(row);
    }
    return new Table(caption, 1, head, rows);
  }

  /** The highest figure over the rounds, of each variant in each cell. */
  private Table highest(String caption, ToDoubleFunction<Throughput> figure) {
    return perVariant(caption, figure, Spread::highest, "%.0f");
  }

  /** The median over the rounds, of each variant in each cell. */
  private Table median(String caption, ToDoubleFunction<Throughput> figure, String format) {
    return perVariant(caption, figure, Spread::median, format);
  }

  private Table perVariant(
      String caption,
      ToDoubleFunction<Throughput> figure,
      ToDoubleFunction<Spread> ofRounds,
      String format) {
    List<String> head = new ArrayList<>(AXES);
    List.of(Variant.values()).forEach(variant -> head.add(variant.title()));
    List<List<String>> rows = new ArrayList<>();
    for (Cell cell : figures.cells()) {
      List<String> row = axes(cell);
      for (Variant variant : Variant.values()) {
        row.add(
            figures.failed(cell, variant)
                ? "failed"
                : number(ofRounds.applyAsDouble(figures.of(cell, variant, figure)), format));
      }
      rows.add(row);
    }
    return new Table(caption, 1, head, rows);
  }

  private Table trickles() {
    List<List<String>> rows = new ArrayList<>();
    for (Trickle trickle : figures.results().trickles()) {
      rows.add(
          List.of(
              Integer.toString(trickle.perSecond()),
              trickle.latency().title(),
              trickle.variant().title(),
              trickle.cold() ? "cold" : "warm",
              Integer.toString(trickle.ids()),
              trickle.failure() == null ? number(trickle.p50(), "%.0f") : "failed",
              number(trickle.p95(), "%.0f"),
              number(trickle.p99(), "%.0f")));
    }
    return new Table(
        "Latency under an even trickle, at the default settings, %d tasks: from the id's record to"
                .formatted(TrickleRun.TASKS)
            + " the last of its messages, read_committed, beyond the API's own, milliseconds.",
        4,
        List.of("ids/s", "API latency", "variant", "JVM", "ids", "p50", "p95", "p99"),
        rows);
  }

  private Table starts() {
    List<List<String>> rows = new ArrayList<>();
    for (boolean archive : List.of(false, true)) {
      Spread ready = figures.readySeconds(archive);
      if (ready.values() > 0) {
        rows.add(
            List.of(
                archive ? "yes" : "no",
                Integer.toString(ready.values()),
                withSpread(ready, "%.2f"),
                number(figures.restMib(archive).median(), "%.0f")));
      }
    }
    return new Table(
        "Start of the pipeline, with and without an archive of its classes: from the start of the"
            + " process until it is ready, seconds; resident memory 5 s later, without ids to"
            + " serve, MiB.",
        1,
        List.of("archive", "starts", "ready", "memory at rest"),
        rows);
  }

  private static List<String> axes(Cell cell) {
    return new ArrayList<>(
        List.of(
            cell.latency().title(),
            Integer.toString(cell.tasks()),
            Integer.toString(cell.concurrency()),
            Integer.toString(cell.consumers()),
            Integer.toString(cell.partitions())));
  }

  private String text(Cell cell, Variant variant, Spread spread, String format) {
    return figures.failed(cell, variant) ? "failed" : withSpread(spread, format);
  }

  private static String withSpread(Spread spread, String format) {
    return spread.values() < 2
        ? number(spread.median(), format)
        : "%s (%s–%s)"
            .formatted(
                number(spread.median(), format),
                number(spread.lowest(), format),
                number(spread.highest(), format));
  }

  private static String number(double value, String format) {
    if (Double.isNaN(value)) {
      return "";
    }
    if (format.equals(RATIO)) {
      return (value < 0.1 ? "%.3f" : value < 10 ? "%.2f" : "%.0f").formatted(value);
    }
    return format.formatted(value);
  }
}
