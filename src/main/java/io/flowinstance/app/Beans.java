package io.flowinstance.app;

import io.flowinstance.config.Settings;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.fetch.InstanceFetcher;
import io.flowinstance.id.IdRecord;
import io.flowinstance.id.IdRecordReader;
import io.flowinstance.kafka.Brokers;
import io.flowinstance.kafka.FlowKafkaComponent;
import io.flowinstance.kafka.HeapPermits;
import io.flowinstance.kafka.InFlightLimits;
import io.flowinstance.kafka.KafkaHealth;
import io.flowinstance.kafka.PublishTarget;
import io.flowinstance.metrics.PipelineMetrics;
import io.flowinstance.outcome.DeadLetterReason;
import io.flowinstance.trace.Tracing;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The beans that the routes refer to, made from the settings.
 *
 * @param nanoTime by which consumers and ids are judged to be late
 */
record Beans(
    Settings settings,
    KafkaClientFactory clients,
    Brokers brokers,
    LongSupplier nanoTime,
    Tracing traces,
    MeterRegistry meters)
    implements CamelConfiguration {
  private static final Logger LOG = LoggerFactory.getLogger(Beans.class);

  /**
   * What is being decoded and sent needs a multiple of that heap, and what lives until its commit
   * costs garbage collection.
   */
  private static final int HEAP_PART_OF_OUTCOMES = 24;

  /** More goes into a further transaction, so that none lasts long. */
  private static final long TRANSACTION_BYTES = 8L << 20;

  /**
   * Counted as published, which is several times what the heap holds of it: while one transaction
   * is sent, the outcomes of the next one have room.
   */
  private static final int HEAP_PART_OF_TRANSACTIONS = 24;

  private static final int HEAP_PART_OF_RECORDS = 16;

  /** Records that wait for a call or a commit live long, which costs garbage collection. */
  private static final int RECORDS_IN_FLIGHT = 1_024;

  private static final int RECORDS_PER_CALL = 4;
  static final int LOOK_MS = 1_000;

  @Override
  public void configure(CamelContext context) throws Exception {
    Registry registry = context.getRegistry();
    registry.bind("tracing", traces, null, "close");
    if (brokers instanceof AutoCloseable) {
      registry.bind("brokers", brokers, null, "close");
    }
    PipelineMetrics metrics = metrics(meters);
    KafkaHealth health =
        new KafkaHealth(
            brokers,
            clients.getBrokers(null),
            List.of(settings.getString("topic.instance-ids")),
            nanoTime);
    bindKafka(context, metrics, health);
    bindHealth(context, health);
    new FetchBeans(settings, metrics, traces).configure(context);
    if (settings.isTrue("discover.enabled")) {
      new DiscoverBeans(settings, clients, metrics).configure(context);
    }
    metrics.gauge(
        "flow.instance.kafka.up",
        "1 while the health checks kafka and consumer-group are up.",
        () -> health.isUp() ? 1 : 0);
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
  }

  static PipelineMetrics metrics(MeterRegistry meters) {
    Set<String> reasons =
        Stream.of(DeadLetterReason.values()).map(Enum::name).collect(Collectors.toSet());
    return new PipelineMetrics(meters, reasons, InstanceFetcher.ANSWERS);
  }

  private void bindKafka(CamelContext context, PipelineMetrics metrics, KafkaHealth health) {
    Registry registry = context.getRegistry();
    MessageSettings parts = MessageSettings.of(settings, Clock.systemUTC());
    long heap = Runtime.getRuntime().maxMemory();
    long heapOfOutcomes = heap / HEAP_PART_OF_OUTCOMES;
    registry.bind("id-record-reader", parts.ids());
    registry.bind("allowed-identities", parts.identities());
    registry.bind("outcomes", new Outcomes(parts.zones(), parts.instances(), parts.deadLetters()));

    int consumers = settings.getInt("kafka.consumers");
    FlowKafkaComponent component =
        new FlowKafkaComponent(
            new FlowKafkaComponent.Parts(
                brokers,
                idRecord -> orderKey(parts.ids(), idRecord),
                new InFlightLimits(
                    settings.getInt("batch.max-records"),
                    Duration.ofMillis(settings.getInt("batch.max-wait-ms")),
                    Math.max(
                            RECORDS_IN_FLIGHT,
                            RECORDS_PER_CALL * settings.getInt("fetch.concurrency"))
                        / consumers,
                    heap / HEAP_PART_OF_RECORDS / consumers,
                    Math.min(TRANSACTION_BYTES, heap / HEAP_PART_OF_TRANSACTIONS / consumers),
                    heapOfOutcomes * 2 / 3 / consumers),
                new HeapPermits(heapOfOutcomes, consumers),
                health,
                new PublishTarget(
                    parts.events(),
                    parts.deadLetters(),
                    settings.getInt("kafka.max-request-size"),
                    Duration.ofMillis(settings.getInt("kafka.transaction-timeout-ms")),
                    metrics,
                    traces,
                    Clock.systemUTC()),
                settings.transactionalIdPrefix()));
    component.setKafkaClientFactory(clients);
    KafkaConfiguration kafka = component.getConfiguration();
    kafka.setMaxRequestSize(settings.getInt("kafka.max-request-size"));
    kafka.setCompressionCodec(settings.getString("kafka.compression-type"));
    context.addComponent(FlowKafkaComponent.SCHEME, component);
  }

  /** Records that ask for the same instance on the same behalf keep their order; null for none. */
  private static Object orderKey(IdRecordReader ids, IdRecord idRecord) {
    try {
      InstanceQuery query = ids.read(idRecord.value());
      idRecord.span().asksFor(query.instanceId());
      return query;
    } catch (RuntimeException e) {
      // Its exchange fails in the same way, and says so. Here it would stop the consumer.
      return null;
    }
  }

  private static void bindHealth(CamelContext context, KafkaHealth health) {
    Registry registry = context.getRegistry();
    registry.bind("kafka", new DescribedHealthCheck("kafka", false, health::unanswered));
    registry.bind(
        "group", new DescribedHealthCheck("consumer-group", false, health::outsideTheGroup));
    registry.bind("commits", new DescribedHealthCheck("commits", false, health::uncommitted));
    registry.bind("consumers", new DescribedHealthCheck("consumers", true, health::stuck));
    look(context, "kafka-health", health::look, LOOK_MS);
  }

  /** Lets something look now, and so long after each look, as long as the context runs. */
  static void look(CamelContext context, String name, Runnable look, int everyMs) {
    context
        .getExecutorServiceManager()
        .newSingleThreadScheduledExecutor(Beans.class, name)
        .scheduleWithFixedDelay(
            () -> {
              try {
                look.run();
              } catch (RuntimeException | Error e) {
                // It would be the last look.
                LOG.error("{} failed.", name, e);
              }
            },
            0,
            everyMs,
            TimeUnit.MILLISECONDS);
  }
}
