package io.flowinstance.bench;

/**
 * A point of the grid.
 *
 * @param tasks tasks per graph
 * @param concurrency most calls in flight
 * @param consumers consumers in the process
 */
record Cell(ApiLatency latency, int tasks, int concurrency, int consumers) {
  private static final int DEFAULT_CONCURRENCY = 64;
  private static final int DEFAULT_CONSUMERS = 2;

  /** At the pipeline's default settings. */
  static Cell of(ApiLatency latency, int tasks) {
    return new Cell(latency, tasks, DEFAULT_CONCURRENCY, DEFAULT_CONSUMERS);
  }

  Cell concurrency(int other) {
    return new Cell(latency, tasks, other, consumers);
  }

  Cell consumers(int other) {
    return new Cell(latency, tasks, concurrency, other);
  }

  String title() {
    return "API %s, %d tasks, concurrency %d, consumers %d"
        .formatted(latency.title(), tasks, concurrency, consumers);
  }

  /** What differs from the default settings. */
  String shortTitle() {
    return "%s, %d tasks".formatted(latency.title(), tasks)
        + (concurrency == DEFAULT_CONCURRENCY ? "" : ", concurrency " + concurrency)
        + (consumers == DEFAULT_CONSUMERS ? "" : ", consumers " + consumers);
  }

  String fileName() {
    return "%s-%d-%d-%d".formatted(latency, tasks, concurrency, consumers);
  }
}
