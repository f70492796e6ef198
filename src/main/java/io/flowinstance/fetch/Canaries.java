package io.flowinstance.fetch;

import io.flowinstance.enos.AccessTokens;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
import io.flowinstance.enos.InstanceQuery;
import io.github.resilience4j.ratelimiter.RateLimiter;
import org.apache.camel.ProducerTemplate;

/**
 * Asks the API whether it serves, by the routes that every call takes.
 *
 * @param limiter bounds the calls per second, or null
 * @param tokens where access tokens come from, or null when calls are not signed
 */
record Canaries(ProducerTemplate template, RateLimiter limiter, AccessTokens tokens) {
  /**
   * Asks for an instance, or for null: the API's time. A refused access token is replaced by {@code
   * get}; where that one is refused too, by {@code refresh}: the token service hands out a revoked
   * token until it expires.
   *
   * @return null when the service speaks about it, else how the call failed
   */
  ApiFailure ask(InstanceQuery canary) {
    for (int attempt = 1; ; attempt++) {
      FetchState fetch = canary == null ? EnosClient.clock() : new FetchState(canary);
      ApiFailure failure = call(canary == null ? EnosClient.CLOCK : "direct:call-api", fetch);
      if (failure == null
          || failure.kind() != FailureKind.ACCESS_TOKEN
          || fetch.token() == null
          || attempt == 2 && !tokens.renewByRefresh(fetch.token())
          || attempt == 3) {
        return failure;
      }
    }
  }

  private ApiFailure call(String route, FetchState fetch) {
    try {
      EnosClient.call(template, limiter, route, fetch);
      return null;
    } catch (ApiFailure failure) {
      return failure.isAboutTheInstance() ? null : failure;
    }
  }
}
