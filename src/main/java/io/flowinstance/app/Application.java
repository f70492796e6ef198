package io.flowinstance.app;

import io.flowinstance.config.Settings;
import io.flowinstance.config.SettingsException;
import io.flowinstance.kafka.AdminBrokers;
import io.flowinstance.kafka.Brokers;
import io.flowinstance.kafka.KafkaClients;
import io.flowinstance.trace.TraceExport;
import io.flowinstance.trace.Tracing;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.File;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.camel.CamelConfiguration;
import org.apache.camel.component.kafka.KafkaClientFactory;
import org.apache.camel.main.HttpManagementServerConfigurationProperties;
import org.apache.camel.main.Main;
import org.apache.camel.main.SimpleMainShutdownStrategy;
import org.slf4j.LoggerFactory;

/** The pipeline as a process: settings, beans and routes, started and stopped together. */
public final class Application {
  private Application() {}

  /** Each file by its name: for a wildcard, Camel reads the whole JAR, half of the start. */
  static String routes(boolean discover) {
    return FetchBeans.ROUTES
        + ",classpath:routes/on-error.camel.yaml,classpath:routes/pipeline.camel.yaml"
        + (discover ? ",classpath:routes/discover.camel.yaml" : "");
  }

  /**
   * Runs what this starts until the process is asked to stop.
   *
   * @return the exit code of a process that did not start
   */
  public static int run(Supplier<Main> starts) throws InterruptedException {
    File unpacked = ownTemporaryFolder();
    AtomicReference<Main> running = new AtomicReference<>();
    AtomicInteger exitCode = new AtomicInteger();
    // A JVM that ends by SIGTERM gives the signal as its exit code, however well it stopped.
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  if (running.get() != null) {
                    running.get().stop();
                  }
                  // After a halt, the JVM deletes nothing on exit.
                  Stream.ofNullable(unpacked.listFiles()).flatMap(Stream::of).forEach(File::delete);
                  unpacked.delete();
                  Runtime.getRuntime().halt(exitCode.get());
                },
                "shutdown"));
    try {
      running.set(starts.get());
    } catch (SettingsException e) {
      exitCode.set(2);
      throw e;
    } catch (IllegalStateException e) {
      exitCode.set(1);
      // No field: a command has to choose how it logs before the first logger is made.
      LoggerFactory.getLogger(Application.class).error(e.getMessage(), e.getCause());
      return 1;
    } catch (RuntimeException | Error e) {
      exitCode.set(1);
      throw e;
    }
    Thread.currentThread().join();
    return 0;
  }

  /** A folder for what libraries unpack. Without one, lz4 works, and zstd does not. */
  private static File ownTemporaryFolder() {
    File folder =
        new File(System.getProperty("java.io.tmpdir"), "flow-instance-routes-" + UUID.randomUUID());
    if (folder.mkdir()) {
      System.setProperty("java.io.tmpdir", folder.getPath());
    }
    return folder;
  }

  /**
   * Starts the pipeline in this process, beside the caller. Stopping it finishes the calls that are
   * under way, leaves the group, and sends the last spans.
   *
   * @param overrides settings by name, stronger than the environment
   * @throws SettingsException the settings cannot be used
   * @throws IllegalStateException the pipeline did not start
   */
  public static Main start(Map<String, String> overrides) {
    Settings settings = Settings.resolve(System.getenv(), overrides);
    warnOfClearText(settings);
    Tracing traces = traces(settings);
    KafkaClients clients = new KafkaClients(settings::kafkaConnection);
    return start(settings, clients, new AdminBrokers(clients::admin), System::nanoTime, traces);
  }

  static void warnOfClearText(Settings settings) {
    if (settings.isKafkaInClear()) {
      LoggerFactory.getLogger(Application.class)
          .warn("Kafka is used without TLS: ids and events are readable on the way.");
    }
  }

  private static Tracing traces(Settings settings) {
    if (!settings.isTrue("tracing.enabled")) {
      return Tracing.off();
    }
    try {
      return TraceExport.start(version(), Map.of());
    } catch (IllegalArgumentException e) {
      throw new SettingsException(
          List.of("The OTEL_ variables cannot be used for traces: %s.".formatted(e.getMessage())));
    }
  }

  /**
   * Starts the pipeline on Kafka clients and with traces of the caller's, and closes what it can of
   * these when it stops.
   *
   * @param nanoTime by which consumers and ids are judged to be late, as {@link System#nanoTime()}
   */
  public static Main start(
      Settings settings,
      KafkaClientFactory clients,
      Brokers brokers,
      LongSupplier nanoTime,
      Tracing traces) {
    MeterRegistry meters = meters();
    Main main =
        configure(
            settings, meters, new Beans(settings, clients, brokers, nanoTime, traces, meters));
    main.configure().withRoutesIncludePattern(routes(settings.isTrue("discover.enabled")));
    settings.forRoutes().forEach(main::addOverrideProperty);
    return started(main, "The pipeline");
  }

  static MeterRegistry meters() {
    return new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  }

  /**
   * Starts it.
   *
   * @param name for the sentence that says why it did not start
   */
  static Main started(Main main, String name) {
    try {
      expectFree(main.configure().httpManagementServer());
      main.start();
    } catch (Exception e) {
      main.stop();
      throw new IllegalStateException("%s did not start: %s".formatted(name, e.getMessage()), e);
    }
    return main;
  }

  /** The server tells nobody that it cannot listen. */
  private static void expectFree(HttpManagementServerConfigurationProperties server) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.bind(new InetSocketAddress(server.getHost(), server.getPort()));
    } catch (IOException e) {
      throw new IllegalStateException(
          "management.port %d of management.bind-address %s cannot be used (%s): free it, or set another one."
              .formatted(server.getPort(), server.getHost(), e.getMessage()),
          e);
    }
  }

  /** A process without routes: its beans, and a server for its health and metrics. */
  static Main configure(Settings settings, MeterRegistry meters, CamelConfiguration beans) {
    Main main = new Main();
    // The default has a shutdown hook of its own, which may wait for the one of run and it for
    // that.
    main.setShutdownStrategy(new SimpleMainShutdownStrategy());
    main.configure()
        .withName("flow-instance-routes")
        .withRoutesIncludePattern("false")
        .withAutoConfigurationLogSummary(false)
        .withStreamCachingEnabled(false)
        .withUseMdcLogging(false)
        .withJmxEnabled(false)
        .withShutdownTimeout(Math.max(1, settings.getInt("shutdown.timeout-ms") / 1000));
    main.configure().addConfiguration(beans);
    main.configure().addConfiguration(new ProcessBeans(meters));
    main.configure()
        .httpManagementServer()
        .withEnabled(true)
        .withHealthCheckEnabled(true)
        .withMetricsEnabled(true)
        .withHost(settings.getString("management.bind-address"))
        .withPort(settings.getInt("management.port"));
    // KafkaHealth says the same of a consumer, in a sentence.
    main.configure().health().setConsumersEnabled(false);
    // Bound before Camel looks for one. Camel's own meters cost more than they tell beside ours.
    main.bind("metricsRegistry", meters);
    main.addOverrideProperty("camel.metrics.enabled", "true");
    main.addOverrideProperty("camel.metrics.enableRoutePolicy", "false");
    main.addOverrideProperty("camel.metrics.enableExchangeEventNotifier", "false");
    main.addOverrideProperty("camel.metrics.enableRouteEventNotifier", "false");
    return main;
  }

  /** The version of the JAR, or {@code dev} outside of one. */
  public static String version() {
    String version = Application.class.getPackage().getImplementationVersion();
    return version == null ? "dev" : version;
  }
}
