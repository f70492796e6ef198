package io.flowinstance.bench;

/**
 * A point of the grid.
 *
 * @param tasks tasks per graph
 * @param concurrency most calls in flight
 * @param consumers consumers in the process
 * @param partitions partitions of the topic of the ids
 */
record Cell(ApiLatency latency, int tasks, int concurrency, int consumers, int partitions) {
  private static final int DEFAULT_CONCURRENCY = 64;
  private static final int DEFAULT_CONSUMERS = 2;

  /** At the pipeline's default settings. */
  static Cell of(ApiLatency latency, int tasks) {
    return new Cell(latency, tasks, DEFAULT_CONCURRENCY, DEFAULT_CONSUMERS, TestBed.PARTITIONS);
  }

  Cell concurrency(int other) {
    return new Cell(latency, tasks, other, consumers, partitions);
  }

  Cell consumers(int other) {
    return new Cell(latency, tasks, concurrency, other, partitions);
  }

  Cell partitions(int other) {
    return new Cell(latency, tasks, concurrency, consumers, other);
  }

  String title() {
    return "API %s, %d tasks, concurrency %d, consumers %d, partitions %d"
        .formatted(latency.title(), tasks, concurrency, consumers, partitions);
  }

  /** What differs from the default settings. */
  String shortTitle() {
    return "%s, %d tasks".formatted(latency.title(), tasks)
        + (concurrency == DEFAULT_CONCURRENCY ? "" : ", concurrency " + concurrency)
        + (consumers == DEFAULT_CONSUMERS ? "" : ", consumers " + consumers)
        + (partitions == TestBed.PARTITIONS ? "" : ", partitions " + partitions);
  }

  String fileName() {
    return "%s-%d-%d-%d-%d".formatted(latency, tasks, concurrency, consumers, partitions);
  }
}
