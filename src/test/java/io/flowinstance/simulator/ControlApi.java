package io.flowinstance.simulator;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.flowinstance.simulator.FaultScope.Endpoint;
import io.flowinstance.simulator.HttpListener.Connection;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Steers the simulator from another process. Each call takes a JSON object and answers one, or 400
 * and {@code {"message"}} with what is wrong:
 *
 * <ul>
 *   <li>{@code POST /simulator/fault}: {@code fault} is one of status ({@code status}, with {@code
 *       retryAfterSeconds} and {@code retryAfterAsDate} if wanted), code ({@code code}), garbage,
 *       half-body, reset, endless-body, trickling-body ({@code pauseMs}), huge-body ({@code
 *       bytes}); {@code ids}, {@code times} and {@code endpoints} (get, search, time, token) say
 *       which calls it befalls, all of the API if absent
 *   <li>{@code POST /simulator/clear}: ends every fault, the latency and the refusal of tokens
 *   <li>{@code POST /simulator/latency}: {@code fixedMs}, or {@code medianMs} and {@code p99Ms}
 *   <li>{@code POST /simulator/tokens}: {@code refuse} (a code, 0 to end it), {@code expire} (true:
 *       all, now), {@code lifeSeconds}
 *   <li>{@code POST /simulator/down}: {@code forMs}; then it comes up by itself
 *   <li>{@code POST /simulator/instances}: {@code known} (ids), {@code frozen}
 *   <li>{@code POST /simulator/start}: {@code stepMs}, and {@code ids}, or {@code flowId} to start
 *       one now; {@code at} (an ISO-8601 instant, now if absent); answers {@code ids}. From then on
 *       they go a step on every {@code stepMs}
 *   <li>{@code POST /simulator/rerun}: {@code ids} that were started and are over, {@code at}
 *   <li>{@code POST /simulator/changes}: {@code ids} that were started; answers, by id, the changes
 *       until now: {@code at}, {@code taskInstId} (empty for the instance) and {@code status}
 *   <li>{@code POST /simulator/signature}: {@code required}, {@code expiredTokenStatus}
 *   <li>{@code POST /simulator/forget}: sets the counters to zero
 *   <li>{@code GET /simulator/stats}: {@code calls}, {@code callsByPath}, {@code distinctIds},
 *       {@code tokenCalls}, {@code inFlight}, {@code maxInFlight}, {@code maxCallsPerSecond}; with
 *       {@code ?detail=true} also {@code callsById} and {@code callTimes} (epoch milliseconds)
 * </ul>
 */
final class ControlApi {
  static final String ROOT = "/simulator/";
  private static final String DOWN_FOR_MS = "downForMs";

  private static final ObjectMapper JSON = new ObjectMapper();

  private final EnosSimulator simulator;

  ControlApi(EnosSimulator simulator) {
    this.simulator = simulator;
  }

  void answer(ApiRequest request, Connection connection) throws IOException {
    try {
      byte[] body = request.body().length == 0 ? new byte[] {'{', '}'} : request.body();
      ObjectNode answer = answer(request, JSON.readTree(body));
      connection.send(200, Map.of(), JSON.writeValueAsBytes(answer));
      if (answer.has(DOWN_FOR_MS)) {
        // Only now: going down resets this connection too.
        simulator.goDown(millis(answer, DOWN_FOR_MS));
      }
    } catch (IllegalArgumentException | com.fasterxml.jackson.core.JsonProcessingException e) {
      ObjectNode answer = JSON.createObjectNode().put("message", e.getMessage());
      connection.send(400, Map.of(), JSON.writeValueAsBytes(answer));
    }
  }

  private ObjectNode answer(ApiRequest request, JsonNode body) {
    String call = request.method() + " " + request.path().substring(ROOT.length());
    switch (call) {
      case "GET stats" -> {
        return stats(request.parameter("detail").filter("true"::equals).isPresent());
      }
      case "POST fault" -> simulator.faults().set(fault(body), scope(body));
      case "POST clear" -> {
        simulator.faults().clear();
        simulator.faults().latency(Latency.none());
        simulator.tokens().refuse(0);
      }
      case "POST latency" -> simulator.faults().latency(latency(body));
      case "POST tokens" -> tokens(body);
      case "POST down" -> {
        return JSON.createObjectNode().put(DOWN_FOR_MS, millis(body, "forMs").toMillis());
      }
      case "POST instances" -> {
        simulator.instances().know(texts(body.path("known")));
        if (body.has("frozen")) {
          simulator.instances().frozen(body.get("frozen").asBoolean());
        }
      }
      case "POST start" -> {
        return start(body);
      }
      case "POST rerun" ->
          texts(body.path("ids")).forEach(id -> simulator.instances().rerun(id, at(body)));
      case "POST changes" -> {
        ObjectNode changes = JSON.createObjectNode();
        texts(body.path("ids")).forEach(id -> changes.set(id, changes(id)));
        return changes;
      }
      case "POST signature" -> {
        simulator.requireSignature(body.path("required").asBoolean(true));
        simulator.expiredTokenStatus(body.path("expiredTokenStatus").asInt(200));
      }
      case "POST forget" -> simulator.traffic().clear();
      default -> throw new IllegalArgumentException("The simulator has no call " + call);
    }
    return JSON.createObjectNode();
  }

  private ObjectNode start(JsonNode body) {
    Duration step = millis(body, "stepMs");
    List<String> ids = texts(body.path("ids"));
    if (ids.isEmpty()) {
      ids = List.of(simulator.instances().startNow(number(body, "flowId"), step));
    } else {
      ids.forEach(id -> simulator.instances().start(id, at(body), step));
    }
    ObjectNode answer = JSON.createObjectNode();
    answer.set("ids", JSON.valueToTree(ids));
    return answer;
  }

  private ArrayNode changes(String id) {
    ArrayNode changes = JSON.createArrayNode();
    for (StatusChange change : simulator.instances().changes(id, Instant.now())) {
      changes
          .addObject()
          .put("at", change.at().toString())
          .put("taskInstId", change.taskInstId())
          .put("status", change.status());
    }
    return changes;
  }

  private ObjectNode stats(boolean detail) {
    Traffic traffic = simulator.traffic();
    ObjectNode stats = JSON.createObjectNode();
    stats.put("calls", traffic.calls());
    stats.put("distinctIds", traffic.distinctIds());
    stats.put("tokenCalls", traffic.tokenCalls());
    stats.put("inFlight", traffic.inFlight());
    stats.put("maxInFlight", traffic.maxInFlight());
    stats.put("maxCallsPerSecond", traffic.maxCallsPerSecond());
    stats.set("callsByPath", JSON.valueToTree(traffic.callsByPath()));
    if (detail) {
      stats.set("callsById", JSON.valueToTree(traffic.callsById()));
      stats.set("callTimes", JSON.valueToTree(traffic.callTimes()));
    }
    return stats;
  }

  private static Fault fault(JsonNode body) {
    String fault = body.path("fault").asText();
    return switch (fault) {
      case "status" -> status(body);
      case "code" -> Fault.code(number(body, "code"));
      case "garbage" -> Fault.garbage();
      case "half-body" -> Fault.halfBody();
      case "reset" -> Fault.reset();
      case "endless-body" -> Fault.endlessBody();
      case "trickling-body" -> Fault.tricklingBody(millis(body, "pauseMs"));
      case "huge-body" -> Fault.hugeBody(number(body, "bytes"));
      default -> throw new IllegalArgumentException("The simulator has no fault " + fault);
    };
  }

  private static Fault status(JsonNode body) {
    int status = number(body, "status");
    if (!body.has("retryAfterSeconds")) {
      return Fault.status(status);
    }
    Duration wait = Duration.ofSeconds(number(body, "retryAfterSeconds"));
    return body.path("retryAfterAsDate").asBoolean()
        ? Fault.retryAfterDate(status, wait)
        : Fault.retryAfter(status, wait);
  }

  private static FaultScope scope(JsonNode body) {
    List<String> ids = texts(body.path("ids"));
    FaultScope scope =
        ids.isEmpty() ? FaultScope.all() : FaultScope.ids(ids.toArray(String[]::new));
    if (body.has("endpoints")) {
      scope =
          scope.on(
              texts(body.get("endpoints")).stream()
                  .map(name -> Endpoint.valueOf(name.toUpperCase(Locale.ROOT)))
                  .toArray(Endpoint[]::new));
    }
    return body.has("times") ? scope.times(number(body, "times")) : scope;
  }

  private static Latency latency(JsonNode body) {
    return body.has("fixedMs")
        ? Latency.fixed(millis(body, "fixedMs"))
        : Latency.logNormal(millis(body, "medianMs"), millis(body, "p99Ms"));
  }

  private void tokens(JsonNode body) {
    if (body.has("refuse")) {
      simulator.tokens().refuse(number(body, "refuse"));
    }
    if (body.path("expire").asBoolean()) {
      simulator.tokens().expireAll();
    }
    if (body.has("lifeSeconds")) {
      simulator.tokens().life(Duration.ofSeconds(number(body, "lifeSeconds")));
    }
  }

  private static Instant at(JsonNode body) {
    try {
      return body.has("at") ? Instant.parse(body.get("at").asText()) : Instant.now();
    } catch (DateTimeParseException e) {
      throw new IllegalArgumentException("\"at\" must be an ISO-8601 instant", e);
    }
  }

  private static Duration millis(JsonNode body, String field) {
    return Duration.ofMillis(number(body, field));
  }

  private static int number(JsonNode body, String field) {
    if (!body.path(field).canConvertToInt()) {
      throw new IllegalArgumentException("\"" + field + "\" must be there, and a whole number");
    }
    return body.get(field).asInt();
  }

  private static List<String> texts(JsonNode array) {
    List<String> texts = new ArrayList<>();
    array.forEach(element -> texts.add(element.asText()));
    return texts;
  }
}
