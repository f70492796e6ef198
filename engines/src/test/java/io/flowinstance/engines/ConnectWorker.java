package io.flowinstance.engines;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.flowinstance.harness.FreePort;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.connect.cli.ConnectStandalone;
import org.apache.kafka.connect.runtime.Connect;

/**
 * Kafka Connect's standalone worker in this process, with the configurations of {@code
 * docs/consumers}. Only addresses, files and the sink behind a connector are ours.
 */
final class ConnectWorker implements AutoCloseable {
  private static final Path DOCUMENTS = Path.of("..", "docs", "consumers");
  private static final ObjectMapper JSON = new ObjectMapper();

  private final HttpClient client = HttpClient.newHttpClient();
  private final URI address = URI.create("http://127.0.0.1:" + FreePort.pick());
  private final Connect<?> connect;

  /** Starts it; its REST API answers when this returns. */
  ConnectWorker(String bootstrapServers, Path folder) {
    Map<String, String> worker = properties("connect-standalone.properties");
    worker.put("bootstrap.servers", bootstrapServers);
    worker.put("offset.storage.file.filename", folder.resolve("offsets").toString());
    worker.put("listeners", address.toString());
    connect = new ConnectStandalone().startConnect(worker);
  }

  /**
   * Starts the connector of a file, with {@link CollectingSink} as its sink.
   *
   * @return its name
   */
  String start(String file) {
    Map<String, String> connector = properties(file);
    connector.put("connector.class", CollectingSink.class.getName());
    String name = connector.get("name");
    ask("PUT", "/connectors/" + name + "/config", JSON.valueToTree(connector).toString());
    return name;
  }

  /**
   * What the worker says about the one task of a connector: its state, and the trace of its end.
   */
  JsonNode task(String connector) {
    return ask("GET", "/connectors/" + connector + "/status", "").path("tasks").path(0);
  }

  static Map<String, String> properties(String file) {
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(DOCUMENTS.resolve(file))) {
      properties.load(reader);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Map<String, String> texts = new HashMap<>();
    properties.stringPropertyNames().forEach(name -> texts.put(name, properties.getProperty(name)));
    return texts;
  }

  private JsonNode ask(String method, String path, String body) {
    HttpRequest request =
        HttpRequest.newBuilder(address.resolve(path))
            .header("Content-Type", "application/json")
            .method(method, BodyPublishers.ofString(body))
            .build();
    try {
      HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
      if (response.statusCode() >= 300) {
        throw new IllegalStateException(response.statusCode() + " " + response.body());
      }
      return JSON.readTree(response.body());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    connect.stop();
    connect.awaitStop();
  }
}
