package io.flowinstance.fetch;

import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.enos.AccessTokens;
import io.flowinstance.enos.Answer;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.enos.Signature;
import java.nio.charset.StandardCharsets;
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
public final class CallApi {
  private static final int LONGEST_QUOTING_BODY = 64 << 10;

  private final AccessTokens tokens;
  private final String appSecret;
  private final Pace pace;
  private final Clock clock;

  /**
   * @param tokens where access tokens come from, or null when calls are not signed
   */
  public CallApi(AccessTokens tokens, String appSecret, Pace pace, Clock clock) {
    this.tokens = tokens;
    this.appSecret = appSecret;
    this.pace = pace;
    this.clock = clock;
  }

  /**
   * Begins the fetch of an instance.
   *
   * @throws CancelledException nobody waits for it any more
   */
  public Fetch begin(@Body InstanceQuery query, @Variable("record") FetchScope scope) {
    if (scope.isCancelled()) {
      throw new CancelledException("Its partition has moved.");
    }
    return new Fetch(query);
  }

  /**
   * Asks for an instance: sets the query string and, when calls are signed, the signature.
   *
   * @param scope who waits for it, or null: the call is in its trace
   */
  public void request(
      @Variable("fetch") Fetch fetch,
      @Variable("record") FetchScope scope,
      @Headers Map<String, Object> headers)
      throws InterruptedException {
    fetch.prepare(System.nanoTime());
    if (scope != null) {
      scope.span().writeTo(headers::put);
    }
    AccessTokens.Token token = ask(fetch.query().parameters(), "", headers);
    fetch.attempt(token, System.nanoTime());
  }

  /** Asks for the API's time, which takes no user and no organization. */
  public void requestClock(@Headers Map<String, Object> headers) throws InterruptedException {
    ask(new TreeMap<>(Map.of("action", "getCurrentTime")), "", headers);
  }

  /**
   * Asks for a page of a search: sets the query string and, when calls are signed, the signature.
   *
   * @return the body of the request, JSON
   */
  public String requestSearch(
      @Variable("search") SearchCall search, @Headers Map<String, Object> headers)
      throws InterruptedException {
    String body = search.body();
    headers.put(Exchange.CONTENT_TYPE, "application/json");
    search.attempt(ask(search.parameters(), body, headers));
    return body;
  }

  private AccessTokens.Token ask(
      SortedMap<String, String> parameters, String body, Map<String, Object> headers)
      throws InterruptedException {
    AccessTokens.Token token = tokens == null ? null : tokens.current();
    pace.await();
    headers.put(Exchange.HTTP_RAW_QUERY, InstanceQuery.queryString(parameters));
    if (token != null) {
      long timestamp = clock.millis();
      headers.put("apim-accesstoken", token.text());
      headers.put("apim-timestamp", Long.toString(timestamp));
      headers.put(
          "apim-signature", Signature.ofCall(token.text(), parameters, body, timestamp, appSecret));
    }
    return token;
  }

  /**
   * The data of the answer.
   *
   * @throws ApiFailure there is none
   */
  public JsonNode answer(
      @Body byte[] body,
      @Header(Exchange.HTTP_RESPONSE_CODE) int httpStatus,
      @Header(ApiHeaders.RETRY_AFTER) String retryAfter,
      @Variable("fetch") Fetch fetch) {
    Answer answer = new Answer(httpStatus, withoutToken(body, fetch.token()), retryAfter);
    fetch.answered(answer);
    return data(answer, fetch.token());
  }

  /**
   * The data of the answer to a search.
   *
   * @throws ApiFailure there is none
   */
  public JsonNode found(
      @Body byte[] body,
      @Header(Exchange.HTTP_RESPONSE_CODE) int httpStatus,
      @Header(ApiHeaders.RETRY_AFTER) String retryAfter,
      @Variable("search") SearchCall search) {
    return data(
        new Answer(httpStatus, withoutToken(body, search.token()), retryAfter), search.token());
  }

  private JsonNode data(Answer answer, AccessTokens.Token token) {
    try {
      return answer.data();
    } catch (ApiFailure failure) {
      if (failure.kind() == FailureKind.TOKEN && tokens != null) {
        tokens.refused(token);
      }
      throw failure;
    }
  }

  /** A gateway may quote what it refuses, and its words go into logs and dead letters. */
  private static byte[] withoutToken(byte[] body, AccessTokens.Token token) {
    if (token == null || body == null || body.length > LONGEST_QUOTING_BODY) {
      return body;
    }
    String text = new String(body, StandardCharsets.ISO_8859_1);
    return text.contains(token.text())
        ? text.replace(token.text(), "[token]").getBytes(StandardCharsets.ISO_8859_1)
        : body;
  }
}
