package io.flowinstance.engines;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.flowinstance.simulator.EnosSimulator;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * The API as one case folder describes it: every call for the case's id gets the case's answer, and
 * all other calls get the simulator's.
 *
 * <p>The case's id is the first one that is asked for after {@link #serve}.
 */
final class CaseApi implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private record Answer(int status, Map<String, String> headers, byte[] body) {}

  private final EnosSimulator simulator = EnosSimulator.start();
  private final HttpClient client = HttpClient.newHttpClient();
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final HttpServer server;
  private Answer answer;
  private String query;

  CaseApi() {
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  String baseUrl() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  EnosSimulator simulator() {
    return simulator;
  }

  /** Serves this case from now on. A case without {@code response.body} expects no call. */
  synchronized void serve(Path folder) throws IOException {
    query = null;
    answer = Files.exists(folder.resolve("response.body")) ? read(folder) : null;
  }

  /** Serves the simulator's instances alone. */
  synchronized void serveSimulator() {
    query = null;
    answer = null;
  }

  private static Answer read(Path folder) throws IOException {
    Map<String, String> headers = new LinkedHashMap<>();
    Path headersFile = folder.resolve("response.headers.json");
    if (Files.exists(headersFile)) {
      for (Map.Entry<String, JsonNode> header : JSON.readTree(headersFile.toFile()).properties()) {
        headers.put(header.getKey(), header.getValue().asText());
      }
    }
    Path status = folder.resolve("response.status");
    return new Answer(
        Files.exists(status) ? Integer.parseInt(Files.readString(status).strip()) : 200,
        headers,
        Files.readAllBytes(folder.resolve("response.body")));
  }

  private void handle(HttpExchange call) throws IOException {
    try (call) {
      Answer ofCase = answerOf(call.getRequestURI());
      Answer sent = ofCase == null ? ask(call) : ofCase;
      sent.headers().forEach((name, value) -> call.getResponseHeaders().set(name, value));
      call.sendResponseHeaders(sent.status(), sent.body().length == 0 ? -1 : sent.body().length);
      call.getResponseBody().write(sent.body());
    }
  }

  private synchronized Answer answerOf(URI uri) {
    if (answer == null || uri.getPath().endsWith("/time")) {
      return null;
    }
    if (query == null) {
      query = uri.getRawQuery();
    }
    return query.equals(uri.getRawQuery()) ? answer : null;
  }

  private Answer ask(HttpExchange call) throws IOException {
    try {
      HttpResponse<byte[]> response =
          client.send(
              HttpRequest.newBuilder(URI.create(simulator.baseUrl() + call.getRequestURI()))
                  .method(
                      call.getRequestMethod(),
                      BodyPublishers.ofByteArray(call.getRequestBody().readAllBytes()))
                  .build(),
              BodyHandlers.ofByteArray());
      return new Answer(response.statusCode(), Map.of(), response.body());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
    simulator.close();
  }
}
