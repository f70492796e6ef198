package io.flowinstance.bench;

import io.flowinstance.harness.FreePort;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A variant as a process of its own: all with the same options of the JVM. */
final class VariantProcess implements AutoCloseable {
  /** What a JVM of any variant is given, beside the log of its garbage collection. */
  static final List<String> JVM_OPTIONS =
      Stream.of(("-Xmx256m " + System.getProperty("bench.jvm", "")).split(" ")).toList();

  private static final List<String> OURS =
      List.of("KAFKA_", "TOPIC_", "ENOS_", "FETCH_", "BATCH_", "PIPELINE_", "LOG_");

  /** An archive of classes is written at the end. */
  private static final Duration STOP = Duration.ofSeconds(30);

  private static final Pattern PAUSE = Pattern.compile("Pause .* ([0-9.]+)ms$");

  private final Process process;
  private final int managementPort;
  private final Path log;
  private final Path pausesLog;
  private final LinuxProcess figures;

  private VariantProcess(Process process, int managementPort, Path log, Path pausesLog) {
    this.process = process;
    this.managementPort = managementPort;
    this.log = log;
    this.pausesLog = pausesLog;
    figures = new LinuxProcess(process.toHandle());
  }

  /**
   * Starts it; does not wait until it is ready.
   *
   * @param environment the pipeline's settings; others are at their defaults
   * @param log where its output goes
   * @param jvmOptions of its JVM, beside those of all
   */
  static VariantProcess start(
      Variant variant, Map<String, String> environment, Path log, String... jvmOptions) {
    return start(variant.program(), environment, log, jvmOptions);
  }

  /**
   * As for a variant.
   *
   * @param program the arguments of {@code java} that come after the options of the JVM
   */
  static VariantProcess start(
      List<String> program, Map<String, String> environment, Path log, String... jvmOptions) {
    Path pausesLog = Path.of(log + ".gc");
    int managementPort = FreePort.pick();
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(JVM_OPTIONS);
    command.add("-Xlog:gc:file=%s::filecount=0".formatted(pausesLog));
    command.addAll(List.of(jvmOptions));
    command.addAll(program);
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder
        .environment()
        .keySet()
        .removeIf(name -> OURS.stream().anyMatch(prefix -> name.startsWith(prefix)));
    // Not an argument: the class path of a Maven build is longer than a screen.
    builder.environment().put("CLASSPATH", System.getProperty("java.class.path"));
    builder.environment().put("MANAGEMENT_PORT", Integer.toString(managementPort));
    builder.environment().putAll(environment);
    try {
      Process process = builder.start();
      Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
      return new VariantProcess(process, managementPort, log, pausesLog);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  LinuxProcess figures() {
    return figures;
  }

  /** How long its JVM has stood still so far to collect garbage. */
  double pauseSeconds() {
    try (Stream<String> lines = Files.lines(pausesLog)) {
      return lines
              .map(PAUSE::matcher)
              .filter(Matcher::find)
              .mapToDouble(pause -> Double.parseDouble(pause.group(1)))
              .sum()
          / 1000;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The address of its health and metrics, where it has them. */
  String management() {
    return "http://127.0.0.1:" + managementPort;
  }

  /** Whether its readiness, where it has one, says that it is ready. */
  boolean isReady() {
    try {
      URI ready = URI.create(management() + "/observe/health/ready");
      HttpURLConnection connection = (HttpURLConnection) ready.toURL().openConnection();
      connection.setConnectTimeout(1000);
      connection.setReadTimeout(1000);
      return connection.getResponseCode() == 200;
    } catch (IOException notYet) {
      return false;
    }
  }

  /** Lets this much time pass, unless it ends before; whether it still runs. */
  boolean runsFor(Duration time) throws InterruptedException {
    return !process.waitFor(time.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** Why nothing comes of it: whether it still runs, and the last line of its log. */
  String complaint() {
    String state =
        process.isAlive() ? "no outcomes" : "ended with code %d".formatted(process.exitValue());
    try {
      List<String> lines = Files.readAllLines(log).stream().filter(l -> !l.isBlank()).toList();
      return lines.isEmpty()
          ? state + ", its log is empty"
          : "%s, its log ends: %s".formatted(state, lines.get(lines.size() - 1).strip());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Asks it to stop, and kills it where that takes long. */
  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(STOP.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
