package io.flowinstance.fetch;

import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.enos.AccessTokens;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.enos.InstanceSearch;
import io.flowinstance.json.Json;
import io.github.resilience4j.ratelimiter.RateLimiter;
import java.math.BigInteger;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.RuntimeCamelException;

/** Calls of the API for no id record: no outage stops them, and none but a probe detects one. */
public final class EnosClient {
  private static final String CLOCK = "direct:probe-clock";
  private static final String INSTANCE = "direct:call-api";

  /** What an id takes beside its characters. */
  private static final int BYTES_OF_AN_ID = 100;

  private final ProducerTemplate template;
  private final RateLimiter limiter;
  private final AccessTokens tokens;
  private final Duration searchBudget;
  private final int firstPage;
  private final long maxFoundBytes;
  private final Clock clock;

  /**
   * @param limiter bounds the calls per second, or null
   * @param tokens where access tokens come from, or null when calls are not signed
   * @param searchBudget time in which a page of a search is asked for again, when a failure may
   *     pass
   * @param firstPage the number that the API's version gives it
   * @param maxFoundBytes most heap for the ids that a search finds
   */
  public EnosClient(
      ProducerTemplate template,
      RateLimiter limiter,
      AccessTokens tokens,
      Duration searchBudget,
      int firstPage,
      long maxFoundBytes,
      Clock clock) {
    this.template = template;
    this.limiter = limiter;
    this.tokens = tokens;
    this.searchBudget = searchBudget;
    this.firstPage = firstPage;
    this.maxFoundBytes = maxFoundBytes;
    this.clock = clock;
  }

  /**
   * A page of a search.
   *
   * @param leftOut instances whose ids no record may have
   * @param fault what is wrong with the last one of these; empty when there is none
   * @param count how many the search finds in all, or null when the API did not say
   */
  private record Page(List<String> ids, int leftOut, String fault, Long count) {}

  /**
   * The data of an instance, asked for once, but for access tokens that are refused.
   *
   * @throws ApiFailure there is none
   */
  public JsonNode instance(FetchState fetch) {
    return data(INSTANCE, fetch);
  }

  /**
   * Whether the API serves: asks for an instance, or for null: the API's time.
   *
   * @return null when the service speaks about it, else how the call failed
   */
  ApiFailure probe(InstanceQuery canary) {
    try {
      if (canary == null) {
        data(CLOCK, FetchState.clock());
      } else {
        data(INSTANCE, new FetchState(canary));
      }
      return null;
    } catch (ApiFailure failure) {
      return failure.isAboutTheInstance() ? null : failure;
    }
  }

  /**
   * The instances of all pages, each once: one that came in meanwhile moves others to the next
   * page. One whose id no record may have is left out, and the search fails only if there is no
   * other.
   *
   * @param progress is told after each page how many are found, and of how many
   * @throws ApiFailure a page did not come, or there are more ids than its heap holds
   */
  public InstanceSearch.Found find(InstanceSearch search, BiConsumer<Integer, Long> progress)
      throws InterruptedException {
    Set<String> found = new LinkedHashSet<>();
    Page before = null;
    String fault = "";
    long leftOut = 0;
    long count = 0;
    long bytes = 0;
    for (int number = firstPage; ; number++) {
      FetchState fetch = new FetchState(search.parameters(), search.body(number));
      Page page = page(fetch);
      fault = page.leftOut() > 0 ? page.fault() : fault;
      leftOut += page.leftOut();
      boolean more = page.leftOut() > 0 && page.count() != null && !page.equals(before);
      before = page;
      for (String id : page.ids()) {
        if (found.add(id)) {
          more = true;
          bytes += BYTES_OF_AN_ID + id.length();
        }
      }
      if (bytes > maxFoundBytes) {
        throw fetch
            .answer()
            .unreadable(
                "The search finds more than %d instances, which need more heap."
                    .formatted(found.size()));
      }
      count = page.count() == null ? count : Math.max(count, page.count());
      progress.accept(found.size(), page.count());
      if (!more || page.count() != null && found.size() + leftOut >= count) {
        if (found.isEmpty() && leftOut > 0) {
          throw fetch.answer().unreadable(fault);
        }
        return new InstanceSearch.Found(found, count, fault);
      }
    }
  }

  /** A page, asked for again as long as a failure may pass and the budget lasts. */
  private Page page(FetchState fetch) throws InterruptedException {
    long end = System.nanoTime() + searchBudget.toNanos();
    for (int attempt = 1; ; attempt++) {
      try {
        return page(data("direct:search-instances", fetch), fetch);
      } catch (ApiFailure failure) {
        Duration left = Duration.ofNanos(end - System.nanoTime());
        if (!failure.kind().mayPass() || left.isNegative()) {
          throw failure;
        }
        TimeUnit.NANOSECONDS.sleep(Backoff.delay(attempt, failure, left, clock).toNanos());
      }
    }
  }

  /**
   * The API's time, asked for once.
   *
   * @throws ApiFailure it told none
   */
  public Instant time() {
    FetchState fetch = FetchState.clock();
    Long time = count(data(CLOCK, fetch));
    if (time == null) {
      throw fetch.answer().notUnderstood("The API's time is not a count of milliseconds.");
    }
    return Instant.ofEpochMilli(time);
  }

  private static Page page(JsonNode data, FetchState fetch) {
    JsonNode instances = data.path("flowInsts");
    if (!instances.isArray()) {
      throw fetch.answer().notUnderstood("The answer to the search has no flowInsts.");
    }
    List<String> ids = new ArrayList<>();
    int leftOut = 0;
    String lastFault = "";
    for (JsonNode instance : instances) {
      String id =
          Json.trim(instance.path("instanceId").asText(instance.path("instance_id").asText("")));
      String fault = InstanceQuery.fault(id);
      if (fault.isEmpty()) {
        ids.add(id);
      } else {
        leftOut++;
        lastFault = "The search found an instance whose instanceId %s.".formatted(fault);
      }
    }
    return new Page(ids, leftOut, lastFault, count(data.path("count")));
  }

  /** A whole number that is not negative, or null. */
  private static Long count(JsonNode value) {
    BigInteger whole = Json.whole(value);
    return whole == null || whole.signum() < 0 || whole.bitLength() >= Long.SIZE
        ? null
        : whole.longValue();
  }

  /** As {@link EnosRequests#data}, each call as soon as the rate allows it. */
  private JsonNode data(String route, FetchState fetch) {
    return EnosRequests.data(
        tokens,
        fetch,
        () -> call(route, fetch),
        route.equals(CLOCK) ? null : () -> call(CLOCK, FetchState.clock()));
  }

  private JsonNode call(String route, FetchState fetch) {
    RateLimits.await(limiter);
    return answered(template.request(route, request -> request.setVariable("fetch", fetch)))
        .getBody(JsonNode.class);
  }

  /**
   * What a route brought.
   *
   * @throws ApiFailure the route ended with it
   */
  static Message answered(Exchange exchange) {
    Exception failure = exchange.getException();
    if (failure != null) {
      ApiFailure known = ApiFailure.in(failure);
      throw known != null ? known : RuntimeCamelException.wrapRuntimeCamelException(failure);
    }
    return exchange.getMessage();
  }
}
