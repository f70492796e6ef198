package io.flowinstance.enos;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.json.Json;

/**
 * What the API answered to one call: an envelope {@code {"status": 0, "msg": …, "data": …}} (v2.0)
 * or {@code {"code": 0, …}} (v2.1), or something else. A code that we know is the service's word
 * and goes before the HTTP status.
 *
 * @param httpStatus the HTTP status
 * @param body the raw body, or null
 * @param retryAfter the Retry-After header, or null
 * @param redaction what must not be quoted of it
 */
public record Answer(int httpStatus, byte[] body, String retryAfter, Redaction redaction) {
  private static final int MAX_QUOTED = 200;
  private static final int EXCERPT = 2048;

  /** An answer that holds no secret. */
  public Answer(int httpStatus, byte[] body, String retryAfter) {
    this(httpStatus, body, retryAfter, Redaction.NONE);
  }

  /**
   * The envelope's {@code data}; a FlowInstance that came without an envelope is taken as it is.
   *
   * @throws ApiFailure the call failed, of the kind that the answer says
   */
  public JsonNode data() {
    JsonNode envelope = null;
    String notJson = null;
    try {
      envelope = Json.readLenient(body == null ? new byte[0] : body);
    } catch (JsonProcessingException e) {
      notJson = e.getOriginalMessage();
    }
    Integer code = envelope == null ? null : code(envelope);
    FailureKind byCode = code == null || code == 0 ? null : FailureKind.ofApiCode(code);
    FailureKind kind = byCode == null ? FailureKind.ofHttpStatus(httpStatus) : byCode;
    if (kind != null) {
      throw failure(kind, code, envelope);
    }
    if (envelope == null) {
      throw notUnderstood("The answer is not JSON: " + notJson, null);
    }
    if (isBareInstance(envelope)) {
      return envelope;
    }
    if (code != null && code != 0) {
      throw notUnderstood(
          "The API answered with code %d%s, which is not a known one."
              .formatted(code, said(envelope)),
          code);
    }
    JsonNode data = envelope.path("data");
    if (code == null && !isBareInstance(data) && !isBareInstance(data.path(0))) {
      throw notUnderstood("The answer is JSON, but not the API's.", null);
    }
    if (data.isMissingNode() || data.isNull()) {
      throw unreadable("The answer holds no data.", code);
    }
    return data;
  }

  /** The failure of an answer whose data turned out to be unreadable. */
  public ApiFailure unreadable(String message) {
    return unreadable(message, apiCode());
  }

  /** The code in the envelope, 0 for success, or null when there is none. */
  public Integer apiCode() {
    try {
      return body == null ? null : code(Json.readLenient(body));
    } catch (JsonProcessingException e) {
      return null;
    }
  }

  /** The first 2 KiB of the body without secrets, or null. */
  public byte[] excerpt() {
    return redaction.excerpt(body, EXCERPT);
  }

  private static Integer code(JsonNode envelope) {
    if (!envelope.isObject() || isBareInstance(envelope)) {
      return null;
    }
    JsonNode code = envelope.hasNonNull("code") ? envelope.get("code") : envelope.get("status");
    if (code == null || !(code.isIntegralNumber() || code.isTextual())) {
      return null;
    }
    try {
      return Integer.valueOf(code.asText().strip());
    } catch (NumberFormatException e) {
      return null;
    }
  }

  private static boolean isBareInstance(JsonNode json) {
    return json.isObject()
        && !json.has("data")
        && (json.has("instanceId") || json.has("instance_id") || json.has("graph"));
  }

  private ApiFailure failure(FailureKind kind, Integer code, JsonNode envelope) {
    String what =
        switch (kind) {
          case REJECTED -> "The API rejects this id";
          case TRANSIENT -> "The API cannot answer now";
          case RATE_LIMITED -> "The API limits the rate of calls";
          case ACCESS_TOKEN -> "The API does not accept the access token";
          case ACCESS_DENIED -> "The API refuses the call";
          case UNREADABLE, NOT_UNDERSTOOD -> "The API gave no readable answer";
        };
    String codeText = code == null || code == 0 ? "" : ", code " + code;
    return ApiFailure.of(
        kind, "%s: HTTP %d%s%s.".formatted(what, httpStatus, codeText, said(envelope)), this, code);
  }

  private ApiFailure notUnderstood(String message, Integer code) {
    return ApiFailure.of(FailureKind.NOT_UNDERSTOOD, message, this, code);
  }

  private ApiFailure unreadable(String message, Integer code) {
    return ApiFailure.of(FailureKind.UNREADABLE, message, this, code);
  }

  private String said(JsonNode envelope) {
    if (envelope == null || !envelope.isObject()) {
      return "";
    }
    String text = envelope.path("msg").asText(envelope.path("message").asText("")).strip();
    if (text.isEmpty()) {
      return "";
    }
    return " (%s%s)"
        .formatted(redaction.excerpt(text, MAX_QUOTED), text.length() > MAX_QUOTED ? "…" : "");
  }
}
