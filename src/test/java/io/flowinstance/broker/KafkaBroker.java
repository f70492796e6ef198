package io.flowinstance.broker;

import io.flowinstance.harness.FreePort;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.metadata.storage.Formatter;
import org.apache.kafka.server.common.MetadataVersion;

/**
 * A real Kafka broker of one node (KRaft, broker and controller in one) as a process of its own, on
 * this JVM's class path: it can be killed like any other, and started again on its port and data.
 *
 * <p>Topics are not made by being named; {@link #createTopics} makes them. The process does not
 * outlive this one.
 */
public final class KafkaBroker implements AutoCloseable {
  private static final Duration START_TIMEOUT = Duration.ofSeconds(60);
  private static final int LOG_TAIL_LINES = 30;

  /** A broker that lives for seconds gains more from a quick start than from speed. */
  public static final List<String> QUICK_START =
      List.of("-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC");

  private final int port;
  private final int cutPort = FreePort.pick();
  private final int behindCutPort = FreePort.pick();
  private final Path directory;
  private final boolean directoryIsOurs;
  private final List<String> jvmOptions;
  private final Map<String, String> moreSettings;
  private final Thread discardAtExit = new Thread(this::discard, "discard-kafka-broker");
  private String clusterId;
  private volatile Process process;

  private KafkaBroker(
      int port,
      Path directory,
      boolean directoryIsOurs,
      List<String> jvmOptions,
      Map<String, String> moreSettings) {
    this.port = port;
    this.directory = directory;
    this.directoryIsOurs = directoryIsOurs;
    this.jvmOptions = jvmOptions;
    this.moreSettings = moreSettings;
  }

  /** Starts a broker on a free port, with data that {@link #close} deletes. */
  public static KafkaBroker launch() {
    return launch(FreePort.pick());
  }

  /** Starts a broker on this port, with data that {@link #close} deletes. */
  public static KafkaBroker launch(int port) {
    return launch(new KafkaBroker(port, temporaryDirectory(), true, QUICK_START, Map.of()));
  }

  /**
   * Starts a broker on a free port, with data that {@link #close} deletes.
   *
   * @param jvmOptions of its process, in place of those for a quick start
   * @param settings of Kafka's, by name, before our own
   */
  public static KafkaBroker launch(List<String> jvmOptions, Map<String, String> settings) {
    return launch(
        new KafkaBroker(FreePort.pick(), temporaryDirectory(), true, jvmOptions, settings));
  }

  /** Starts a broker on this port, on the data of this directory, which stays. */
  public static KafkaBroker launch(int port, Path directory) {
    return launch(new KafkaBroker(port, directory, false, QUICK_START, Map.of()));
  }

  private static Path temporaryDirectory() {
    try {
      return Files.createTempDirectory("kafka-broker-");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static KafkaBroker launch(KafkaBroker broker) {
    try {
      Runtime.getRuntime().addShutdownHook(broker.discardAtExit);
      broker.format();
      broker.start();
      return broker;
    } catch (RuntimeException e) {
      broker.close();
      throw e;
    }
  }

  public String bootstrapServers() {
    return "127.0.0.1:" + port;
  }

  public int port() {
    return port;
  }

  /**
   * Where clients come in that a test wants to cut off: whoever bootstraps here is told to come
   * here again. Nothing listens but what the test puts between it and {@link #behindCutPort}.
   */
  public int cutPort() {
    return cutPort;
  }

  /** Where the broker takes the connections that came through {@link #cutPort}. */
  public int behindCutPort() {
    return behindCutPort;
  }

  /** The broker's process, as long as it runs. */
  public ProcessHandle process() {
    return process.toHandle();
  }

  /** Where the broker writes what it has to say. */
  public Path log() {
    return directory.resolve("broker.log");
  }

  private Path data() {
    return directory.resolve("data");
  }

  /** The file with the first records of a partition. */
  public Path segment(TopicPartition partition) {
    return data().resolve(partition + "/00000000000000000000.log");
  }

  /**
   * Starts the broker, unless it runs, and returns when it answers. Throws IllegalStateException,
   * with the end of the broker's log, when it ends instead or does not answer within a minute.
   */
  public synchronized void start() {
    if (process != null && process.isAlive()) {
      return;
    }
    try {
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      command.addAll(jvmOptions);
      command.add("-Dlogback.configurationFile=broker/logback-broker.xml");
      command.add(BrokerProcess.class.getName());
      command.add(settingsFile().toString());
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(log().toFile()));
      // Not an argument: the class path of a Maven build is longer than a screen.
      builder.environment().put("CLASSPATH", classPath());
      process = builder.start();
      awaitAnswer();
    } catch (IOException e) {
      throw new UncheckedIOException("The Kafka broker cannot be started", e);
    }
  }

  /** That of this JVM, or with -Dbroker.classpath another Kafka's, with {@link BrokerProcess}. */
  private static String classPath() {
    String own = System.getProperty("java.class.path");
    String other = System.getProperty("broker.classpath");
    return other == null ? own : other + File.pathSeparator + own.split(File.pathSeparator)[0];
  }

  /** Kills the broker at once, as {@code kill -9} does, and returns when it is gone. */
  public void kill() {
    // Takes no lock: an interrupted JVM must not wait here for a start that is under way.
    Process running = process;
    if (running != null) {
      running.destroyForcibly().onExit().join();
    }
  }

  /**
   * Creates topics with this many partitions each, and returns when each can be written to: of
   * several batches that an idempotent producer has in flight before that, a later one may be taken
   * first, and then the first one never. Throws IllegalStateException if one exists.
   */
  public void createTopics(int partitions, String... names) {
    List<NewTopic> topics =
        Arrays.stream(names)
            .map(name -> new NewTopic(name, Optional.of(partitions), Optional.empty()))
            .toList();
    try (Admin admin = admin()) {
      admin.createTopics(topics).all().get();
      Map<TopicPartition, OffsetSpec> ends = new HashMap<>();
      for (String name : names) {
        for (int partition = 0; partition < partitions; partition++) {
          ends.put(new TopicPartition(name, partition), OffsetSpec.latest());
        }
      }
      // Answered by the leader alone, and asked again until there is one.
      long latest = System.nanoTime() + START_TIMEOUT.toNanos();
      while (!isAnswered(admin, ends)) {
        if (System.nanoTime() - latest > 0) {
          throw new IllegalStateException("The broker does not know the topics it has made");
        }
      }
    } catch (ExecutionException e) {
      throw new IllegalStateException("The topics cannot be created", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("Interrupted while creating topics", e);
    }
  }

  /** False while the broker does not yet know a topic that its controller has made. */
  private static boolean isAnswered(Admin admin, Map<TopicPartition, OffsetSpec> ends)
      throws ExecutionException, InterruptedException {
    try {
      admin.listOffsets(ends).all().get();
      return true;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof UnknownTopicOrPartitionException) {
        return false;
      }
      throw e;
    }
  }

  /** Stops the broker and deletes its data, unless they lie in a directory that was given. */
  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(discardAtExit);
    } catch (IllegalStateException inShutdown) {
      // The hook runs already, and does what follows.
      return;
    }
    discard();
  }

  private void discard() {
    kill();
    if (directoryIsOurs && Files.exists(directory)) {
      deleteData();
    }
  }

  private void format() {
    Path data = data();
    try {
      Files.createDirectories(data);
      store(settings(FreePort.pick()));
      Path identity = data.resolve("meta.properties");
      if (Files.exists(identity)) {
        clusterId = load(identity).getProperty("cluster.id");
        return;
      }
      clusterId = Uuid.randomUuid().toString();
      new Formatter()
          .setPrintStream(new PrintStream(PrintStream.nullOutputStream()))
          .setReleaseVersion(MetadataVersion.latestProduction())
          .setClusterId(clusterId)
          .setNodeId(1)
          .setControllerListenerName("CONTROLLER")
          .setMetadataLogDirectory(data.toString())
          .addDirectory(data.toString())
          .run();
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException("The broker's data directory cannot be formatted", e);
    }
  }

  private Map<String, String> settings(int controllerPort) {
    String listeners =
        "PLAINTEXT://127.0.0.1:%d,CUT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d"
            .formatted(port, behindCutPort, controllerPort);
    return Map.ofEntries(
        Map.entry("process.roles", "broker,controller"),
        Map.entry("node.id", "1"),
        Map.entry("controller.quorum.voters", "1@127.0.0.1:" + controllerPort),
        Map.entry("controller.listener.names", "CONTROLLER"),
        Map.entry("listeners", listeners),
        Map.entry(
            "advertised.listeners",
            "PLAINTEXT://127.0.0.1:%d,CUT://127.0.0.1:%d".formatted(port, cutPort)),
        Map.entry("inter.broker.listener.name", "PLAINTEXT"),
        Map.entry(
            "listener.security.protocol.map",
            "PLAINTEXT:PLAINTEXT,CUT:PLAINTEXT,CONTROLLER:PLAINTEXT"),
        Map.entry("log.dirs", data().toString()),
        Map.entry("auto.create.topics.enable", "false"),
        // Everybody may do everything, but where a test adds an ACL.
        Map.entry(
            "authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        Map.entry("allow.everyone.if.no.acl.found", "true"),
        Map.entry("default.replication.factor", "1"),
        Map.entry("min.insync.replicas", "1"),
        Map.entry("offsets.topic.replication.factor", "1"),
        Map.entry("transaction.state.log.replication.factor", "1"),
        Map.entry("transaction.state.log.min.isr", "1"),
        // Each partition of these two is a directory to make when the first client comes.
        Map.entry("offsets.topic.num.partitions", "3"),
        Map.entry("transaction.state.log.num.partitions", "3"),
        Map.entry("group.initial.rebalance.delay.ms", "0"),
        // After a kill, the controller waits this long for the broker's old session to end.
        Map.entry("broker.session.timeout.ms", "3000"),
        Map.entry("broker.heartbeat.interval.ms", "500"));
  }

  private void store(Map<String, String> settings) throws IOException {
    Properties properties = new Properties();
    properties.putAll(settings);
    properties.putAll(moreSettings);
    try (var out = Files.newOutputStream(settingsFile())) {
      properties.store(out, null);
    }
  }

  private static Properties load(Path file) throws IOException {
    Properties properties = new Properties();
    try (var in = Files.newInputStream(file)) {
      properties.load(in);
    }
    return properties;
  }

  private Path settingsFile() {
    return directory.resolve("server.properties");
  }

  private Admin admin() {
    return Admin.create(
        Map.of(
            "bootstrap.servers",
            bootstrapServers(),
            "default.api.timeout.ms",
            String.valueOf(START_TIMEOUT.toMillis()),
            "reconnect.backoff.ms",
            "50",
            "reconnect.backoff.max.ms",
            "50"));
  }

  /** Returns when the broker answers, has topics at hand, and is part of the cluster. */
  private void awaitAnswer() {
    Admin admin = admin();
    try {
      CompletableFuture<Boolean> answer =
          CompletableFuture.supplyAsync(
              () -> {
                while (!registered(admin)) {
                  Thread.onSpinWait();
                }
                return true;
              });
      CompletableFuture<Boolean> end = process.onExit().thenApply(ended -> false);
      boolean answers =
          (Boolean)
              CompletableFuture.anyOf(answer, end)
                  .get(START_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
      if (!answers) {
        throw failure("ended with code " + process.exitValue(), null);
      }
    } catch (TimeoutException e) {
      throw failure("did not answer within " + START_TIMEOUT.toSeconds() + " s", e);
    } catch (ExecutionException e) {
      throw failure("did not answer", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw failure("was not waited for", e);
    } finally {
      // At once: a broker that has ended answers no pending call.
      admin.close(Duration.ZERO);
    }
  }

  private boolean registered(Admin admin) {
    try {
      DescribeClusterResult cluster = admin.describeCluster();
      if (!cluster.clusterId().get().equals(clusterId)) {
        throw new IllegalStateException("Another Kafka answers on port " + port);
      }
      return !cluster.nodes().get().isEmpty();
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private IllegalStateException failure(String what, Throwable cause) {
    return new IllegalStateException(
        "The Kafka broker on port " + port + " " + what + "; its log ends:\n" + logTail(), cause);
  }

  private String logTail() {
    try {
      List<String> lines = Files.readAllLines(log());
      return String.join(
          "\n", lines.subList(Math.max(0, lines.size() - LOG_TAIL_LINES), lines.size()));
    } catch (IOException e) {
      return "(" + log() + " cannot be read: " + e.getMessage() + ")";
    }
  }

  private void deleteData() {
    List<Path> paths = new ArrayList<>();
    try (Stream<Path> walk = Files.walk(directory)) {
      walk.sorted(Comparator.reverseOrder()).forEach(paths::add);
      for (Path path : paths) {
        Files.delete(path);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("The broker's data cannot be deleted", e);
    }
  }
}
