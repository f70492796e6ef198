package io.flowinstance;

import io.flowinstance.delivery.BatchOutcomes;
import io.flowinstance.delivery.DeadLetters;
import io.flowinstance.delivery.EventMessages;
import io.flowinstance.delivery.NoHeaders;
import io.flowinstance.delivery.PolledBatch;
import io.flowinstance.delivery.Publisher;
import io.flowinstance.delivery.RecordOrigin;
import io.flowinstance.enos.AccessTokens;
import io.flowinstance.event.EventZones;
import io.flowinstance.fetch.ApiAvailability;
import io.flowinstance.fetch.ApiHeaders;
import io.flowinstance.fetch.ApiHealthCheck;
import io.flowinstance.fetch.CallApi;
import io.flowinstance.fetch.EnosHttpClient;
import io.flowinstance.fetch.Pace;
import io.flowinstance.fetch.Probes;
import io.flowinstance.fetch.Retries;
import io.flowinstance.fetch.TokenService;
import io.flowinstance.metrics.PipelineMetrics;
import io.flowinstance.route.MakeOutcome;
import io.flowinstance.route.ReadIds;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneId;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.DoubleSupplier;
import java.util.function.IntFunction;
import org.apache.camel.CamelConfiguration;
import org.apache.camel.CamelContext;
import org.apache.camel.component.kafka.KafkaClientFactory;
import org.apache.camel.spi.Registry;
import org.apache.camel.support.LifecycleStrategySupport;
import org.apache.hc.client5.http.ssl.DefaultClientTlsStrategy;
import org.apache.hc.client5.http.ssl.TlsSocketStrategy;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.ssl.SSLContextBuilder;
import org.apache.kafka.clients.producer.Producer;

/** The beans that the routes refer to, made from the settings. */
final class Beans implements CamelConfiguration {
  private final Settings settings;
  private final KafkaClientFactory consumers;
  private final IntFunction<Producer<byte[], byte[]>> producers;
  private final DoubleSupplier lag;
  private final MeterRegistry meters = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final Clock clock = Clock.systemUTC();

  /**
   * @param consumers makes the consumers of the route {@code pipeline}
   * @param producers makes the transactional producer of a lane
   * @param lag id records that are not yet polled
   */
  Beans(
      Settings settings,
      KafkaClientFactory consumers,
      IntFunction<Producer<byte[], byte[]>> producers,
      DoubleSupplier lag) {
    this.lag = lag;
    new JvmMemoryMetrics().bindTo(meters);
    new JvmThreadMetrics().bindTo(meters);
    new ProcessorMetrics().bindTo(meters);
    new UptimeMetrics().bindTo(meters);
    this.settings = settings;
    this.consumers = consumers;
    this.producers = producers;
  }

  @Override
  public void configure(CamelContext context) {
    PipelineMetrics metrics = new PipelineMetrics(meters);
    bindDelivery(context, metrics);
    bindFetch(context, metrics);
    metrics.gauge(
        "flow.instance.consumer.lag.records",
        "Id records that are not yet polled, over the partitions of this process.",
        lag);
  }

  /** Where all meters are, those of the JVM included. */
  MeterRegistry meters() {
    return meters;
  }

  private void bindDelivery(CamelContext context, PipelineMetrics metrics) {
    Registry registry = context.getRegistry();
    DeadLetters deadLetters = new DeadLetters(settings.text("topic.dead-letters"), clock);
    EventMessages messages =
        new EventMessages(
            settings.text("topic.flow-instances"), settings.text("topic.task-statuses"));
    EventZones zones =
        new EventZones(
            ZoneId.of(settings.text("enos.time-zone")),
            ZoneId.of(settings.text("enos.trigger-time-zone")));
    PolledBatch polledBatch = new PolledBatch(metrics);
    Publisher publisher =
        new Publisher(
            polledBatch,
            producers,
            deadLetters,
            settings.whole("pipeline.lanes"),
            settings.whole("kafka.max-request-size"),
            metrics,
            clock);

    registry.bind("kafka-clients", KafkaClientFactory.class, consumers);
    registry.bind("record-origin", new RecordOrigin.Factory());
    registry.bind("no-headers", new NoHeaders());
    registry.bind(
        "read-ids", new ReadIds(settings.text("enos.user-id"), settings.text("enos.org-id")));
    registry.bind("polled-batch", polledBatch);
    registry.bind("batch-outcomes", new BatchOutcomes());
    registry.bind("make-outcome", new MakeOutcome(zones, messages, deadLetters, clock));
    registry.bind("publisher", publisher, "start", "close");
  }

  private void bindFetch(CamelContext context, PipelineMetrics metrics) {
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

    registry.bind(
        "fetch-threads",
        context.getExecutorServiceManager().newFixedThreadPool(this, "fetch", concurrency));
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
    context.addLifecycleStrategy(
        new LifecycleStrategySupport() {
          @Override
          public void onContextStopping(CamelContext stopping) {
            api.stop();
          }
        });
    registry.bind("enos-api", new ApiHealthCheck(api));
    registry.bind("api-breaker", CircuitBreaker.class, api.breaker());
    registry.bind(
        "retries",
        new Retries(
            api,
            Duration.ofMillis(settings.whole("fetch.retry-budget-ms")),
            Duration.ofMillis(settings.maxHoldMs()),
            metrics,
            clock));
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
