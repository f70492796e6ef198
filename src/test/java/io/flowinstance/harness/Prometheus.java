package io.flowinstance.harness;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** A real Prometheus that scrapes one pipeline every second, as a process of its own. */
public final class Prometheus implements AutoCloseable {
  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Process process;
  private final int port;

  private Prometheus(Process process, int port) {
    this.process = process;
    this.port = port;
  }

  /** A program of Prometheus on the PATH. */
  public static Optional<Path> program(String name) {
    return Stream.of(System.getenv("PATH").split(File.pathSeparator))
        .map(place -> Path.of(place, name))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /**
   * Starts it; does not wait until it has scraped.
   *
   * @param managementPort of the pipeline, which has the labels that the PodMonitor would give it
   * @param rules a file of rules to evaluate
   * @param folder for its data
   */
  public static Prometheus start(Path program, int managementPort, Path rules, Path folder)
      throws IOException {
    int port = FreePort.pick();
    Path settings = folder.resolve("prometheus.yaml");
    Files.writeString(
        settings,
        """
        global: {scrape_interval: 1s, evaluation_interval: 1s}
        rule_files: ["%s"]
        scrape_configs:
          - job_name: flow-instance-routes
            metrics_path: /observe/metrics
            static_configs:
              - targets: ["localhost:%d"]
                labels: {namespace: n, pod: p}
        """
            .formatted(rules, managementPort));
    Process process =
        new ProcessBuilder(
                program.toString(),
                "--config.file=" + settings,
                "--storage.tsdb.path=" + folder.resolve("data"),
                "--web.listen-address=127.0.0.1:" + port)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("prometheus.log").toFile())
            .start();
    return new Prometheus(process, port);
  }

  /** How many series an expression has now; fails when Prometheus refuses it. */
  public int series(String expression) {
    JsonNode answer = get("query?query=" + URLEncoder.encode(expression, UTF_8));
    if (answer.isMissingNode()) {
      return 0;
    }
    if (!answer.path("status").asText().equals("success")) {
      throw new AssertionError(expression + ": " + answer);
    }
    return answer.at("/data/result").size();
  }

  /** The rules and how their last evaluation went. */
  public JsonNode rules() {
    return get("rules").at("/data/groups/0/rules");
  }

  private JsonNode get(String path) {
    try {
      return JSON.readTree(
          HTTP.send(
                  HttpRequest.newBuilder(
                          URI.create("http://127.0.0.1:%d/api/v1/%s".formatted(port, path)))
                      .build(),
                  HttpResponse.BodyHandlers.ofString())
              .body());
    } catch (ConnectException e) {
      return JSON.missingNode();
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }
}
