package io.flowinstance.enos;

import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.json.Json;
import io.flowinstance.json.JsonBody;
import java.math.BigInteger;

/**
 * What the API answered to one call: an envelope {@code {"status": 0, "msg": …, "data": …}} (v2.0)
 * or {@code {"code": 0, …}} (v2.1), or something else. A code that we know is the service's word
 * and goes before the HTTP status.
 *
 * @param apiCode the code in the envelope, 0 for success, or null when there is none
 * @param body the body, or what is left of it: see {@link #withoutData()} and {@link
 *     #withoutBody()}
 * @param retryAfter the Retry-After header, or null
 * @param redaction what must not be quoted of it
 */
public record Answer(
    int httpStatus, Integer apiCode, JsonBody body, String retryAfter, Redaction redaction) {
  private static final int MAX_QUOTED = 200;
  private static final int EXCERPT = 2048;

  /**
   * An answer whose body is read.
   *
   * @param body null where there was none
   */
  public Answer(int httpStatus, JsonBody body, String retryAfter, Redaction redaction) {
    this(
        httpStatus,
        body == null || body.json() == null ? null : code(body.json()),
        body == null ? JsonBody.of(null) : body,
        retryAfter,
        redaction);
  }

  /** An answer whose body is not yet read, and that holds no secret. */
  public Answer(int httpStatus, byte[] body, String retryAfter) {
    this(httpStatus, JsonBody.of(body), retryAfter, Redaction.NONE);
  }

  /** The same answer for whoever tells of it: what was read of the body can be forgotten. */
  public Answer withoutData() {
    return withUnreadBody(body.bytes());
  }

  /** The same answer without a word of its body. */
  public Answer withoutBody() {
    return withUnreadBody(null);
  }

  private Answer withUnreadBody(byte[] bytes) {
    return new Answer(
        httpStatus, apiCode, new JsonBody(bytes, null, null, false), retryAfter, redaction);
  }

  /**
   * The envelope's {@code data}; a FlowInstance that came without an envelope is taken as it is.
   *
   * @throws ApiFailure the call failed, of the kind that the answer says
   */
  public JsonNode data() {
    JsonNode envelope = body.json();
    boolean isSuccess = apiCode == null || apiCode == 0;
    FailureKind byCode = isSuccess ? null : FailureKind.ofApiCode(apiCode);
    FailureKind kind = byCode == null ? FailureKind.ofHttpStatus(httpStatus) : byCode;
    if (kind != null) {
      throw failure(kind, envelope);
    }
    if (body.tooLarge()) {
      throw unreadable("The answer is too large: " + body.fault() + ".");
    }
    if (envelope == null) {
      throw notUnderstood("The answer is not JSON: " + body.fault() + ".");
    }
    if (body.fault() != null && isSuccess) {
      String message = "The answer cannot be read: " + body.fault() + ".";
      throw apiCode == null ? notUnderstood(message) : unreadable(message);
    }
    if (isBareInstance(envelope)) {
      return envelope;
    }
    if (!isSuccess) {
      throw notUnderstood(
          "The API answered with code %d%s, which is not a known one."
              .formatted(apiCode, said(envelope)));
    }
    JsonNode data = envelope.path("data");
    if (apiCode == null && !isBareInstance(data) && !isBareInstance(data.path(0))) {
      throw notUnderstood("The answer is JSON, but not the API's.");
    }
    if (data.isMissingNode() || data.isNull()) {
      throw unreadable("The answer has no data.");
    }
    return data;
  }

  /** The failure of an answer whose data turned out to be unreadable. */
  public ApiFailure unreadable(String message) {
    return ApiFailure.of(FailureKind.UNREADABLE, message, this);
  }

  /** The failure of an answer that is none of the API's. */
  public ApiFailure notUnderstood(String message) {
    return ApiFailure.of(FailureKind.NOT_UNDERSTOOD, message, this);
  }

  /** The first 2 KiB of the body without secrets, or null. */
  public byte[] excerpt() {
    return redaction.excerpt(body.bytes(), EXCERPT);
  }

  private static Integer code(JsonNode envelope) {
    if (!envelope.isObject() || isBareInstance(envelope)) {
      return null;
    }
    JsonNode code = envelope.hasNonNull("code") ? envelope.get("code") : envelope.get("status");
    BigInteger whole = code == null ? null : Json.whole(code);
    return whole == null || whole.bitLength() >= Integer.SIZE ? null : whole.intValue();
  }

  private static boolean isBareInstance(JsonNode json) {
    return json.isObject()
        && !json.has("data")
        && (json.path("code").asInt(0) == 0 || !json.has("msg"))
        && (json.has("instanceId") || json.has("instance_id") || json.has("graph"));
  }

  private ApiFailure failure(FailureKind kind, JsonNode envelope) {
    String what =
        switch (kind) {
          case REJECTED -> "The API rejects this id";
          case TRANSIENT -> "The API cannot answer now";
          case RATE_LIMITED -> "The API limits the rate of calls";
          case ACCESS_TOKEN -> "The API does not accept the access token";
          case ACCESS_DENIED -> "The API refuses the call";
          case UNREADABLE, NOT_UNDERSTOOD -> "The API gave no readable answer";
        };
    String code = apiCode == null || apiCode == 0 ? "" : ", code " + apiCode;
    return ApiFailure.of(
        kind, "%s: HTTP %d%s%s.".formatted(what, httpStatus, code, said(envelope)), this);
  }

  private String said(JsonNode envelope) {
    // What is not read as the text that it is stays out of sentences.
    if (envelope == null || !envelope.isObject() || body.fault() != null) {
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
