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

/** A variant as a process of its own: all with the same options of the JVM. */
final class VariantProcess implements AutoCloseable {
  /** What a JVM of any variant is given. */
  static final List<String> JVM_OPTIONS = List.of("-Xmx256m");

  private static final List<String> OURS =
      List.of("KAFKA_", "TOPIC_", "ENOS_", "FETCH_", "BATCH_", "PIPELINE_", "LOG_");
  private static final Duration STOP = Duration.ofSeconds(10);

  private final Process process;
  private final int managementPort;
  private final Path log;
  private final LinuxProcess figures;

  private VariantProcess(Process process, int managementPort, Path log) {
    this.process = process;
    this.managementPort = managementPort;
    this.log = log;
    figures = new LinuxProcess(process.toHandle());
  }

  /**
   * Starts it; does not wait until it is ready.
   *
   * @param environment the pipeline's settings; others are at their defaults
   * @param log where its output goes
   */
  static VariantProcess start(Variant variant, Map<String, String> environment, Path log) {
    int managementPort = FreePort.pick();
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(JVM_OPTIONS);
    command.addAll(variant.program());
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
      return new VariantProcess(process, managementPort, log);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  LinuxProcess figures() {
    return figures;
  }

  /** Whether its readiness, where it has one, says that it is ready. */
  boolean isReady() {
    try {
      URI ready = URI.create("http://127.0.0.1:%d/observe/health/ready".formatted(managementPort));
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
