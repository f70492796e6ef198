package io.flowinstance.kamelet;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonGenerator;
import io.flowinstance.enos.AccessTokens;
import io.flowinstance.enos.Answer;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
import io.flowinstance.enos.Identity;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.enos.PercentEncoding;
import io.flowinstance.enos.Redaction;
import io.flowinstance.enos.Signature;
import io.flowinstance.event.EventZones;
import io.flowinstance.event.FlowInstanceEvent;
import io.flowinstance.event.Observation;
import io.flowinstance.event.TaskStatusEvent;
import io.flowinstance.event.Times;
import io.flowinstance.graph.FlowInstance;
import io.flowinstance.graph.FlowInstanceDecoder;
import io.flowinstance.id.AllowedIdentities;
import io.flowinstance.id.IdRecordReader;
import io.flowinstance.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.SortedMap;

/**
 * The Kamelet {@code flow-instance-fetch-action}: an id in, its events out, in one call. It stands
 * alone, on the JDK and Jackson: whoever composes it brings the topics, the retries and the rest.
 */
public final class FetchAction {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);
  private static final int MAX_RESPONSE_BYTES = 16 * 1024 * 1024;

  private final FlowInstanceDecoder decoder = new FlowInstanceDecoder();
  private final Clock clock = Clock.systemUTC();
  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .followRedirects(HttpClient.Redirect.NEVER)
          .connectTimeout(TIMEOUT)
          .build();

  private String baseUrl;
  private String apiVersion = "v2.0";
  private String appKey;
  private String appSecret;
  private String userId;
  private String orgId;
  private String allowedIdentities = "";
  private ZoneId timeZone = ZoneId.of("UTC");
  private ZoneId triggerTimeZone = ZoneId.of("UTC");
  private volatile AccessTokens tokens;

  /**
   * The events of an instance as a batch of CloudEvents in JSON: the instance, then its tasks in
   * graph order. A task that cannot be read stands in the instance alone.
   *
   * @param value the id, in any form that an id record may have
   * @throws ApiFailure the API does not give the instance
   * @throws io.flowinstance.id.IdentityNotAllowedException the value names another identity
   * @throws io.flowinstance.id.MalformedIdException there is no usable id in the value
   * @throws io.flowinstance.graph.UnreadableResponseException the answer is no FlowInstance
   */
  public String events(byte[] value) throws IOException, InterruptedException {
    InstanceQuery query =
        new AllowedIdentities(new Identity(userId, orgId), allowedIdentities)
            .check(new IdRecordReader(userId, orgId).read(value));
    Call call = ask(query);
    FlowInstance instance = decoder.decode(call.answer().data(), query.instanceId());
    Instant fetchedAt = call.fetchedAt();
    String id = instance.instanceId() + "/" + Times.text(fetchedAt);
    FlowInstanceEvent event =
        FlowInstanceEvent.of(
            instance,
            new EventZones(timeZone, triggerTimeZone),
            new Observation(id, query.userId(), query.orgId(), call.askedAt(), fetchedAt));
    String source = "/enos/" + PercentEncoding.encode(query.orgId());
    byte[] batch =
        Json.write(
            json -> {
              json.writeStartArray();
              write(json, id, source, event.type(), event.key(), fetchedAt, event.toJson());
              for (TaskStatusEvent task : event.tasks()) {
                write(
                    json,
                    id + "/" + task.index(),
                    source,
                    task.type(),
                    task.key(),
                    fetchedAt,
                    task.toJson());
              }
              json.writeEndArray();
            });
    return new String(batch, UTF_8);
  }

  private static void write(
      JsonGenerator json,
      String id,
      String source,
      String type,
      String subject,
      Instant time,
      byte[] data)
      throws IOException {
    json.writeStartObject();
    json.writeStringField("specversion", "1.0");
    json.writeStringField("id", id);
    json.writeStringField("source", source);
    json.writeStringField("type", type);
    json.writeStringField("subject", subject);
    json.writeStringField("time", Times.text(time));
    json.writeStringField("datacontenttype", "application/json");
    json.writeFieldName("data");
    json.writeRawValue(new String(data, UTF_8));
    json.writeEndObject();
  }

  private record Call(Answer answer, Instant askedAt, Instant fetchedAt) {}

  private Call ask(InstanceQuery query) throws IOException, InterruptedException {
    AccessTokens.Token token = tokens().current();
    Call call = call(query, token);
    try {
      call.answer().data();
      return call;
    } catch (ApiFailure failure) {
      if (failure.kind() != FailureKind.ACCESS_TOKEN) {
        throw failure;
      }
      tokens().refused(token);
      return call(query, tokens().current());
    }
  }

  private Call call(InstanceQuery query, AccessTokens.Token token)
      throws IOException, InterruptedException {
    SortedMap<String, String> parameters = query.parameters();
    String service =
        apiVersion.equals("v2.1") ? "batch-processing-service" : "dataflow-batch-service";
    long timestamp = clock.millis();
    String signature = Signature.ofCall(token.text(), parameters, "", timestamp, appSecret);
    Instant askedAt = clock.instant();
    Answer answer =
        send(
            request(
                    "/%s/%s/flowInstances?%s"
                        .formatted(service, apiVersion, InstanceQuery.queryString(parameters)))
                .header("apim-accesstoken", token.text())
                .header("apim-timestamp", Long.toString(timestamp))
                .header("apim-signature", signature)
                .GET()
                .build());
    Redaction redaction = Redaction.of(token.text(), signature, appSecret);
    return new Call(
        new Answer(answer.httpStatus(), answer.body(), answer.retryAfter(), redaction),
        askedAt,
        clock.instant());
  }

  private AccessTokens tokens() {
    if (tokens == null) {
      synchronized (this) {
        if (tokens == null) {
          tokens = new AccessTokens(appKey, appSecret, this::askForToken, clock);
        }
      }
    }
    return tokens;
  }

  private Answer askForToken(String operation, String body) {
    try {
      return send(
          request("/apim-token-service/v2.0/token/" + operation)
              .header("Content-Type", "application/json")
              .POST(HttpRequest.BodyPublishers.ofString(body))
              .build());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("Interrupted while waiting for an access token.", e);
    }
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(baseUrl + path))
        .timeout(TIMEOUT)
        .header("Accept", "application/json");
  }

  private Answer send(HttpRequest request) throws IOException, InterruptedException {
    HttpResponse<InputStream> response = client.send(request, BodyHandlers.ofInputStream());
    try (InputStream body = response.body()) {
      byte[] bytes = body.readNBytes(MAX_RESPONSE_BYTES + 1);
      if (bytes.length > MAX_RESPONSE_BYTES) {
        throw new IOException("The answer has more than " + MAX_RESPONSE_BYTES + " bytes.");
      }
      return new Answer(
          response.statusCode(), bytes, response.headers().firstValue("Retry-After").orElse(null));
    }
  }

  /** The gateway's address, without a path. */
  public void setBaseUrl(String baseUrl) {
    this.baseUrl = baseUrl;
  }

  /** {@code v2.0} or {@code v2.1}. */
  public void setApiVersion(String apiVersion) {
    this.apiVersion = apiVersion;
  }

  /** The access key of the application in EnOS. */
  public void setAppKey(String appKey) {
    this.appKey = appKey;
  }

  /** Its secret. */
  public void setAppSecret(String appSecret) {
    this.appSecret = appSecret;
  }

  /** The EnOS user where a value names none. */
  public void setUserId(String userId) {
    this.userId = userId;
  }

  /** The organization where a value names none. */
  public void setOrgId(String orgId) {
    this.orgId = orgId;
  }

  /** Other users and organizations that a value may name: {@code <userId>/<orgId>, …}, or *. */
  public void setAllowedIdentities(String allowedIdentities) {
    this.allowedIdentities = allowedIdentities;
  }

  /** The zone of the API's start, end and creation times. */
  public void setTimeZone(String timeZone) {
    this.timeZone = ZoneId.of(timeZone);
  }

  /** The zone of the API's trigger time. */
  public void setTriggerTimeZone(String triggerTimeZone) {
    this.triggerTimeZone = ZoneId.of(triggerTimeZone);
  }
}
