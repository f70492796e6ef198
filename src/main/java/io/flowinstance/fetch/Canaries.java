package io.flowinstance.fetch;

import io.flowinstance.enos.AccessTokens;
import io.flowinstance.enos.ApiFailure;
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
   * Asks for an instance, or for null: the API's time.
   *
   * @return null when the service speaks about it, else how the call failed
   */
  ApiFailure ask(InstanceQuery canary) {
    String route = canary == null ? EnosClient.CLOCK : "direct:call-api";
    FetchState fetch = canary == null ? FetchState.clock() : new FetchState(canary);
    try {
      EnosClient.data(template, limiter, tokens, route, fetch);
      return null;
    } catch (ApiFailure failure) {
      return failure.isAboutTheInstance() ? null : failure;
    }
  }
}
