package io.flowinstance.bench;

/**
 * A point of the grid.
 *
 * @param tasks tasks per graph
 * @param concurrency most calls in flight
 * @param lanes consumers in the process
 */
record Cell(ApiLatency latency, int tasks, int concurrency, int lanes) {
  private static final int DEFAULT_CONCURRENCY = 64;
  private static final int DEFAULT_LANES = 2;

  /** At the pipeline's default settings. */
  static Cell of(ApiLatency latency, int tasks) {
    return new Cell(latency, tasks, DEFAULT_CONCURRENCY, DEFAULT_LANES);
  }

  Cell concurrency(int other) {
    return new Cell(latency, tasks, other, lanes);
  }

  Cell lanes(int other) {
    return new Cell(latency, tasks, concurrency, other);
  }

  String title() {
    return "API %s, %d tasks, concurrency %d, lanes %d"
        .formatted(latency.title(), tasks, concurrency, lanes);
  }

  /** What differs from the default settings. */
  String shortTitle() {
    return "%s, %d tasks".formatted(latency.title(), tasks)
        + (concurrency == DEFAULT_CONCURRENCY ? "" : ", concurrency " + concurrency)
        + (lanes == DEFAULT_LANES ? "" : ", lanes " + lanes);
  }

  String fileName() {
    return "%s-%d-%d-%d".formatted(latency, tasks, concurrency, lanes);
  }
}
