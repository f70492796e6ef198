package io.flowinstance;

import io.flowinstance.delivery.KafkaClients;
import io.flowinstance.delivery.ProcessSlot;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.DoubleSupplier;
import java.util.function.IntFunction;
import org.apache.camel.CamelContext;
import org.apache.camel.component.kafka.KafkaClientFactory;
import org.apache.camel.main.Main;
import org.apache.kafka.clients.producer.Producer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The pipeline as a process: settings, beans and routes, started and stopped together. */
public final class Application implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Application.class);
  private static final Map<String, String> SERVICES =
      Map.of("v2.0", "dataflow-batch-service", "v2.1", "batch-processing-service");

  private final Main main;
  private final ProcessSlot slot;

  private Application(Main main, ProcessSlot slot) {
    this.main = main;
    this.slot = slot;
  }

  /** Runs until the process is asked to stop. Everything is set by the environment. */
  public static void main(String[] args) throws InterruptedException {
    Application application;
    try {
      application = start(Map.of());
    } catch (SettingsException e) {
      System.err.println(e.getMessage());
      System.exit(2);
      return;
    } catch (IllegalStateException e) {
      LOG.error(e.getMessage(), e.getCause());
      System.exit(1);
      return;
    }
    // A JVM that ends by SIGTERM gives the signal as its exit code, however well it stopped.
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  application.close();
                  Runtime.getRuntime().halt(0);
                },
                "shutdown"));
    Thread.currentThread().join();
  }

  /**
   * Starts the pipeline in this process, beside the caller.
   *
   * @param overrides settings by name, stronger than the environment
   * @throws SettingsException the settings cannot be used
   * @throws IllegalStateException the pipeline did not start
   */
  public static Application start(Map<String, String> overrides) {
    Settings settings = Settings.resolve(System.getenv(), overrides);
    KafkaClients clients = new KafkaClients(kafkaConnection(settings));
    String prefix = settings.text("kafka.transactional-id-prefix");
    ProcessSlot slot =
        ProcessSlot.take(
            prefix.isEmpty() ? settings.text("kafka.group-id") : prefix,
            Path.of(System.getProperty("java.io.tmpdir"), "flow-instance-routes"));
    return start(
        settings,
        clients,
        lane ->
            clients.transactionalProducer(
                slot.transactionalId(lane),
                settings.whole("kafka.transaction-timeout-ms"),
                settings.whole("kafka.max-request-size"),
                settings.text("kafka.compression-type")),
        clients::lag,
        slot);
  }

  /** Starts the pipeline on Kafka clients of the caller's. */
  static Application start(
      Settings settings,
      KafkaClientFactory consumers,
      IntFunction<Producer<byte[], byte[]>> producers,
      DoubleSupplier lag,
      ProcessSlot slot) {
    Application application =
        new Application(configure(settings, new Beans(settings, consumers, producers, lag)), slot);
    try {
      application.main.start();
    } catch (Exception e) {
      application.close();
      throw new IllegalStateException("The pipeline did not start: " + e.getMessage(), e);
    }
    return application;
  }

  private static Main configure(Settings settings, Beans beans) {
    Main main = new Main();
    main.configure().addConfiguration(beans);
    main.configure()
        .withName("flow-instance-routes")
        .withRoutesIncludePattern(RouteFiles.pattern())
        .withAutoConfigurationLogSummary(false)
        .withStreamCachingEnabled(false)
        .withUseMdcLogging(false)
        .withJmxEnabled(false)
        .withShutdownTimeout(Math.max(1, settings.whole("shutdown.timeout-ms") / 1000));
    main.configure()
        .httpManagementServer()
        .withEnabled(true)
        .withHealthCheckEnabled(true)
        .withMetricsEnabled(true)
        .withPort(settings.whole("management.port"));
    // Bound before Camel looks for one. Camel's own meters cost more than they tell beside ours.
    main.bind("metricsRegistry", beans.meters());
    main.addOverrideProperty("camel.metrics.enabled", "true");
    main.addOverrideProperty("camel.metrics.enableRoutePolicy", "false");
    main.addOverrideProperty("camel.metrics.enableExchangeEventNotifier", "false");
    main.addOverrideProperty("camel.metrics.enableRouteEventNotifier", "false");
    settings.asMap().forEach(main::addOverrideProperty);
    main.addOverrideProperty("enos.service", SERVICES.get(settings.text("enos.api-version")));
    return main;
  }

  private static Map<String, String> kafkaConnection(Settings settings) {
    Map<String, String> names =
        Map.of(
            "kafka.bootstrap-servers", "bootstrap.servers",
            "kafka.security.protocol", "security.protocol",
            "kafka.security.sasl-mechanism", "sasl.mechanism",
            "kafka.security.sasl-jaas-config", "sasl.jaas.config",
            "kafka.security.trust-store", "ssl.truststore.location",
            "kafka.security.trust-store-type", "ssl.truststore.type",
            "kafka.security.trust-store-password", "ssl.truststore.password");
    Map<String, String> connection = new LinkedHashMap<>();
    names.forEach(
        (ours, kafkas) -> {
          String value = settings.text(ours);
          if (!value.isEmpty()) {
            connection.put(kafkas, value);
          }
        });
    return connection;
  }

  /** The version of the JAR, or {@code dev} outside of one. */
  static String version() {
    String version = Application.class.getPackage().getImplementationVersion();
    return version == null ? "dev" : version;
  }

  CamelContext context() {
    return main.getCamelContext();
  }

  /** Stops taking ids, finishes or gives back the batches in hand, and leaves the group. */
  @Override
  public void close() {
    main.stop();
    if (slot != null) {
      slot.close();
    }
  }
}
