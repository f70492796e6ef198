package io.flowinstance.simulator;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.harness.FreePort;
import io.flowinstance.simulator.Fault.Answer;
import io.flowinstance.simulator.FaultScope.Endpoint;
import io.flowinstance.simulator.HttpListener.Connection;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * An EnOS gateway with its token service and its batch API (v2.0 and v2.1), over HTTP on the
 * loopback interface, as far as this project calls it: a flow instance by its id, a search, the
 * clock. Everything about it can be set while it runs, in this process by the methods here, from
 * another by {@link ControlApi}.
 *
 * <p>An id is {@code {flowId}-{suffix}} with a suffix of 10, 12 or 14 digits; any other, and flowId
 * 404, is answered with code 62102. The workflows are:
 *
 * <ul>
 *   <li>1001: linear, four tasks one after the other
 *   <li>1002: fan-out, one task, then five beside each other, then one
 *   <li>1003: diamond, one, two, one
 *   <li>1004: cross-flow, two workflows and a task upstream of three tasks
 *   <li>1005: a diamond of which one branch fails, and the instance with it
 *   <li>2438, 2809: the samples of the API's own page, to the letter
 *   <li>100001 to 150000: flowId − 100000 tasks in a binary tree, all done
 *   <li>any other: a single task
 * </ul>
 *
 * An instance of 1001 to 1005 goes a step on with each get: INIT, RUNNING, SUCCESS along the graph.
 * One that is started ({@link Instances#start}) goes on by the clock.
 */
public final class EnosSimulator implements AutoCloseable {
  static final String TOKEN_SERVICE = "/apim-token-service/v2.0/token/";

  private final Tokens tokens = new Tokens();
  private final Instances instances = new Instances();
  private final Faults faults = new Faults();
  private final Traffic traffic = new Traffic();
  private final ControlApi control = new ControlApi(this);
  private final HttpListener listener;
  private volatile boolean signatureRequired;
  private volatile int expiredTokenStatus = 200;

  private EnosSimulator(int port) {
    listener = new HttpListener(port, this::answer);
  }

  /** Starts one on a free port: without latency or faults, asking for no signature. */
  public static EnosSimulator start() {
    return start(FreePort.pick());
  }

  /** Starts one on this port. Throws UncheckedIOException when the port is taken. */
  public static EnosSimulator start(int port) {
    return new EnosSimulator(port);
  }

  /** Runs it as a process of its own; see {@link CommandLine} for the arguments. */
  public static void main(String[] args) throws InterruptedException {
    EnosSimulator simulator = CommandLine.start(args);
    System.out.println("EnOS simulator ready at " + simulator.baseUrl());
    Thread.currentThread().join();
  }

  public String baseUrl() {
    return "http://127.0.0.1:" + listener.port();
  }

  public int port() {
    return listener.port();
  }

  public Tokens tokens() {
    return tokens;
  }

  public Instances instances() {
    return instances;
  }

  public Faults faults() {
    return faults;
  }

  public Traffic traffic() {
    return traffic;
  }

  /** How many connections were made to it so far. */
  public int connectionsMade() {
    return listener.accepted();
  }

  /** Whether a call of the API must be signed, with a token that lives. Off unless set. */
  public void requireSignature(boolean required) {
    signatureRequired = required;
  }

  /**
   * The HTTP status of the answer to an expired token, whose body is an envelope with code 1203 at
   * 200 (the default) and the gateway's message at 401.
   */
  public void expiredTokenStatus(int status) {
    expiredTokenStatus = status;
  }

  /** Stops listening and resets every connection, until {@link #comeUp}. */
  public void goDown() {
    listener.close();
  }

  /** Listens again, on the same port. */
  public void comeUp() {
    listener.listen();
  }

  /** Goes down now, and comes up by itself after this time. */
  public void goDown(Duration time) {
    goDown();
    CompletableFuture.delayedExecutor(time.toMillis(), TimeUnit.MILLISECONDS).execute(this::comeUp);
  }

  /**
   * Answers nothing more on the connections that there are, and leaves them open, as a balancer
   * does that forgot them; new connections are served.
   */
  public void freezeConnections() {
    listener.freezeConnections();
  }

  /** Whether each connection is closed after its first answer, unannounced. Off unless set. */
  public void closeAfterAnswer(boolean close) {
    listener.closeAfterAnswer(close);
  }

  @Override
  public void close() {
    goDown();
  }

  private void answer(ApiRequest request, Connection connection) throws IOException {
    String path = request.path();
    if (path.startsWith(ControlApi.ROOT)) {
      control.answer(request, connection);
    } else if (path.startsWith(TOKEN_SERVICE)) {
      answerToken(request, connection);
    } else {
      answerApi(request, connection);
    }
  }

  private void answerToken(ApiRequest request, Connection connection) throws IOException {
    traffic.token(request.path());
    String call = request.method() + " " + request.path().substring(TOKEN_SERVICE.length());
    faults
        .next(Endpoint.TOKEN, request)
        .answer(
            connection,
            healthy(
                request,
                ApiVersion.V2_0,
                () ->
                    switch (call) {
                      case "POST get" -> Answer.ok(tokens.get(request.body()));
                      case "POST refresh" -> Answer.ok(tokens.refresh(request.body()));
                      default -> Answer.message(404);
                    }));
  }

  private void answerApi(ApiRequest request, Connection connection) throws IOException {
    String action = request.parameter("action").orElse("");
    Optional<String> id = request.parameter("flowInstId");
    traffic.begin(request.path() + "?action=" + action, request, id);
    try {
      LockSupport.parkNanos(faults.latency().nextNanos());
      ApiVersion version = ApiVersion.ofPath(request.path()).orElse(null);
      Endpoint endpoint = version == null ? null : endpoint(request, version, action);
      if (endpoint == null) {
        connection.send(404, Map.of(), Answer.message(404).body());
        return;
      }
      faults
          .next(endpoint, request)
          .answer(
              connection,
              healthy(
                  request,
                  version,
                  () ->
                      refusal(request, version)
                          .orElseGet(() -> answerOf(endpoint, request, version, action))));
    } finally {
      traffic.end();
    }
  }

  private static Endpoint endpoint(ApiRequest request, ApiVersion version, String action) {
    return switch (request.method() + " " + version.resource(request.path()) + " " + action) {
      case "GET flowInstances get" -> Endpoint.GET;
      case "POST flowInstances search" -> Endpoint.SEARCH;
      case "GET time getCurrentTime", "GET time getTimeZone" -> Endpoint.TIME;
      default -> null;
    };
  }

  /** Why the gateway would not let this call through. */
  private Optional<Answer> refusal(ApiRequest request, ApiVersion version) {
    if (!signatureRequired) {
      return Optional.empty();
    }
    String token = request.header("apim-accesstoken").orElse("");
    String timestamp = request.header("apim-timestamp").orElse("");
    String signature =
        ApimSignature.ofCall(
            token, request.parameters(), request.body(), timestamp, tokens.appSecret());
    return switch (tokens.standing(token)) {
      case UNKNOWN, REVOKED -> Optional.of(Answer.message(401));
      case EXPIRED ->
          Optional.of(
              expiredTokenStatus == 200
                  ? Answer.ok(version.error(1203))
                  : Answer.message(expiredTokenStatus));
      case VALID ->
          timestamp.matches("\\d{13}")
                  && signature.equals(request.header("apim-signature").orElse(""))
              ? Optional.empty()
              : Optional.of(Answer.message(401));
    };
  }

  private Answer answerOf(
      Endpoint endpoint, ApiRequest request, ApiVersion version, String action) {
    return switch (endpoint) {
      case GET -> Answer.ok(instance(request, version));
      case SEARCH -> Answer.ok(search(request, version));
      case TIME ->
          Answer.ok(
              version.ok(
                  (action.equals("getCurrentTime")
                          ? String.valueOf(System.currentTimeMillis())
                          : "{\"timezone\":\"GMT+8\"}")
                      .getBytes(UTF_8)));
      case TOKEN -> throw new IllegalStateException("The token service is not part of the API");
    };
  }

  private byte[] instance(ApiRequest request, ApiVersion version) {
    boolean complete =
        Stream.of("userId", "orgId")
            .allMatch(name -> request.parameter(name).filter(v -> !v.isBlank()).isPresent());
    return request
        .parameter("flowInstId")
        .filter(id -> complete)
        .flatMap(id -> instances.get(id, version))
        .map(version::ok)
        .orElseGet(() -> version.error(62102));
  }

  private byte[] search(ApiRequest request, ApiVersion version) {
    try {
      return version.ok(instances.search(request.body(), version));
    } catch (IllegalArgumentException e) {
      return version.error(62102);
    }
  }

  private static Fault.Healthy healthy(
      ApiRequest request, ApiVersion version, Supplier<Answer> answer) {
    return new Fault.Healthy() {
      @Override
      public ApiRequest request() {
        return request;
      }

      @Override
      public Answer answer() {
        return answer.get();
      }

      @Override
      public byte[] error(int code) {
        return version.error(code);
      }
    };
  }
}
