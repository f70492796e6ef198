package io.flowinstance.bench;

import io.flowinstance.bench.Results.Throughput;
import io.flowinstance.bench.Results.Trickle;
import java.awt.Color;
import java.awt.Font;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.VectorGraphicsEncoder.VectorGraphicsFormat;
import org.knowm.xchart.style.Styler.ChartTheme;
import org.knowm.xchart.style.Styler.LegendLayout;
import org.knowm.xchart.style.Styler.LegendPosition;

/** The results as bar charts, SVG. A bar that is missing stands for a run that failed. */
record Plots(Figures figures) {
  private static final int HEIGHT = 520;
  private static final int MARGIN = 120;
  private static final int LEAST_WIDTH = 800;
  private static final int GROUP_WIDTH = 110;
  private static final int LABEL_DEGREES = 35;

  /** Told apart by those who see no red or green, too. */
  private static final Color[] COLOURS = {
    new Color(0x0072B2),
    new Color(0x56B4E9),
    new Color(0xE69F00),
    new Color(0x009E73),
    new Color(0x999999)
  };

  /** Writes those for which there are results. */
  void save(Path folder) throws IOException {
    throughput(folder.resolve("throughput.svg"));
    latency(folder.resolve("latency.svg"));
  }

  private void throughput(Path file) throws IOException {
    List<String> groups = figures.cells().stream().map(Cell::shortTitle).toList();
    Map<String, List<Double>> bars = new LinkedHashMap<>();
    for (Variant variant : Variant.values()) {
      bars.put(
          variant.title(),
          figures.cells().stream()
              .map(
                  cell ->
                      figures
                          .ratio(cell, variant, Variant.PIPELINE, Throughput::perSecond)
                          .median())
              .toList());
    }
    save(
        "Throughput relative to the pipeline",
        "API latency, tasks per graph",
        "ids per second, pipeline = 1",
        groups,
        bars,
        "0.00",
        file);
  }

  private void latency(Path file) throws IOException {
    List<Trickle> trickles = figures.results().trickles();
    List<String> groups =
        trickles.stream()
            .map(
                run ->
                    "%s%s, %d/s, %s"
                        .formatted(
                            run.variant().title(),
                            run.cold() ? ", cold" : "",
                            run.perSecond(),
                            run.latency().title()))
            .toList();
    Map<String, List<Double>> bars = new LinkedHashMap<>();
    bars.put("median", values(trickles, Trickle::p50));
    bars.put("p95", values(trickles, Trickle::p95));
    bars.put("p99", values(trickles, Trickle::p99));
    save(
        "Latency under an even trickle, beyond the API's own",
        "variant, ids per second, API latency",
        "milliseconds",
        groups,
        bars,
        "0",
        file);
  }

  private static List<Double> values(List<Trickle> trickles, ToDoubleFunction<Trickle> figure) {
    return trickles.stream().mapToDouble(figure).boxed().toList();
  }

  /**
   * Draws groups of bars.
   *
   * @param bars the values by their name in the legend, one for each group; NaN for none
   * @param format of a value, as DecimalFormat takes it
   */
  private static void save(
      String title,
      String groupTitle,
      String valueTitle,
      List<String> groups,
      Map<String, List<Double>> bars,
      String format,
      Path file)
      throws IOException {
    if (groups.isEmpty()) {
      return;
    }
    CategoryChart chart =
        new CategoryChartBuilder()
            .width(Math.max(LEAST_WIDTH, MARGIN + GROUP_WIDTH * groups.size()))
            .height(HEIGHT)
            .theme(ChartTheme.Matlab)
            .title(title)
            .xAxisTitle(groupTitle)
            .yAxisTitle(valueTitle)
            .build();
    chart
        .getStyler()
        .setSeriesColors(COLOURS)
        .setLegendPosition(LegendPosition.OutsideS)
        .setLegendLayout(LegendLayout.Horizontal)
        .setChartBackgroundColor(Color.WHITE);
    chart
        .getStyler()
        .setXAxisLabelRotation(LABEL_DEGREES)
        .setYAxisMin(0.0)
        .setYAxisDecimalPattern(format);
    chart
        .getStyler()
        .setLabelsVisible(true)
        .setLabelsFont(new Font(Font.SANS_SERIF, Font.PLAIN, 10))
        .setLabelsPosition(1.0);
    bars.forEach(
        (name, values) -> {
          List<Double> shown =
              values.stream().map(value -> Double.isNaN(value) ? 0 : value).toList();
          chart.addSeries(name, groups, shown);
        });
    VectorGraphicsEncoder.saveVectorGraphic(chart, file.toString(), VectorGraphicsFormat.SVG);
  }
}
