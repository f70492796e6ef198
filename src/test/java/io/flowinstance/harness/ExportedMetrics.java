package io.flowinstance.harness;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.SortedSet;
import java.util.TreeSet;

/** The names of the time series that {@code /observe/metrics} exports. */
public final class ExportedMetrics {
  private ExportedMetrics() {}

  /** Those of the pipeline that alerts and dashboard may rely on. */
  public static SortedSet<String> ofPipeline() {
    return listed("/exported-metrics.txt");
  }

  /** Those of the change feed that alerts and dashboard may rely on. */
  public static SortedSet<String> ofWatch() {
    return listed("/exported-watch-metrics.txt");
  }

  /** Those of either. */
  public static SortedSet<String> all() {
    SortedSet<String> all = ofPipeline();
    all.addAll(ofWatch());
    return all;
  }

  private static SortedSet<String> listed(String file) {
    try (InputStream in = ExportedMetrics.class.getResourceAsStream(file)) {
      return inScrape(new String(in.readAllBytes(), UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Those in an answer of {@code /observe/metrics}.
   *
   * @param scrape text of the Prometheus exposition format
   */
  public static SortedSet<String> inScrape(String scrape) {
    SortedSet<String> names = new TreeSet<>();
    scrape
        .lines()
        .filter(line -> !line.isBlank() && !line.startsWith("#"))
        .forEach(line -> names.add(line.split("[{ ]", 2)[0]));
    return names;
  }
}
