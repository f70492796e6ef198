package io.flowinstance.fetch;

import io.flowinstance.enos.AccessTokens;
import io.flowinstance.enos.Answer;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
import io.flowinstance.enos.InstanceQuery;
import io.github.resilience4j.ratelimiter.RateLimiter;
import org.apache.camel.Exchange;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.RuntimeCamelException;

/** Asks the API whether it serves, by the routes that every call takes. */
final class Canaries implements OutageDetector.Probes {
  private final ProducerTemplate template;
  private final RateLimiter limiter;
  private final AccessTokens tokens;

  /**
   * @param limiter bounds the calls per second, or null
   * @param tokens where access tokens come from, or null when calls are not signed
   */
  Canaries(ProducerTemplate template, RateLimiter limiter, AccessTokens tokens) {
    this.template = template;
    this.limiter = limiter;
    this.tokens = tokens;
  }

  /**
   * {@inheritDoc} A refused access token is replaced by {@code get}; where that one is refused too,
   * by {@code refresh}: the token service hands out a revoked token until it expires.
   */
  @Override
  public ApiFailure instance(InstanceQuery query) {
    ApiFailure failure = null;
    for (int attempt = 1; attempt <= 3; attempt++) {
      FetchState state = new FetchState(query);
      failure = ask(state);
      if (failure == null || failure.isAboutTheInstance()) {
        return null;
      }
      if (tokens == null
          || failure.isOfTokenService()
          || failure.kind() != FailureKind.ACCESS_TOKEN) {
        return failure;
      }
      if (attempt == 2 && !tokens.renewByRefresh(state.token())) {
        return failure;
      }
    }
    return failure;
  }

  private ApiFailure ask(FetchState state) {
    RateLimits.await(limiter);
    return failure(
        template.request("direct:call-api", request -> request.setVariable("fetch", state)));
  }

  @Override
  public ApiFailure clock() {
    RateLimits.await(limiter);
    Exchange exchange = template.request("direct:probe-clock", request -> {});
    if (exchange.getException() != null) {
      return failure(exchange);
    }
    Answer answer = TokenService.answer(exchange);
    try {
      answer.data();
      return null;
    } catch (ApiFailure failure) {
      return failure.isAboutTheInstance() ? null : failure;
    }
  }

  private static ApiFailure failure(Exchange exchange) {
    if (exchange.getException() == null) {
      return null;
    }
    ApiFailure failure = ApiFailure.in(exchange.getException());
    if (failure == null) {
      throw RuntimeCamelException.wrapRuntimeCamelException(exchange.getException());
    }
    return failure;
  }
}
