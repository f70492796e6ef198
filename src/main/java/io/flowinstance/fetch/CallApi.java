package io.flowinstance.fetch;

import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.enos.AccessTokens;
import io.flowinstance.enos.Answer;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.enos.Signature;
import java.time.Clock;
import java.util.Map;
import java.util.SortedMap;
import org.apache.camel.Body;
import org.apache.camel.Exchange;
import org.apache.camel.Header;
import org.apache.camel.Headers;
import org.apache.camel.Variables;

/**
 * The two sides of the HTTP call in the route {@code fetch-instance}: what it asks, what it got.
 */
public final class CallApi {
  private static final String TOKEN = "accessToken";

  private final AccessTokens tokens;
  private final String appSecret;
  private final Clock clock;

  /**
   * @param tokens where access tokens come from, or null when calls are not signed
   */
  public CallApi(AccessTokens tokens, String appSecret, Clock clock) {
    this.tokens = tokens;
    this.appSecret = appSecret;
    this.clock = clock;
  }

  /** Sets the query string and, when calls are signed, the token and the signature. */
  public void request(
      @Body InstanceQuery query,
      @Headers Map<String, Object> headers,
      @Variables Map<String, Object> variables) {
    SortedMap<String, String> parameters = query.parameters();
    variables.merge("attempts", 1, (made, one) -> (Integer) made + 1);
    headers.put(Exchange.HTTP_RAW_QUERY, InstanceQuery.queryString(parameters));
    if (tokens == null) {
      return;
    }
    AccessTokens.Token token = tokens.current();
    long timestamp = clock.millis();
    headers.put("apim-accesstoken", token.text());
    headers.put("apim-timestamp", Long.toString(timestamp));
    headers.put(
        "apim-signature", Signature.ofCall(token.text(), parameters, "", timestamp, appSecret));
    variables.put(TOKEN, token);
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
      @Variables Map<String, Object> variables) {
    Answer answer = new Answer(httpStatus, body, retryAfter);
    variables.put("answer", answer);
    try {
      return answer.data();
    } catch (ApiFailure failure) {
      if (failure.kind() == FailureKind.TOKEN && tokens != null) {
        tokens.refused((AccessTokens.Token) variables.get(TOKEN));
      }
      throw failure;
    }
  }
}
