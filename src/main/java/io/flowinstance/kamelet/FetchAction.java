package io.flowinstance.kamelet;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.enos.AccessTokens;
import io.flowinstance.enos.Answer;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.Identity;
import io.flowinstance.enos.PercentEncoding;
import io.flowinstance.event.EventZones;
import io.flowinstance.event.FlowInstanceEvent;
import io.flowinstance.event.Observation;
import io.flowinstance.event.TaskStatusEvent;
import io.flowinstance.event.TaskStatusEvents;
import io.flowinstance.event.Times;
import io.flowinstance.fetch.EnosHttpClient;
import io.flowinstance.fetch.EnosRequests;
import io.flowinstance.fetch.FetchState;
import io.flowinstance.graph.FlowInstance;
import io.flowinstance.graph.FlowInstanceDecoder;
import io.flowinstance.graph.UnreadableResponseException;
import io.flowinstance.id.AllowedIdentities;
import io.flowinstance.id.IdRecordReader;
import io.flowinstance.json.Json;
import io.flowinstance.json.JsonBody;
import io.flowinstance.trace.Tracing;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.apache.camel.Exchange;
import org.apache.hc.client5.http.classic.methods.HttpGet;
import org.apache.hc.client5.http.classic.methods.HttpPost;
import org.apache.hc.client5.http.classic.methods.HttpUriRequestBase;
import org.apache.hc.core5.http.ContentType;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpHeaders;
import org.apache.hc.core5.http.HttpResponse;
import org.apache.hc.core5.http.io.HttpClientResponseHandler;
import org.apache.hc.core5.http.io.entity.EntityUtils;
import org.apache.hc.core5.http.io.entity.StringEntity;

/**
 * The Kamelet {@code flow-instance-fetch-action}: an id in, its events out, in one call. It calls
 * as the pipeline does, by the pipeline's client, but without its routes: whoever composes it
 * brings the topics, the retries and the rest.
 */
public final class FetchAction implements AutoCloseable {
  private static final int MAX_RESPONSE_BYTES = 16 << 20;
  private static final int CONNECTIONS = 64;
  private static final Pattern ENCRYPTED_OR_LOCAL =
      Pattern.compile("https://[^/?#]+|http://(localhost|127(\\.\\d{1,3}){3}|\\[::1])(:\\d+)?");

  /** As bytes, as a text and while it becomes one, a batch takes several times its size. */
  private static final int HEAP_PART_OF_EVENTS = 16;

  /** About what a CloudEvent takes besides its data. */
  private static final int ENVELOPE_BYTES = 512;

  private final FlowInstanceDecoder decoder = new FlowInstanceDecoder();
  private final Clock clock = Clock.systemUTC();

  private final Map<String, String> options = new HashMap<>();

  private IdRecordReader ids;
  private AllowedIdentities identities;
  private EventZones zones;
  private EnosHttpClient client;
  private AccessTokens tokens;
  private EnosRequests requests;

  /** The Kamelet's properties by name: all of them, before {@link #start}. */
  public Map<String, String> getOptions() {
    return options;
  }

  /**
   * Reads the options, and makes the client.
   *
   * @throws IllegalArgumentException an option cannot be used: the message says which, and why
   */
  public void start() {
    if (!ENCRYPTED_OR_LOCAL.matcher(options.get("baseUrl")).matches()) {
      throw new IllegalArgumentException(
          "baseUrl must be https://{apigw-address}, nothing after it: signed calls and tokens are not"
              + " sent without TLS.");
    }
    Identity configured = new Identity(options.get("userId"), options.get("orgId"));
    ids = new IdRecordReader(configured.userId(), configured.orgId());
    identities = new AllowedIdentities(configured, options.get("allowedIdentities"));
    zones =
        new EventZones(
            ZoneId.of(options.get("timeZone")), ZoneId.of(options.get("triggerTimeZone")));
    client =
        new EnosHttpClient(
            new EnosHttpClient.Options(
                CONNECTIONS,
                Duration.ofMillis(Long.parseLong(options.get("timeoutMs"))),
                (int)
                    Math.min(
                        MAX_RESPONSE_BYTES,
                        Runtime.getRuntime().maxMemory() / EnosHttpClient.HEAP_PART_OF_AN_ANSWER),
                new AtomicInteger(),
                Tracing.off(),
                "flow-instance-fetch-action",
                null,
                null));
    Supplier<String> appSecret = () -> options.get("appSecret");
    tokens =
        new AccessTokens(
            () -> options.get("appKey"), appSecret, this::askForToken, clock, System::nanoTime);
    requests = new EnosRequests(tokens, clock);
  }

  @Override
  public void close() throws IOException {
    client.close();
  }

  /**
   * The events of an instance as a batch of CloudEvents in JSON: the instance, then its tasks in
   * graph order. A task that cannot be read stands in the instance alone.
   *
   * @param value the id, in any form that an id record may have
   * @throws ApiFailure the API does not give the instance
   * @throws io.flowinstance.id.IdentityNotAllowedException the value names another identity
   * @throws io.flowinstance.id.MalformedIdException there is no usable id in the value
   * @throws IllegalStateException the events take more than a sixteenth of the heap
   */
  public String events(byte[] value) {
    FetchState fetch = new FetchState(identities.check(ids.read(value)));
    FlowInstance instance = instance(fetch);
    String id = instance.instanceId() + "/" + Times.text(fetch.fetchedAt());
    Identity identity = fetch.query().identity();
    FlowInstanceEvent event =
        FlowInstanceEvent.of(
            instance,
            zones,
            new Observation(
                id, identity.userId(), identity.orgId(), fetch.askedAt(), fetch.fetchedAt()));
    byte[] ofInstance = event.toJson();
    TaskStatusEvents tasks = event.tasks(FetchAction::refuseAboveHeap);
    long bytes = ENVELOPE_BYTES + ofInstance.length;
    for (int at = 0; at < tasks.size(); at++) {
      bytes += ENVELOPE_BYTES + tasks.jsonLength(at);
    }
    refuseAboveHeap(bytes);
    byte[] batch =
        Json.write(
            (json, written) -> {
              json.writeStartArray();
              write(json, fetch, id, FlowInstanceEvent.TYPE, event.key(), ofInstance);
              for (TaskStatusEvent task : tasks) {
                String taskId = id + "/" + task.index();
                String subject = new String(task.key(), UTF_8);
                write(json, fetch, taskId, TaskStatusEvent.TYPE, subject, task.toJson());
              }
              json.writeEndArray();
            });
    return new String(batch, UTF_8);
  }

  private static void refuseAboveHeap(long bytes) {
    long most = Runtime.getRuntime().maxMemory() / HEAP_PART_OF_EVENTS;
    if (bytes > most) {
      throw new IllegalStateException(
          "The events of the instance take more than %d bytes in all.".formatted(most));
    }
  }

  private static void write(
      JsonGenerator json, FetchState fetch, String id, String type, String subject, byte[] data)
      throws IOException {
    json.writeStartObject();
    json.writeStringField("specversion", "1.0");
    json.writeStringField("id", id);
    json.writeStringField("source", "/enos/" + PercentEncoding.encode(fetch.query().orgId()));
    json.writeStringField("type", type);
    json.writeStringField("subject", subject);
    json.writeStringField("time", Times.text(fetch.fetchedAt()));
    json.writeStringField("datacontenttype", "application/json");
    json.writeFieldName("data");
    json.writeRawValue(new String(data, UTF_8));
    json.writeEndObject();
  }

  private FlowInstance instance(FetchState fetch) {
    JsonNode data =
        EnosRequests.data(
            tokens,
            fetch,
            () -> data(fetch, "flowInstances"),
            () -> data(FetchState.clock(), "time"));
    try {
      return decoder.decode(data, fetch.query().instanceId());
    } catch (UnreadableResponseException e) {
      throw fetch.answer().unreadable(e.getMessage());
    }
  }

  private JsonNode data(FetchState fetch, String resource) {
    Map<String, Object> headers = new HashMap<>();
    requests.request(fetch, null, headers);
    String apiVersion = options.get("apiVersion");
    String service =
        apiVersion.equals("v2.1") ? "batch-processing-service" : "dataflow-batch-service";
    HttpUriRequestBase request =
        new HttpGet(
            "%s/%s/%s/%s?%s"
                .formatted(
                    options.get("baseUrl"),
                    service,
                    apiVersion,
                    resource,
                    headers.remove(Exchange.HTTP_RAW_QUERY)));
    headers.forEach(request::setHeader);
    return send(
        request,
        answer -> {
          byte[] body = requests.received(answer.getEntity().getContent(), fetch);
          return requests.answer(JsonBody.of(body), answer.getCode(), retryAfter(answer), fetch);
        });
  }

  private Answer askForToken(String operation, String body) {
    HttpUriRequestBase request =
        new HttpPost(options.get("baseUrl") + "/apim-token-service/v2.0/token/" + operation);
    request.setEntity(new StringEntity(body, ContentType.APPLICATION_JSON));
    return send(
        request,
        answer ->
            new Answer(
                answer.getCode(), EntityUtils.toByteArray(answer.getEntity()), retryAfter(answer)));
  }

  private static String retryAfter(HttpResponse answer) {
    Header retryAfter = answer.getFirstHeader(HttpHeaders.RETRY_AFTER);
    return retryAfter == null ? null : retryAfter.getValue();
  }

  private <T> T send(HttpUriRequestBase request, HttpClientResponseHandler<T> reader) {
    try {
      return client.http().execute(request, reader);
    } catch (IOException e) {
      throw ApiFailure.in(e);
    }
  }
}
