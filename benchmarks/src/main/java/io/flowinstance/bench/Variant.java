package io.flowinstance.bench;

import io.flowinstance.bench.variant.FirstDraft;
import io.flowinstance.bench.variant.ParallelConsumerJob;
import io.flowinstance.bench.variant.PlainClients;
import java.util.List;

/** A way to write the job. */
enum Variant {
  PIPELINE(
      "pipeline", "-jar", System.getProperty("application.jar", "target/flow-instance-routes.jar")),
  SAME_BYTES("plain clients, same bytes", PlainClients.class.getName(), PlainClients.SAME_BYTES),
  PLAIN_CLIENTS("plain clients", PlainClients.class.getName()),
  PARALLEL_CONSUMER("parallel-consumer", ParallelConsumerJob.class.getName()),
  FIRST_DRAFT("first draft", FirstDraft.class.getName());

  private final String title;
  private final List<String> program;

  Variant(String title, String... program) {
    this.title = title;
    this.program = List.of(program);
  }

  String title() {
    return title;
  }

  /** The arguments of {@code java} that come after the options of the JVM. */
  List<String> program() {
    return program;
  }
}
