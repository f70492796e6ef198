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
import java.util.TreeMap;
import org.apache.camel.Body;
import org.apache.camel.Exchange;
import org.apache.camel.Header;
import org.apache.camel.Headers;
import org.apache.camel.Variable;

/** The two sides of a call to the API: what it asks, and what it got. */
public final class EnosRequests {
  private static final int PART_BYTES = 8 << 10;

  private final AccessTokens tokens;
  private final String appSecret;
  private final Clock clock;

  /**
   * @param tokens where access tokens come from, or null when calls are not signed
   */
  public EnosRequests(AccessTokens tokens, String appSecret, Clock clock) {
    this.tokens = tokens;
    this.appSecret = appSecret;
    this.clock = clock;
  }

  /**
   * Asks for an instance: sets the query string and, when calls are signed, the signature.
   *
   * @param scope whose span the call belongs to, or null
   */
  public void request(
      @Variable("fetch") FetchState fetch,
      @Variable("record") FetchScope scope,
      @Headers Map<String, Object> headers) {
    if (scope != null) {
      scope.span().writeTo(headers::put);
    }
    Signed signed = ask(fetch.query().parameters(), "", headers);
    fetch.begin(signed.token(), signed.redaction(), System.nanoTime());
  }

  /** Asks for the API's time, which takes no user and no organization. */
  public void requestClock(@Headers Map<String, Object> headers) {
    ask(new TreeMap<>(Map.of("action", "getCurrentTime")), "", headers);
  }

  /**
   * Asks for a page of a search: sets the query string and, when calls are signed, the signature.
   *
   * @return the body of the request, JSON
   */
  public String requestSearch(
      @Variable("search") SearchCall search, @Headers Map<String, Object> headers) {
    String body = search.body();
    headers.put(Exchange.CONTENT_TYPE, "application/json");
    Signed signed = ask(search.parameters(), body, headers);
    search.attempt(signed.token(), signed.redaction());
    return body;
  }

  /**
   * How a call is signed.
   *
   * @param token null when it is not signed
   * @param redaction what its answer may quote and nobody must see
   */
  private record Signed(AccessTokens.Token token, Redaction redaction) {}

  private Signed ask(
      SortedMap<String, String> parameters, String body, Map<String, Object> headers) {
    AccessTokens.Token token = tokens == null ? null : tokens.current();
    headers.put(Exchange.HTTP_RAW_QUERY, InstanceQuery.queryString(parameters));
    if (token == null) {
      return new Signed(null, Redaction.NONE);
    }
    long timestamp = clock.millis();
    String signature = Signature.ofCall(token.text(), parameters, body, timestamp, appSecret);
    headers.put("apim-accesstoken", token.text());
    headers.put("apim-timestamp", Long.toString(timestamp));
    headers.put("apim-signature", signature);
    return new Signed(token, Redaction.of(token.text(), signature, appSecret));
  }

  /**
   * The last byte of an answer came: takes the heap for what is going to be read out of it.
   *
   * @param body in memory: it is looked through, not copied
   */
  public void received(@Body InputStream body, @Variable("fetch") FetchState fetch)
      throws IOException {
    fetch.received(clock.instant(), System.nanoTime());
    byte[] part = new byte[PART_BYTES];
    long bytes = 0;
    long separators = 0;
    for (int read; (read = body.read(part)) > 0; ) {
      bytes += read;
      for (int i = 0; i < read; i++) {
        if (part[i] == ',') {
          separators++;
        }
      }
    }
    body.reset();
    AnswerHeap.take(bytes, Math.min(separators, Json.MAX_TOKENS));
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
    return data(answer, fetch.token());
  }

  /**
   * The data of the answer to a search.
   *
   * @throws ApiFailure there is none
   */
  public JsonNode found(
      @Body JsonBody body,
      @Header(Exchange.HTTP_RESPONSE_CODE) int httpStatus,
      @Header(ApiHeaders.RETRY_AFTER) String retryAfter,
      @Variable("search") SearchCall search) {
    return data(new Answer(httpStatus, body, retryAfter, search.redaction()), search.token());
  }

  private JsonNode data(Answer answer, AccessTokens.Token token) {
    try {
      return answer.data();
    } catch (ApiFailure failure) {
      if (failure.kind() == FailureKind.ACCESS_TOKEN && tokens != null) {
        tokens.refused(token);
      }
      throw failure;
    }
  }
}
