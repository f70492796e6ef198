package io.flowinstance;

import io.flowinstance.delivery.DeadLetterReason;
import io.flowinstance.delivery.DeadLetters;
import io.flowinstance.delivery.EventMessages;
import io.flowinstance.delivery.IdInLog;
import io.flowinstance.delivery.InstanceMessages;
import io.flowinstance.delivery.LaneWatch;
import io.flowinstance.delivery.Lanes;
import io.flowinstance.delivery.NoHeaders;
import io.flowinstance.delivery.Publisher;
import io.flowinstance.delivery.RecordOrigin;
import io.flowinstance.event.EventZones;
import io.flowinstance.fetch.InstanceFetcher;
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
import java.util.function.IntFunction;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.camel.CamelConfiguration;
import org.apache.camel.CamelContext;
import org.apache.camel.component.kafka.KafkaClientFactory;
import org.apache.camel.spi.OnCamelContextStopping;
import org.apache.camel.spi.Registry;
import org.apache.camel.support.LifecycleStrategySupport;
import org.apache.kafka.clients.producer.Producer;

/** The beans that the routes refer to, made from the settings. */
final class Beans implements CamelConfiguration {
  /** What is decoded and what is sent at the moment needs a multiple of it. */
  private static final int HEAP_PART_OF_OUTCOMES = 8;

  private static final int LOOK_MS = 1_000;

  private final Settings settings;
  private final LaneWatch watch;
  private final IntFunction<Producer<byte[], byte[]>> producers;
  private final LongSupplier nanoTime;
  private final Traces traces;
  private final MeterRegistry meters = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final JvmGcMetrics garbageCollections = new JvmGcMetrics();
  private final Clock clock = Clock.systemUTC();

  /**
   * @param consumers makes the consumers of the route {@code pipeline}
   * @param producers makes the transactional producer of a lane
   * @param nanoTime by which lanes and ids are judged to be late
   * @param traces begins the spans
   */
  Beans(
      Settings settings,
      KafkaClientFactory consumers,
      IntFunction<Producer<byte[], byte[]>> producers,
      LongSupplier nanoTime,
      Traces traces) {
    this.nanoTime = nanoTime;
    this.traces = traces;
    new JvmMemoryMetrics().bindTo(meters);
    new JvmThreadMetrics().bindTo(meters);
    garbageCollections.bindTo(meters);
    new ProcessorMetrics().bindTo(meters);
    new UptimeMetrics().bindTo(meters);
    this.settings = settings;
    watch =
        new LaneWatch(
            consumers,
            new LaneWatch.Bounds(
                Duration.ofMillis(settings.whole("kafka.session-timeout-ms")),
                Duration.ofMillis(settings.whole("kafka.max-poll-interval-ms"))),
            nanoTime);
    this.producers = producers;
  }

  @Override
  public void configure(CamelContext context) throws Exception {
    PipelineMetrics metrics = metrics(meters);
    bindDelivery(context, metrics);
    new FetchBeans(settings, metrics, traces).configure(context);
    metrics.gauge(
        "flow.instance.consumer.lag.records",
        "Id records that are not yet polled, over the partitions of this process.",
        watch::lag);
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

  private void bindDelivery(CamelContext context, PipelineMetrics metrics) {
    Registry registry = context.getRegistry();
    registry.bind("garbage-collector-metrics", garbageCollections, null, "close");
    DeadLetters deadLetters = new DeadLetters(settings.text("topic.dead-letters"), clock);
    EventMessages messages =
        new EventMessages(
            settings.text("topic.flow-instances"), settings.text("topic.task-statuses"));
    EventZones zones = settings.zones();
    int laneCount = settings.whole("pipeline.lanes");
    Publisher publisher =
        new Publisher(
            producers,
            messages,
            deadLetters,
            laneCount,
            settings.whole("kafka.max-request-size"),
            metrics,
            traces,
            clock);

    Lanes lanes =
        new Lanes(
            watch,
            publisher,
            new Lanes.Limits(
                settings.whole("batch.max-records"),
                Duration.ofMillis(settings.whole("batch.max-wait-ms")),
                Duration.ofMillis(settings.lateMs()),
                Runtime.getRuntime().maxMemory() / HEAP_PART_OF_OUTCOMES / laneCount),
            Duration.ofMillis(settings.whole("shutdown.timeout-ms")).multipliedBy(3).dividedBy(4),
            metrics,
            traces,
            nanoTime);
    OnCamelContextStopping stop = stopping -> lanes.stop();
    context.addLifecycleStrategy(LifecycleStrategySupport.adapt(stop));

    registry.bind("kafka-clients", KafkaClientFactory.class, lanes);
    registry.bind("record-origin", new RecordOrigin.Factory());
    registry.bind("no-headers", new NoHeaders());
    registry.bind(
        "read-ids", new ReadIds(settings.text("enos.user-id"), settings.text("enos.org-id")));
    registry.bind("id-in-log", new IdInLog());
    registry.bind("lanes", lanes);
    registry.bind("settle", Lanes.settle());
    registry.bind(
        "serve-threads",
        context.getExecutorServiceManager().newFixedThreadPool(this, "serve", laneCount));
    registry.bind(
        "make-outcome",
        new MakeOutcome(zones, new InstanceMessages(messages, deadLetters), deadLetters, clock));
    registry.bind("publisher", publisher, "start", "close");
    bindHealth(context, lanes);
  }

  private void bindHealth(CamelContext context, Lanes lanes) {
    Registry registry = context.getRegistry();
    registry.bind("kafka", HealthInWords.ofReadiness("kafka", watch::unanswered));
    registry.bind("group", HealthInWords.ofReadiness("consumer-group", watch::outsideTheGroup));
    registry.bind("commits", HealthInWords.ofReadiness("commits", lanes::uncommitted));
    registry.bind("lanes", HealthInWords.ofLiveness("lanes", watch::stuck));
    context
        .getExecutorServiceManager()
        .newSingleThreadScheduledExecutor(this, "watch-lanes")
        .scheduleWithFixedDelay(watch::look, LOOK_MS, LOOK_MS, TimeUnit.MILLISECONDS);
  }
}
