package io.flowinstance;

import io.flowinstance.delivery.DeadLetterReason;
import io.flowinstance.delivery.DeadLetters;
import io.flowinstance.delivery.EventMessages;
import io.flowinstance.delivery.InstanceMessages;
import io.flowinstance.fetch.InstanceFetcher;
import io.flowinstance.kafka.Brokers;
import io.flowinstance.kafka.FlowKafkaComponent;
import io.flowinstance.kafka.HeapPermits;
import io.flowinstance.kafka.InFlightLimits;
import io.flowinstance.kafka.KafkaHealth;
import io.flowinstance.kafka.PublishTarget;
import io.flowinstance.metrics.PipelineMetrics;
import io.flowinstance.route.MakeOutcome;
import io.flowinstance.route.ReadIds;
import io.flowinstance.trace.Traces;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.camel.CamelConfiguration;
import org.apache.camel.CamelContext;
import org.apache.camel.component.kafka.KafkaClientFactory;
import org.apache.camel.component.kafka.KafkaConfiguration;
import org.apache.camel.spi.Registry;
import org.apache.kafka.clients.producer.ProducerConfig;

/** The beans that the routes refer to, made from the settings. */
final class Beans implements CamelConfiguration {
  /** What is decoded and what is sent at the moment needs a multiple of it. */
  private static final int HEAP_PART_OF_OUTCOMES = 8;

  private static final int HEAP_PART_OF_RECORDS = 16;
  private static final int RECORDS_IN_FLIGHT = 4_096;
  private static final int LOOK_MS = 1_000;

  private final Settings settings;
  private final KafkaClientFactory clients;
  private final Brokers brokers;
  private final LongSupplier nanoTime;
  private final Traces traces;
  private final MeterRegistry meters = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final JvmGcMetrics garbageCollections = new JvmGcMetrics();
  private final Clock clock = Clock.systemUTC();

  /**
   * @param clients makes the consumers and producers of the route {@code pipeline}
   * @param brokers answers about offsets and topics
   * @param nanoTime by which consumers and ids are judged to be late
   * @param traces begins the spans
   */
  Beans(
      Settings settings,
      KafkaClientFactory clients,
      Brokers brokers,
      LongSupplier nanoTime,
      Traces traces) {
    this.settings = settings;
    this.clients = clients;
    this.brokers = brokers;
    this.nanoTime = nanoTime;
    this.traces = traces;
    new JvmMemoryMetrics().bindTo(meters);
    new JvmThreadMetrics().bindTo(meters);
    garbageCollections.bindTo(meters);
    new ProcessorMetrics().bindTo(meters);
    new UptimeMetrics().bindTo(meters);
  }

  @Override
  public void configure(CamelContext context) throws Exception {
    PipelineMetrics metrics = metrics(meters);
    KafkaHealth health =
        new KafkaHealth(
            brokers, clients.getBrokers(null), settings.text("topic.instance-ids"), nanoTime);
    bindKafka(context, metrics, health);
    bindHealth(context, health);
    new FetchBeans(settings, metrics, traces).configure(context);
    metrics.gauge(
        "flow.instance.consumer.lag.records",
        "Id records that are not yet polled, over the partitions of this process.",
        health::lag);
    metrics.gauge(
        "flow.instance.ids.undone",
        "Id records that are polled and have no published outcome.",
        health::undone);
    metrics.gauge(
        "flow.instance.oldest.undone.id.seconds",
        "Time since the oldest of these was polled; 0 when there is none.",
        health::oldestUndoneSeconds);
    context.addService(new StartedProbe(context));
  }

  /** Where all meters are, those of the JVM included. */
  MeterRegistry meters() {
    return meters;
  }

  static PipelineMetrics metrics(MeterRegistry meters) {
    Set<String> reasons =
        Stream.of(DeadLetterReason.values()).map(Enum::name).collect(Collectors.toSet());
    return new PipelineMetrics(meters, reasons, InstanceFetcher.ANSWERS);
  }

  private void bindKafka(CamelContext context, PipelineMetrics metrics, KafkaHealth health) {
    Registry registry = context.getRegistry();
    registry.bind("garbage-collector-metrics", garbageCollections, null, "close");
    DeadLetters deadLetters = settings.deadLetters(clock);
    EventMessages messages = settings.eventMessages();
    long heap = Runtime.getRuntime().maxMemory();
    long heapOfOutcomes = heap / HEAP_PART_OF_OUTCOMES;
    ReadIds readIds = new ReadIds(settings::query);
    registry.bind("read-ids", readIds);
    registry.bind(
        "make-outcome",
        new MakeOutcome(
            settings.zones(),
            new InstanceMessages(messages, deadLetters, heapOfOutcomes),
            deadLetters));

    FlowKafkaComponent component =
        new FlowKafkaComponent(
            new FlowKafkaComponent.Parts(
                brokers,
                readIds,
                new InFlightLimits(
                    settings.whole("batch.max-records"),
                    Duration.ofMillis(settings.whole("batch.max-wait-ms")),
                    RECORDS_IN_FLIGHT / settings.whole("kafka.consumers"),
                    heap / HEAP_PART_OF_RECORDS / settings.whole("kafka.consumers")),
                new HeapPermits(heapOfOutcomes),
                health,
                new PublishTarget(
                    settings.text("kafka.group-id"),
                    messages,
                    deadLetters,
                    settings.whole("kafka.max-request-size"),
                    metrics,
                    traces,
                    clock),
                settings.transactionalIdPrefix()));
    component.setKafkaClientFactory(clients);
    KafkaConfiguration kafka = component.getConfiguration();
    kafka.setMaxRequestSize(settings.whole("kafka.max-request-size"));
    kafka.setCompressionCodec(settings.text("kafka.compression-type"));
    kafka
        .getAdditionalProperties()
        .put(
            ProducerConfig.TRANSACTION_TIMEOUT_CONFIG,
            settings.whole("kafka.transaction-timeout-ms"));
    context.addComponent(FlowKafkaComponent.SCHEME, component);
  }

  private static void bindHealth(CamelContext context, KafkaHealth health) {
    Registry registry = context.getRegistry();
    registry.bind("kafka", HealthInWords.ofReadiness("kafka", health::unanswered));
    registry.bind("group", HealthInWords.ofReadiness("consumer-group", health::outsideTheGroup));
    registry.bind("commits", HealthInWords.ofReadiness("commits", health::uncommitted));
    registry.bind("consumers", HealthInWords.ofLiveness("consumers", health::stuck));
    context
        .getExecutorServiceManager()
        .newSingleThreadScheduledExecutor(KafkaHealth.class, "kafka-health")
        .scheduleWithFixedDelay(health::look, 0, LOOK_MS, TimeUnit.MILLISECONDS);
  }
}
