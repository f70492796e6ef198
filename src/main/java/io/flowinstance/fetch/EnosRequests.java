package io.flowinstance.fetch;

import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.enos.AccessTokens;
import io.flowinstance.enos.Answer;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.enos.Redaction;
import io.flowinstance.enos.Signature;
import io.flowinstance.json.Json;
import io.flowinstance.json.JsonBody;
import java.io.IOException;
import java.io.InputStream;
import java.time.Clock;
import java.util.Map;
import java.util.SortedMap;
import java.util.function.Supplier;
import org.apache.camel.Body;
import org.apache.camel.Exchange;
import org.apache.camel.Header;
import org.apache.camel.Headers;
import org.apache.camel.Variable;

/** The two sides of a call to the API: what it asks, and what it got. */
public final class EnosRequests {
  private final AccessTokens tokens;
  private final Clock clock;

  /**
   * @param tokens where access tokens come from, or null when calls are not signed
   */
  public EnosRequests(AccessTokens tokens, Clock clock) {
    this.tokens = tokens;
    this.clock = clock;
  }

  /**
   * Begins a call: sets the query string and, when calls are signed, the signature.
   *
   * @param scope whose span the call belongs to, or null
   * @return the body of the request, JSON, or null
   */
  public String request(
      @Variable("fetch") FetchState fetch,
      @Variable("record") FetchScope scope,
      @Headers Map<String, Object> headers) {
    if (scope != null) {
      scope.span().writeTo(headers::put);
    }
    SortedMap<String, String> parameters = fetch.parameters();
    headers.put(Exchange.HTTP_RAW_QUERY, InstanceQuery.queryString(parameters));
    if (fetch.body() != null) {
      headers.put(Exchange.CONTENT_TYPE, "application/json");
    }
    AccessTokens.Token token = tokens == null ? null : tokens.current();
    Redaction redaction = Redaction.NONE;
    if (token != null) {
      long timestamp = clock.millis();
      String body = fetch.body() == null ? "" : fetch.body();
      String secret = token.appSecret();
      String signature = Signature.ofCall(token.text(), parameters, body, timestamp, secret);
      headers.put("apim-accesstoken", token.text());
      headers.put("apim-timestamp", Long.toString(timestamp));
      headers.put("apim-signature", signature);
      redaction = Redaction.of(token.text(), signature, secret);
    }
    fetch.begin(token, redaction, System.nanoTime());
    return fetch.body();
  }

  /**
   * Makes a call, and makes it again for a refused access token: that is replaced by {@code get};
   * where that one is refused too, and for the API's time as well, by {@code refresh}: the token
   * service hands out a revoked token until it expires.
   *
   * @param tokens where access tokens come from, or null when calls are not signed
   * @param time asks for the API's time; null if the call itself does
   * @throws ApiFailure it brought no data
   */
  public static JsonNode data(
      AccessTokens tokens, FetchState fetch, Supplier<JsonNode> call, Supplier<JsonNode> time) {
    for (int attempt = 1; ; attempt++) {
      try {
        return call.get();
      } catch (ApiFailure failure) {
        if (failure.kind() != FailureKind.ACCESS_TOKEN
            || fetch.token() == null
            || !tokens.isWorthAnotherCall(
                fetch.token(), attempt, () -> time == null || isRefused(time))) {
          throw failure;
        }
      }
    }
  }

  private static boolean isRefused(Supplier<JsonNode> call) {
    try {
      call.get();
      return false;
    } catch (ApiFailure failure) {
      return failure.kind() == FailureKind.ACCESS_TOKEN;
    }
  }

  /**
   * The last byte of an answer came: takes the heap for what is going to be read out of it.
   *
   * @param body in memory
   * @return its bytes
   */
  public byte[] received(@Body InputStream body, @Variable("fetch") FetchState fetch)
      throws IOException {
    fetch.received(clock.instant(), System.nanoTime());
    byte[] bytes = body.readAllBytes();
    long values = 0;
    for (byte each : bytes) {
      if (each == ',' || each == '{' || each == '[') {
        values++;
      }
    }
    AnswerHeap.take(bytes.length, Math.min(values, Json.MAX_TOKENS));
    return bytes;
  }

  /**
   * The data of the answer.
   *
   * @throws ApiFailure there is none
   */
  public JsonNode answer(
      @Body JsonBody body,
      @Header(Exchange.HTTP_RESPONSE_CODE) int httpStatus,
      @Header(ApiHeaders.RETRY_AFTER) String retryAfter,
      @Variable("fetch") FetchState fetch) {
    Answer answer = new Answer(httpStatus, body, retryAfter, fetch.redaction());
    fetch.answered(answer.withoutData());
    try {
      return answer.data();
    } catch (ApiFailure failure) {
      if (failure.kind() == FailureKind.ACCESS_TOKEN && fetch.token() != null) {
        tokens.refused(fetch.token());
      }
      throw failure;
    }
  }
}
