package io.flowinstance.app;

import io.flowinstance.config.Settings;
import io.flowinstance.enos.AccessTokens;
import io.flowinstance.fetch.ApiHeaders;
import io.flowinstance.fetch.EnosClient;
import io.flowinstance.fetch.EnosHttpClient;
import io.flowinstance.fetch.EnosRequests;
import io.flowinstance.fetch.InstanceFetcher;
import io.flowinstance.fetch.OutageDetector;
import io.flowinstance.fetch.RateLimits;
import io.flowinstance.fetch.TokenService;
import io.flowinstance.fetch.TrustStore;
import io.flowinstance.json.JsonBody;
import io.flowinstance.metrics.PipelineMetrics;
import io.flowinstance.trace.Tracing;
import io.github.resilience4j.ratelimiter.RateLimiter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.net.URI;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.camel.CamelConfiguration;
import org.apache.camel.CamelContext;
import org.apache.camel.spi.OnCamelContextStopping;
import org.apache.camel.spi.Registry;
import org.apache.camel.support.LifecycleStrategySupport;
import org.apache.hc.core5.http.HttpHost;
import org.slf4j.LoggerFactory;

/** The beans of the routes that call EnOS: they know nothing of Kafka. */
public record FetchBeans(Settings settings, PipelineMetrics metrics, Tracing traces)
    implements CamelConfiguration {
  /** The routes that they are for. */
  public static final String ROUTES =
      Stream.of("call-api", "fetch-token", "probe-clock", "search-instances")
          .map("classpath:routes/%s.camel.yaml"::formatted)
          .collect(Collectors.joining(","));

  /** The most heap for an answer, and for the ids that a search finds. */
  private static final long HEAP_OF_AN_ANSWER =
      Runtime.getRuntime().maxMemory() / EnosHttpClient.HEAP_PART_OF_AN_ANSWER;

  private static final Clock CLOCK = Clock.systemUTC();

  /** For a process that counts nothing and takes no traces. */
  public FetchBeans(Settings settings) {
    this(settings, Beans.metrics(new SimpleMeterRegistry()), Tracing.off());
  }

  @Override
  public void configure(CamelContext context) {
    Registry registry = context.getRegistry();
    AccessTokens tokens =
        settings.getString("enos.auth").equals("signed")
            ? new AccessTokens(
                settings.current("enos.app-key"),
                settings.current("enos.app-secret"),
                new TokenService(context.createProducerTemplate()),
                CLOCK,
                System::nanoTime)
            : null;

    if (tokens != null) {
      registry.bind("access-tokens", tokens);
      registry.bind(
          "enos-token",
          new DescribedHealthCheck(
              "enos-token",
              false,
              () -> {
                String failure = tokens.failure();
                return failure.isEmpty()
                    ? ""
                    : failure
                        + " Ids wait until it gives one. If it refuses us, check enos.app-key"
                        + " and enos.app-secret; otherwise ask whoever runs EnOS.";
              }));
    }
    registry.bind("api-headers", new ApiHeaders());
    registry.bind("enos-json", JsonBody.mapper());
    registry.bind("enos-requests", new EnosRequests(tokens, CLOCK));
    AtomicInteger inFlight = new AtomicInteger();
    EnosHttpClient client = httpClient(inFlight);
    registry.bind("enos-connections", client, null, "close");
    registry.bind("enos-http-client", client.http());
    bindFetcher(context, tokens, client);
    metrics.gauge("flow.instance.api.calls.in.flight", "Calls in flight.", inFlight::get);
  }

  private void bindFetcher(CamelContext context, AccessTokens tokens, EnosHttpClient client) {
    Registry registry = context.getRegistry();
    RateLimiter limiter = RateLimits.of(settings.getInt("fetch.rate-limit-per-second"));
    EnosClient calls =
        new EnosClient(
            context.createProducerTemplate(),
            limiter,
            tokens,
            Duration.ofMillis(settings.getInt("fetch.retry-budget-ms")),
            settings.getString("enos.api-version").equals("v2.0") ? 0 : 1,
            HEAP_OF_AN_ANSWER,
            CLOCK);
    registry.bind("enos-client", calls);
    InstanceFetcher fetcher =
        new InstanceFetcher(
            context,
            new InstanceFetcher.Options(
                settings.getInt("fetch.concurrency"),
                Duration.ofMillis(settings.getInt("fetch.retry-budget-ms")),
                MessageSettings.identity(settings),
                limiter),
            calls,
            client::closeConnections,
            metrics,
            CLOCK);
    OutageDetector detector = fetcher.outageDetector();
    OnCamelContextStopping stop = stopping -> fetcher.cancelWaiting();
    context.addLifecycleStrategy(LifecycleStrategySupport.adapt(stop));
    registry.bind("instance-fetcher", fetcher);
    registry.bind("outage-detector", detector);
    registry.bind("enos-api", new DescribedHealthCheck("enos-api", false, detector::complaint));
    metrics.gauge(
        "flow.instance.api.up",
        "1 while the API serves instances, 0 while it is down or refuses us.",
        () -> detector.isUp() ? 1 : 0);
    metrics.gauge(
        "flow.instance.api.refused",
        "1 while the API refuses this application.",
        () -> detector.isRefusing() ? 1 : 0);
    metrics.gauge(
        "flow.instance.api.concurrency",
        "Most calls in flight; fewer than fetch.concurrency while the gateway limits the rate.",
        fetcher::concurrency);
  }

  private EnosHttpClient httpClient(AtomicInteger inFlight) {
    return new EnosHttpClient(
        new EnosHttpClient.Options(
            settings.getInt("fetch.concurrency"),
            Duration.ofMillis(settings.getInt("fetch.timeout-ms")),
            maxResponseBytes(),
            inFlight,
            traces,
            "flow-instance-routes/" + Application.version(),
            trustStore(),
            proxy()));
  }

  private EnosHttpClient.Proxy proxy() {
    String address = settings.getString("enos.proxy");
    return address.isEmpty()
        ? null
        : new EnosHttpClient.Proxy(
            HttpHost.create(URI.create(address)),
            settings.getString("enos.proxy-user"),
            settings.getString("enos.proxy-password"));
  }

  /** Null for the JDK's. */
  private TrustStore trustStore() {
    return settings.getString("enos.trust-store").isEmpty()
        ? null
        : new TrustStore(
            Path.of(settings.getString("enos.trust-store")),
            settings.getString("enos.trust-store-type"),
            settings.getString("enos.trust-store-password").toCharArray());
  }

  /** An answer takes many times its size until it is published, and more than one is at work. */
  private long maxResponseBytes() {
    long asked = settings.getInt("fetch.max-response-bytes");
    if (asked > HEAP_OF_AN_ANSWER) {
      // No field: a command has to choose how it logs before the first logger is made.
      LoggerFactory.getLogger(FetchBeans.class)
          .warn(
              "Answers above {} bytes become dead letters. fetch.max-response-bytes is {}, which needs a"
                  + " heap of {} MiB.",
              HEAP_OF_AN_ANSWER,
              asked,
              (asked * EnosHttpClient.HEAP_PART_OF_AN_ANSWER) >> 20);
    }
    return Math.min(asked, HEAP_OF_AN_ANSWER);
  }
}
