package io.flowinstance.fetch;

import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.enos.Answer;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
import io.flowinstance.enos.InstanceSearch;
import io.flowinstance.json.Json;
import io.github.resilience4j.ratelimiter.RateLimiter;
import java.math.BigInteger;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.camel.Exchange;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.RuntimeCamelException;

/** Calls of the API that a person waits for: no outage is detected by them, and none stops them. */
public final class EnosClient {
  private final ProducerTemplate template;
  private final RateLimiter limiter;
  private final Duration searchBudget;
  private final Clock clock;

  /**
   * @param limiter bounds the calls per second, or null
   * @param searchBudget time in which a page of a search is asked for again, when a failure may
   *     pass
   */
  public EnosClient(
      ProducerTemplate template, RateLimiter limiter, Duration searchBudget, Clock clock) {
    this.template = template;
    this.limiter = limiter;
    this.searchBudget = searchBudget;
    this.clock = clock;
  }

  /**
   * One page of a search.
   *
   * @param ids the instances, in the order of the API
   * @param count how many the search finds in all, or null when the API did not say
   */
  public record Page(List<String> ids, Long count) {}

  /**
   * The data of an instance, asked for once; twice when the access token turned out to be old.
   *
   * @throws ApiFailure there is none
   */
  public JsonNode instance(FetchState fetch) {
    return withFreshToken(
        () -> {
          Exchange exchange =
              template.request("direct:call-api", request -> request.setVariable("fetch", fetch));
          return body(exchange);
        });
  }

  /**
   * A page of a search, asked for again as long as a failure may pass and the budget lasts.
   *
   * @param page by the count of the API's version
   * @throws ApiFailure there is none, or it is no page
   */
  public Page search(InstanceSearch search, int page) throws InterruptedException {
    long end = System.nanoTime() + searchBudget.toNanos();
    for (int attempt = 1; ; attempt++) {
      try {
        return page(withFreshToken(() -> found(new SearchCall(search, page))));
      } catch (ApiFailure failure) {
        Duration left = Duration.ofNanos(end - System.nanoTime());
        if (!mayPass(failure.kind()) || left.isNegative()) {
          throw failure;
        }
        TimeUnit.NANOSECONDS.sleep(
            Backoff.DEFAULT
                .delay(
                    attempt,
                    failure.retryAfter(),
                    left,
                    clock.instant(),
                    ThreadLocalRandom.current().nextDouble())
                .toNanos());
      }
    }
  }

  /**
   * The API's time, asked for once.
   *
   * @throws ApiFailure it told none
   */
  public Instant time() {
    Exchange exchange = template.request("direct:probe-clock", request -> {});
    throwFailureOf(exchange);
    Answer answer = TokenService.answer(exchange);
    Long time = count(answer.data());
    if (time == null) {
      throw answer.unreadable("The API's time is no count of milliseconds.");
    }
    return Instant.ofEpochMilli(time);
  }

  private static boolean mayPass(FailureKind kind) {
    return kind == FailureKind.TRANSIENT || kind == FailureKind.RATE_LIMITED;
  }

  private JsonNode found(SearchCall call) {
    return body(
        template.request(
            "direct:search-instances", request -> request.setVariable("search", call)));
  }

  private static Page page(JsonNode data) {
    JsonNode instances = data.path("flowInsts");
    if (!instances.isArray()) {
      throw new Answer(200, null, null).unreadable("The answer to the search holds no flowInsts.");
    }
    List<String> ids = new ArrayList<>();
    for (JsonNode instance : instances) {
      String id = instance.path("instanceId").asText(instance.path("instance_id").asText(""));
      if (id.isBlank()) {
        throw new Answer(200, null, null)
            .unreadable("The search found an instance without an instanceId.");
      }
      ids.add(id);
    }
    return new Page(ids, count(data.path("count")));
  }

  /** A whole number that is not negative, or null. */
  private static Long count(JsonNode value) {
    BigInteger whole = Json.whole(value);
    return whole == null || whole.signum() < 0 || whole.bitLength() >= Long.SIZE
        ? null
        : whole.longValue();
  }

  private JsonNode withFreshToken(Supplier<JsonNode> call) {
    RateLimits.await(limiter);
    try {
      return call.get();
    } catch (ApiFailure failure) {
      if (failure.kind() != FailureKind.ACCESS_TOKEN) {
        throw failure;
      }
      RateLimits.await(limiter);
      return call.get();
    }
  }

  private static JsonNode body(Exchange exchange) {
    throwFailureOf(exchange);
    return exchange.getMessage().getBody(JsonNode.class);
  }

  private static void throwFailureOf(Exchange exchange) {
    Exception failure = exchange.getException();
    if (failure != null) {
      ApiFailure known = ApiFailure.in(failure);
      throw known != null ? known : RuntimeCamelException.wrapRuntimeCamelException(failure);
    }
  }
}
