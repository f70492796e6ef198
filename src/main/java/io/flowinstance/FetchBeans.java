package io.flowinstance;

import io.flowinstance.enos.AccessTokens;
import io.flowinstance.fetch.ApiAvailability;
import io.flowinstance.fetch.ApiHeaders;
import io.flowinstance.fetch.CallApi;
import io.flowinstance.fetch.EnosHttpClient;
import io.flowinstance.fetch.InstanceFetcher;
import io.flowinstance.fetch.Pace;
import io.flowinstance.fetch.Probes;
import io.flowinstance.fetch.Retries;
import io.flowinstance.fetch.TokenService;
import io.flowinstance.metrics.PipelineMetrics;
import io.flowinstance.trace.Traces;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.camel.CamelConfiguration;
import org.apache.camel.CamelContext;
import org.apache.camel.spi.OnCamelContextStopping;
import org.apache.camel.spi.Registry;
import org.apache.camel.spi.ThreadPoolProfile;
import org.apache.camel.support.LifecycleStrategySupport;
import org.apache.hc.client5.http.ssl.DefaultClientTlsStrategy;
import org.apache.hc.client5.http.ssl.TlsSocketStrategy;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.ssl.SSLContextBuilder;

/** The beans of the routes that call EnOS: they know nothing of Kafka. */
public final class FetchBeans implements CamelConfiguration {
  private final Settings settings;
  private final PipelineMetrics metrics;
  private final Traces traces;
  private final Clock clock = Clock.systemUTC();

  FetchBeans(Settings settings, PipelineMetrics metrics, Traces traces) {
    this.settings = settings;
    this.metrics = metrics;
    this.traces = traces;
  }

  /** For a process that counts nothing and takes no traces. */
  public FetchBeans(Settings settings) {
    this(settings, Beans.metrics(new SimpleMeterRegistry()), Traces.off());
  }

  @Override
  public void configure(CamelContext context) {
    Registry registry = context.getRegistry();
    int concurrency = settings.whole("fetch.concurrency");
    AccessTokens tokens =
        settings.text("enos.auth").equals("signed")
            ? new AccessTokens(
                settings.text("enos.app-key"),
                settings.text("enos.app-secret"),
                new TokenService(context.createProducerTemplate()),
                clock)
            : null;

    if (tokens != null) {
      registry.bind("access-tokens", tokens);
      registry.bind(
          "enos-token",
          HealthInWords.ofReadiness(
              "enos-token",
              () ->
                  tokens.failure().isEmpty()
                      ? ""
                      : tokens.failure()
                          + " Ids are held until it gives one. If it refuses us, see enos.app-key"
                          + " and enos.app-secret; else ask whoever runs EnOS."));
    }
    // Consumers bound what waits here: a poll thread never has to make a call itself.
    ThreadPoolProfile threads = new ThreadPoolProfile("fetch");
    threads.setPoolSize(concurrency);
    threads.setMaxPoolSize(concurrency);
    threads.setMaxQueueSize(Integer.MAX_VALUE);
    ExecutorService fetches =
        context.getExecutorServiceManager().newThreadPool(this, "fetch", threads);
    registry.bind("fetch-threads", fetches);
    registry.bind(
        "instance-fetcher", new InstanceFetcher(fetches, context.createProducerTemplate()));
    registry.bind("api-headers", new ApiHeaders());
    registry.bind(
        "call-api",
        new CallApi(
            tokens,
            settings.text("enos.app-secret"),
            Pace.ofEntries(settings.whole("fetch.rate-limit-per-second")),
            clock));
    Probes probes = new Probes(context.createProducerTemplate());
    ApiAvailability api = new ApiAvailability(probes::answersAbout, probes::tellsTheTime);
    OnCamelContextStopping stop = stopping -> api.stop();
    context.addLifecycleStrategy(LifecycleStrategySupport.adapt(stop));
    registry.bind(
        "enos-api",
        HealthInWords.ofReadiness(
            "enos-api",
            () ->
                api.isUp()
                    ? ""
                    : "The EnOS API is down or refuses us; ids are held. " + api.reason()));
    registry.bind("api-breaker", CircuitBreaker.class, api.breaker());
    registry.bind(
        "retries",
        new Retries(
            api, Duration.ofMillis(settings.whole("fetch.retry-budget-ms")), metrics, clock));
    AtomicInteger inFlight = new AtomicInteger();
    metrics.gauge("flow.instance.api.calls.in.flight", "Calls under way.", inFlight::get);
    metrics.gauge(
        "flow.instance.api.up",
        "1 while the API answers, 0 while it is down or refuses us.",
        () -> api.isUp() ? 1 : 0);
    metrics.gauge(
        "flow.instance.api.refused",
        "1 while the API refuses this application.",
        () -> api.isRefusing() ? 1 : 0);
    metrics.gauge(
        "flow.instance.api.breaker.state",
        "0 closed, 1 half open, 2 open.",
        () -> api.isUp() ? 0 : api.breaker().getState() == CircuitBreaker.State.OPEN ? 2 : 1);
    registry.bind(
        "enos-http-client",
        EnosHttpClient.create(
            new EnosHttpClient.Options(
                concurrency,
                Duration.ofMillis(settings.whole("fetch.timeout-ms")),
                settings.whole("fetch.max-response-bytes"),
                Pace.ofDepartures(settings.whole("fetch.rate-limit-per-second")),
                inFlight,
                traces,
                "flow-instance-routes/" + Application.version(),
                tls(),
                settings.text("enos.proxy").isEmpty()
                    ? null
                    : HttpHost.create(URI.create(settings.text("enos.proxy"))))),
        null,
        "close");
  }

  private TlsSocketStrategy tls() {
    String trustStore = settings.text("enos.trust-store");
    if (trustStore.isEmpty()) {
      return null;
    }
    char[] password = settings.text("enos.trust-store-password").toCharArray();
    try (InputStream in = Files.newInputStream(Path.of(trustStore))) {
      KeyStore store = KeyStore.getInstance(settings.text("enos.trust-store-type"));
      store.load(in, password);
      return new DefaultClientTlsStrategy(
          SSLContextBuilder.create().loadTrustMaterial(store, null).build());
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalStateException(
          "The trust store %s of enos.trust-store cannot be used: %s"
              .formatted(trustStore, e.getMessage()),
          e);
    }
  }
}
