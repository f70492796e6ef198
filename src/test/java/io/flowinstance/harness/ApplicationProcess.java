package io.flowinstance.harness;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The packaged JAR as a process of its own, started by nothing but environment variables. */
public final class ApplicationProcess implements AutoCloseable {
  private static final Path JAR =
      Path.of(System.getProperty("application.jar", "target/flow-instance-routes.jar"));
  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static final Duration START_TIMEOUT = Duration.ofSeconds(60);

  private final Process process;
  private final int managementPort;
  private final Path log;

  private ApplicationProcess(Process process, int managementPort, Path log) {
    this.process = process;
    this.managementPort = managementPort;
    this.log = log;
  }

  /** Starts it; does not wait until it is ready. */
  public static ApplicationProcess start(Map<String, String> environment, String... arguments) {
    return start(256, environment, arguments);
  }

  /** Starts it with a heap of so many MiB; does not wait until it is ready. */
  public static ApplicationProcess start(
      int heap, Map<String, String> environment, String... arguments) {
    List<String> options = new ArrayList<>();
    options.add("-Xmx%dm".formatted(heap));
    options.add("-XX:SharedArchiveFile=" + ClassArchive.of(JAR));
    if (!Boolean.getBoolean("chaos")) {
      // It ends before the second compiler would pay; chaos runs it as it ships.
      options.add("-XX:TieredStopAtLevel=1");
    }
    return launch(options, environment, arguments);
  }

  /** Starts it with these options of the JVM. */
  static ApplicationProcess launch(
      List<String> options, Map<String, String> environment, String... arguments) {
    int managementPort = FreePort.pick();
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.addAll(List.of("-XX:+ExitOnOutOfMemoryError", "-jar", JAR.toString()));
    command.addAll(List.of(arguments));
    try {
      Path folder = Files.createDirectories(Path.of("target", "processes"));
      Path log = Files.createTempFile(folder, "application-", ".log");
      ProcessBuilder builder =
          new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
      builder.environment().keySet().removeIf(name -> name.startsWith("ENOS_"));
      builder.environment().put("MANAGEMENT_PORT", Integer.toString(managementPort));
      builder.environment().putAll(environment);
      Process process = builder.start();
      Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
      return new ApplicationProcess(process, managementPort, log);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Waits until its readiness says that it is ready. */
  public ApplicationProcess awaitReady() {
    await()
        .atMost(START_TIMEOUT)
        .pollInterval(Duration.ofMillis(50))
        .until(() -> !process.isAlive() || health("ready").startsWith("200 "));
    if (!process.isAlive()) {
      throw new IllegalStateException("It ended: " + output());
    }
    return this;
  }

  /** Waits until its readiness is down and says this. */
  public void awaitUnready(Duration patience, String sentence) {
    await(sentence)
        .atMost(patience)
        .untilAsserted(
            () -> {
              String ready = health("ready");
              assertTrue(ready.startsWith("503 ") && ready.contains(sentence), ready);
            });
  }

  /**
   * The status and body of a health endpoint: {@code 200 {"status":"UP"}}; "" when none answers.
   */
  public String health(String which) {
    return get("health/" + which);
  }

  /** Where health and metrics are served. */
  public int managementPort() {
    return managementPort;
  }

  /** What Prometheus would scrape, after its HTTP status. */
  public String metrics() {
    return get("metrics");
  }

  private String get(String path) {
    try {
      HttpResponse<String> response =
          HTTP.send(
              HttpRequest.newBuilder(
                      URI.create("http://localhost:%d/observe/%s".formatted(managementPort, path)))
                  .timeout(Duration.ofSeconds(5))
                  .build(),
              HttpResponse.BodyHandlers.ofString());
      return response.statusCode() + " " + response.body();
    } catch (IOException e) {
      return "";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "";
    }
  }

  /** Kills it as {@code kill -9} does, and returns when it is gone. */
  public void kill() {
    process.destroyForcibly().onExit().join();
  }

  /** Asks it to stop as SIGTERM does; its exit code. */
  public int stop(Duration patience) {
    process.destroy();
    return awaitEnd(patience);
  }

  /** Waits until it ends; its exit code. */
  public int awaitEnd(Duration patience) {
    try {
      if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new IllegalStateException("It still runs after " + patience + ": " + output());
      }
      return process.exitValue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** Sends a signal by name, such as STOP or CONT. */
  public void signal(String name) {
    try {
      new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start().waitFor();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** What it printed. */
  public String output() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    kill();
  }
}
