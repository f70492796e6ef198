package io.flowinstance.app;

import io.flowinstance.config.Settings;
import io.flowinstance.event.State;
import io.flowinstance.kafka.AdminBrokers;
import io.flowinstance.kafka.KafkaClients;
import io.flowinstance.kafka.KafkaHealth;
import io.flowinstance.kafka.StreamsSupervisor;
import io.flowinstance.kafka.TransactionTimeouts;
import io.flowinstance.kafka.UndoneIds;
import io.flowinstance.metrics.WatchMetrics;
import io.flowinstance.watch.WatchSettings;
import io.flowinstance.watch.WatchTopology;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.camel.CamelConfiguration;
import org.apache.camel.CamelContext;
import org.apache.camel.main.Main;
import org.apache.camel.spi.Registry;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.processor.WallclockTimestampExtractor;

/** The change feed as a process: its topology under supervision, its health and its metrics. */
public record ChangeFeed(Settings settings, MeterRegistry meters) implements CamelConfiguration {
  private static final int LOOK_MS = 2_000;

  /** Few enough for the heap if instances are large: Kafka Streams bounds records, not bytes. */
  private static final int RECORDS_OF_A_PARTITION = 50;

  /** The shortest that Kafka Streams accepts: after it, a new process gets its share. */
  private static final int PROBE_MS = 60_000;

  /**
   * Starts it in this process, beside the caller; its readiness says when it runs.
   *
   * @throws IllegalStateException it did not start
   */
  public static Main start(Settings settings) {
    Application.warnOfClearText(settings);
    MeterRegistry meters = Application.meters();
    return Application.started(
        Application.configure(settings, meters, new ChangeFeed(settings, meters)),
        "The change feed");
  }

  /** What its consumer group, its transactions and the topics of its memory begin with. */
  public static String applicationId(Settings settings) {
    return settings.getString("kafka.group-id") + "-watch";
  }

  /** The topics of its memory. */
  public static List<String> memory(Settings settings) {
    return WatchTopology.changelogs(applicationId(settings));
  }

  @Override
  public void configure(CamelContext context) throws Exception {
    Registry registry = context.getRegistry();
    KafkaClients clients = new KafkaClients(settings::kafkaConnection);
    AdminBrokers brokers = new AdminBrokers(clients::admin);
    registry.bind("brokers", brokers, null, "close");
    String ids = settings.getString("topic.instance-ids");
    List<String> topics =
        List.of(
            settings.getString("topic.flow-instances"),
            settings.getString("topic.transitions"),
            ids);
    KafkaHealth health =
        new KafkaHealth(brokers, clients.getBrokers(null), topics, System::nanoTime);
    Beans.look(context, "kafka-health", health::look, Beans.LOOK_MS);
    TransactionTimeouts timeouts = new TransactionTimeouts(millis("kafka.transaction-timeout-ms"));
    UndoneIds undone =
        new UndoneIds(
            brokers,
            ids,
            settings.getString("kafka.group-id"),
            timeouts::longest,
            health,
            Clock.systemUTC());
    Beans.look(context, "undone-ids", undone::look, LOOK_MS);

    Set<String> states =
        Stream.concat(Stream.of(State.values()).map(Enum::name), Stream.of("REMOVED"))
            .collect(Collectors.toSet());
    WatchMetrics metrics = new WatchMetrics(meters, states);
    StreamsSupervisor supervisor =
        new StreamsSupervisor(
            partitions ->
                WatchTopology.of(
                    watchSettings(partitions), undone::isPending, metrics, Clock.systemUTC()),
            streamsSettings(),
            clients,
            brokers,
            topics,
            memory(settings),
            health,
            millis("shutdown.timeout-ms"),
            timeouts,
            Clock.systemUTC());
    registry.bind("streams-supervisor", supervisor, null, "close");
    registry.bind("kafka", new DescribedHealthCheck("kafka", false, health::unanswered));
    registry.bind("streams", new DescribedHealthCheck("streams", false, supervisor::notRunning));
    registry.bind("memory", new DescribedHealthCheck("memory", false, () -> fullMemory(metrics)));
    registry.bind("polls", new DescribedHealthCheck("polls", true, supervisor::stuck));
    Gauge.builder("flow.instance.watch.running", () -> supervisor.isRunning() ? 1 : 0)
        .description("1 while the change feed runs in this process, otherwise 0.")
        .register(meters);
    Gauge.builder("flow.instance.watch.lag.records", supervisor::lag)
        .description("Observations that are not yet read, over the partitions of this process.")
        .register(meters);
    supervisor.start();
  }

  private WatchSettings watchSettings(int partitions) {
    return new WatchSettings(
        settings.getString("topic.flow-instances"),
        settings.getString("topic.instance-ids"),
        settings.getString("topic.transitions"),
        settings.getString("watch.from"),
        millis("watch.interval-ms"),
        millis("watch.longest-interval-ms"),
        millis("watch.settle-ms"),
        millis("watch.forget-ms"),
        millis("watch.give-up-ms"),
        settings.getInt("watch.max-ids-per-second"),
        settings.getInt("watch.max-instances"),
        partitions,
        MessageSettings.eventSource(settings),
        MessageSettings.schemaBaseUri(settings));
  }

  private String fullMemory(WatchMetrics metrics) {
    return metrics.isFull(settings.getInt("watch.max-instances"))
        ? "A partition is full of instances that have not settled, so new ones are not watched. Give"
            + " the process more memory and raise watch.max-instances."
        : "";
  }

  private Duration millis(String setting) {
    return Duration.ofMillis(settings.getInt(setting));
  }

  private Properties streamsSettings() {
    Properties streams = new Properties();
    streams.put(StreamsConfig.APPLICATION_ID_CONFIG, applicationId(settings));
    streams.put(
        StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, settings.getString("kafka.bootstrap-servers"));
    streams.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    streams.put(StreamsConfig.NUM_STANDBY_REPLICAS_CONFIG, 1);
    streams.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, settings.getInt("watch.threads"));
    streams.put(StreamsConfig.PROBING_REBALANCE_INTERVAL_MS_CONFIG, PROBE_MS);
    streams.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, RECORDS_OF_A_PARTITION);
    // The times of records do not count, and one without a time must not end the feed.
    streams.put(
        StreamsConfig.DEFAULT_TIMESTAMP_EXTRACTOR_CLASS_CONFIG, WallclockTimestampExtractor.class);
    int largest = settings.getInt("kafka.max-request-size");
    // All that the feed writes may be as large as what the pipeline writes.
    streams.put(StreamsConfig.topicPrefix(TopicConfig.MAX_MESSAGE_BYTES_CONFIG), largest);
    streams.put(StreamsConfig.producerPrefix(ProducerConfig.MAX_REQUEST_SIZE_CONFIG), largest);
    streams.put(
        StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG),
        settings.getString("kafka.compression-type"));
    streams.put(
        StreamsConfig.mainConsumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG),
        settings.getInt("kafka.session-timeout-ms"));
    streams.put(
        StreamsConfig.mainConsumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG),
        RECORDS_OF_A_PARTITION);
    streams.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.FETCH_MAX_BYTES_CONFIG), largest);
    return streams;
  }
}
