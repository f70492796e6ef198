package io.flowinstance.app;

import io.flowinstance.config.Settings;
import io.flowinstance.discover.Discovery;
import io.flowinstance.enos.InstanceSearch;
import io.flowinstance.fetch.EnosClient;
import io.flowinstance.kafka.Faults;
import io.flowinstance.kafka.WatermarkTopic;
import io.flowinstance.metrics.DiscoverMetrics;
import io.flowinstance.metrics.PipelineMetrics;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.camel.CamelConfiguration;
import org.apache.camel.CamelContext;
import org.apache.camel.component.kafka.KafkaClientFactory;
import org.apache.camel.spi.OnCamelContextStopping;
import org.apache.camel.spi.Registry;
import org.apache.camel.support.LifecycleStrategySupport;

/** The beans of the route {@code discover}, which exist only if it is enabled. */
public record DiscoverBeans(Settings settings, KafkaClientFactory clients, PipelineMetrics metrics)
    implements CamelConfiguration {
  @Override
  public void configure(CamelContext context) {
    Registry registry = context.getRegistry();
    Clock clock = Clock.systemUTC();
    Faults faults = new Faults();
    Faults incompleteRounds = new Faults();
    WatermarkTopic topic =
        new WatermarkTopic(
            new WatermarkTopic.Options(
                settings.getString("topic.discover-watermark"),
                settings.getString("topic.instance-ids"),
                settings.getString("kafka.group-id") + "-discover",
                settings.transactionalIdPrefix() + "-discover-" + UUID.randomUUID(),
                settings.getInt("kafka.transaction-timeout-ms"),
                settings.getInt("kafka.session-timeout-ms")),
            clients,
            faults,
            System::nanoTime);
    Duration interval = Duration.ofMillis(settings.getLong("discover.interval-ms"));
    DiscoverSteps steps =
        new DiscoverSteps(
            topic,
            new Discovery(options(clock)),
            registry.lookupByNameAndType("enos-client", EnosClient.class),
            new DiscoverMetrics(
                metrics, () -> topic.age(clock.instant()), () -> faults.all().isEmpty(), interval),
            faults,
            incompleteRounds,
            interval,
            clock);
    OnCamelContextStopping stop = stopping -> steps.stop();
    context.addLifecycleStrategy(LifecycleStrategySupport.adapt(stop));
    registry.bind("discover", steps);
    registry.bind("discover-watermark", topic, null, "close");
    registry.bind(
        "discover-health",
        new DescribedHealthCheck(
            "discover",
            false,
            () ->
                Stream.of(faults, incompleteRounds)
                    .flatMap(each -> each.all().stream())
                    .collect(Collectors.joining(" "))));
    topic.start();
  }

  private Discovery.Options options(Clock clock) {
    String from = settings.getString("discover.from");
    return new Discovery.Options(
        MessageSettings.identity(settings),
        names("discover.types").map(InstanceSearch.Type::valueOf).toList(),
        settings.getString("discover.owners").isEmpty()
            ? List.of("")
            : names("discover.owners").toList(),
        from.isEmpty() ? clock.instant().truncatedTo(ChronoUnit.MILLIS) : Instant.parse(from),
        Duration.ofMillis(settings.getLong("discover.margin-ms")),
        Duration.ofMillis(settings.getLong("discover.horizon-ms")));
  }

  private Stream<String> names(String setting) {
    return Stream.of(settings.getString(setting).split(",")).map(String::strip).distinct();
  }
}
