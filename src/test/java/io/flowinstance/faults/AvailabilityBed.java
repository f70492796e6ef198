package io.flowinstance.faults;

import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.simulator.EnosSimulator;
import io.flowinstance.simulator.Latency;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * What the scenarios of {@link AvailabilityIT} have in common: a broker, a simulated API, pipelines
 * that several of them use, their settings, and the table of the results.
 */
final class AvailabilityBed implements AutoCloseable {
  static final boolean FULL = Boolean.getBoolean("chaos");

  /** Labels of the kinds that were asked for; "" for a thin slice. */
  static final String KINDS = System.getProperty("availability.kinds", FULL ? "all" : "");

  /** Whether there is only time for a few. */
  static final boolean THIN = KINDS.isEmpty();

  /** Whether ids of the partition of a failing one must not wait for it either. */
  static final boolean SAME_PARTITION = Boolean.getBoolean("availability.same-partition");

  private static final boolean PRODUCTION = Boolean.getBoolean("availability.production");

  /** The defaults of the settings. */
  static final Duration DEFAULT_BUDGET = Duration.ofSeconds(30);

  static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(10);

  /** The retry budget and the timeout of a call, as most scenarios set them. */
  static final Duration BUDGET = PRODUCTION ? DEFAULT_BUDGET : Duration.ofSeconds(6);

  static final Duration TIMEOUT = PRODUCTION ? DEFAULT_TIMEOUT : Duration.ofSeconds(2);

  /** How long an outage lasts. */
  static final Duration OUTAGE =
      Duration.ofSeconds(Integer.getInteger("availability.outage-seconds", outageSeconds()));

  /** How soon after an outage every id has its outcome. */
  static final Duration RECOVERY = Duration.ofSeconds(15);

  /** What a measured time may be longer than it should: publishing, and a busy machine. */
  static final Duration TOLERANCE = Duration.ofSeconds(2);

  /** A line for each change of state, and a few for what else happens. */
  static final int MOST_LINES = 6;

  /** Calls that one id costs within the budget, at most. */
  static final int MOST_CALLS = PRODUCTION ? 40 : 20;

  private final KafkaBroker broker;
  private final EnosSimulator enos;
  private final Map<String, Deployment> shared = new HashMap<>();
  private final List<AvailabilityResult> results = new ArrayList<>();

  private AvailabilityBed(KafkaBroker broker, EnosSimulator enos) {
    this.broker = broker;
    this.enos = enos;
  }

  static AvailabilityBed start() {
    EnosSimulator enos = EnosSimulator.start();
    enos.requireSignature(true);
    enos.instances().frozen(true);
    return new AvailabilityBed(KafkaBroker.launch(), enos);
  }

  private static int outageSeconds() {
    if (FULL) {
      return 60;
    }
    return THIN ? 8 : 20;
  }

  EnosSimulator enos() {
    return enos;
  }

  /** A pipeline that several scenarios use, ready and warm. */
  Deployment shared(String name) throws InterruptedException {
    boolean first = !shared.containsKey(name);
    if (first) {
      shared.put(name, prepare(Map.of()).start());
    }
    try {
      return first ? shared.get(name).warmUp() : shared.get(name).awaitServing();
    } catch (IllegalStateException e) {
      closeShared();
      throw e;
    }
  }

  /** The gateway is well again, whatever a scenario did to it. */
  void heal() {
    enos.faults().clear();
    enos.faults().latency(Latency.none());
    enos.closeAfterAnswer(false);
    enos.comeUp();
  }

  /** A pipeline of one scenario, not started. */
  Deployment prepare(Map<String, String> settings) {
    Map<String, String> environment = new HashMap<>();
    environment.put("FETCH_RETRY_BUDGET_MS", Long.toString(BUDGET.toMillis()));
    environment.put("ENOS_ALLOWED_IDENTITIES", "*");
    environment.put("FETCH_TIMEOUT_MS", Long.toString(TIMEOUT.toMillis()));
    environment.putAll(settings);
    return Deployment.prepare(broker, enos, environment);
  }

  /** Notes the results; what was not as it should be, a sentence each. */
  List<String> judge(AvailabilityResult... judged) {
    // A repetition may come late, and is put down to the scenario after which it was found.
    shared.values().forEach(pipeline -> checkRepetitions(judged[0], pipeline));
    List<String> findings = new ArrayList<>();
    for (AvailabilityResult result : judged) {
      results.add(result);
      System.out.print(result);
      findings.addAll(result.findings());
      if (!result.findings().isEmpty()) {
        write(Path.of("target", "availability", result.fileName()), result.ids());
      }
    }
    boolean slow = judged.length == 1 && judged[0].isOnlySlow();
    if (!findings.isEmpty() && !slow) {
      // What they still carry along must not be put down to the next scenario.
      closeShared();
    }
    return findings;
  }

  private static void checkRepetitions(AvailabilityResult result, Deployment pipeline) {
    List<String> repeated = pipeline.repeated();
    result.check(repeated.isEmpty(), "%d ids came out twice", repeated.size());
  }

  private void closeShared() {
    shared.values().forEach(Deployment::close);
    shared.clear();
  }

  /** The partitions in turn. */
  static int anyPartition(int i) {
    return i % Topics.PARTITIONS;
  }

  /** The 99th percentile of the age of these ids' outcomes, in milliseconds; -1 without any. */
  static long p99(Deployment pipeline, List<Deployment.SentId> sent) {
    return p99(pipeline, sent, id -> true);
  }

  static long p99(
      Deployment pipeline, List<Deployment.SentId> sent, Predicate<Deployment.SentId> which) {
    long[] ages = pipeline.ages(sent.stream().filter(which).toList());
    return ages.length == 0 ? -1 : ages[(int) Math.ceil(ages.length * 0.99) - 1];
  }

  /** Prints the table, writes it to {@code target/availability.txt}, and stops everything. */
  @Override
  public void close() {
    closeShared();
    enos.close();
    broker.close();
    StringBuilder table = new StringBuilder(AvailabilityResult.HEAD);
    results.forEach(table::append);
    System.out.print(table);
    write(Path.of("target", "availability.txt"), table.toString().lines().toList());
  }

  private static void write(Path file, List<String> lines) {
    try {
      Files.createDirectories(file.getParent());
      Files.write(file, lines);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
