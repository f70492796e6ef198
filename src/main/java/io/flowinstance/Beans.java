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
import io.flowinstance.route.MakeOutcome;
import io.flowinstance.route.ReadIds;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
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
  private final Clock clock = Clock.systemUTC();

  /**
   * @param consumers makes the consumers of the route {@code pipeline}
   * @param producers makes the transactional producer of a lane
   */
  Beans(
      Settings settings,
      KafkaClientFactory consumers,
      IntFunction<Producer<byte[], byte[]>> producers) {
    this.settings = settings;
    this.consumers = consumers;
    this.producers = producers;
  }

  @Override
  public void configure(CamelContext context) {
    bindDelivery(context);
    bindFetch(context);
  }

  private void bindDelivery(CamelContext context) {
    Registry registry = context.getRegistry();
    DeadLetters deadLetters = new DeadLetters(settings.text("topic.dead-letters"), clock);
    EventMessages messages =
        new EventMessages(
            settings.text("topic.flow-instances"), settings.text("topic.task-statuses"));
    EventZones zones =
        new EventZones(
            ZoneId.of(settings.text("enos.time-zone")),
            ZoneId.of(settings.text("enos.trigger-time-zone")));
    PolledBatch polledBatch = new PolledBatch();
    Publisher publisher =
        new Publisher(
            polledBatch,
            producers,
            deadLetters,
            settings.whole("pipeline.lanes"),
            settings.whole("kafka.max-request-size"));

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

  private void bindFetch(CamelContext context) {
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
            clock));
    registry.bind(
        "enos-http-client",
        EnosHttpClient.create(
            new EnosHttpClient.Options(
                concurrency,
                Duration.ofMillis(settings.whole("fetch.timeout-ms")),
                settings.whole("fetch.max-response-bytes"),
                Pace.ofDepartures(settings.whole("fetch.rate-limit-per-second")),
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
