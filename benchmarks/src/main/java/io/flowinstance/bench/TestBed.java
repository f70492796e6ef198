package io.flowinstance.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.harness.FreePort;
import io.flowinstance.simulator.EnosSimulator;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * What all variants run against, one after the other: a broker and a simulated API, each a process
 * of its own that goes on from the first run to the last, and the topics.
 */
final class TestBed implements AutoCloseable {
  static final String FLOW_INSTANCES = "flow-instances";
  static final String TASK_STATUSES = "task-statuses";
  static final int PARTITIONS = 6;
  private static final String DEAD_LETTERS = "flow-instance-dead-letters";

  private static final int FIRST_SIZED_FLOW = 100_000;

  /** What a killed process left open, the broker aborts after its timeout and up to 10 s more. */
  private static final Duration SETTLING = Duration.ofSeconds(30);

  /** The options that Kafka's own start script gives, but for the size. */
  private static final List<String> BROKER_JVM =
      List.of("-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20");

  /** Outputs are deleted after each run; small segments, so that the disk sees it soon. */
  private static final Map<String, String> BROKER_SETTINGS =
      Map.of(
          "log.segment.bytes", Integer.toString(64 << 20),
          "log.segment.delete.delay.ms", "1000",
          "log.retention.check.interval.ms", "5000");

  private final KafkaBroker broker;
  private final Process simulator;
  private final String apiUrl;
  private final Admin admin;
  private final HttpClient http = HttpClient.newHttpClient();
  private final Set<String> filled = new HashSet<>();
  private int trickles;
  private int groups;

  private TestBed(KafkaBroker broker, Process simulator, String apiUrl) {
    this.broker = broker;
    this.simulator = simulator;
    this.apiUrl = apiUrl;
    admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()));
  }

  /** Starts both processes and makes the topics for the output. */
  static TestBed start(Path logs) throws InterruptedException {
    int port = FreePort.pick();
    ProcessBuilder builder =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                EnosSimulator.class.getName(),
                "--frozen",
                "--port",
                Integer.toString(port))
            .redirectErrorStream(true)
            .redirectOutput(logs.resolve("simulator.log").toFile());
    builder.environment().put("CLASSPATH", System.getProperty("java.class.path"));
    try {
      Process simulator = builder.start();
      Runtime.getRuntime().addShutdownHook(new Thread(simulator::destroyForcibly));
      awaitPort(simulator, port);
      KafkaBroker broker = KafkaBroker.launch(BROKER_JVM, BROKER_SETTINGS);
      broker.createTopics(PARTITIONS, FLOW_INSTANCES, TASK_STATUSES, DEAD_LETTERS);
      return new TestBed(broker, simulator, "http://127.0.0.1:" + port);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void awaitPort(Process process, int port) throws InterruptedException {
    while (!process.waitFor(20, TimeUnit.MILLISECONDS)) {
      try {
        new Socket(InetAddress.getLoopbackAddress(), port).close();
        return;
      } catch (IOException notYet) {
        // It ends, or it listens soon.
      }
    }
    throw new IllegalStateException("The simulator ended with code " + process.exitValue());
  }

  String bootstrapServers() {
    return broker.bootstrapServers();
  }

  /** The settings of a variant that reads this topic, in a consumer group of its own. */
  Map<String, String> environment(String idTopic) {
    Map<String, String> environment = new HashMap<>();
    environment.put("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrapServers());
    environment.put("KAFKA_GROUP_ID", "bench-" + groups++);
    environment.put("TOPIC_INSTANCE_IDS", idTopic);
    environment.put("TOPIC_FLOW_INSTANCES", FLOW_INSTANCES);
    environment.put("TOPIC_TASK_STATUSES", TASK_STATUSES);
    environment.put("TOPIC_DEAD_LETTERS", DEAD_LETTERS);
    environment.put("ENOS_BASE_URL", apiUrl);
    environment.put("ENOS_AUTH", "none");
    environment.put("ENOS_USER_ID", "bench-user");
    environment.put("ENOS_ORG_ID", "bench-org");
    return environment;
  }

  /** Sets the API's latency from here on, and its counters to zero. */
  void latency(ApiLatency latency) throws InterruptedException {
    post("latency", latency.command());
    post("forget", new byte[0]);
  }

  private void post(String call, byte[] body) throws InterruptedException {
    try {
      HttpResponse<String> answer =
          http.send(
              HttpRequest.newBuilder(URI.create(apiUrl + "/simulator/" + call))
                  .timeout(Duration.ofSeconds(10))
                  .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                  .build(),
              HttpResponse.BodyHandlers.ofString());
      if (answer.statusCode() != 200) {
        throw new IllegalStateException("The simulator refuses " + call + ": " + answer.body());
      }
    } catch (IOException e) {
      throw new UncheckedIOException("The simulator does not answer", e);
    }
  }

  /** A topic that holds this many ids of instances with this many tasks; filled when first used. */
  String ids(int tasks, int partitions, int count) {
    String topic = "ids-of-%d-on-%d".formatted(tasks, partitions);
    if (filled.add(topic)) {
      broker.createTopics(partitions, topic);
      try (Producer<byte[], byte[]> producer = producer(5)) {
        for (int n = 0; n < count; n++) {
          producer.send(idRecord(topic, n % partitions, tasks, n));
        }
        producer.flush();
      }
    }
    return topic;
  }

  /** A new, empty topic for ids that are yet to come. */
  String emptyIds() {
    String topic = "ids-trickle-" + trickles++;
    broker.createTopics(PARTITIONS, topic);
    return topic;
  }

  /** The record of the n-th id of its topic. */
  static ProducerRecord<byte[], byte[]> idRecord(String topic, int partition, int tasks, int n) {
    String id = "%d-%012d".formatted(FIRST_SIZED_FLOW + tasks, n);
    return new ProducerRecord<>(topic, partition, null, id.getBytes(UTF_8));
  }

  /** A producer of ids; to be closed by the caller. */
  Producer<byte[], byte[]> producer(int lingerMs) {
    return new KafkaProducer<>(
        Map.of(
            ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
            broker.bootstrapServers(),
            ProducerConfig.LINGER_MS_CONFIG,
            lingerMs),
        new ByteArraySerializer(),
        new ByteArraySerializer());
  }

  /** CPU time of the broker and the simulated API so far, seconds. */
  double cpuSeconds() {
    return new LinuxProcess(broker.process()).cpuSeconds()
        + new LinuxProcess(simulator.toHandle()).cpuSeconds();
  }

  /** Returns when no transaction of the last run is open any more; deletes what it published. */
  void clearOutput() throws InterruptedException {
    try {
      Map<TopicPartition, OffsetSpec> ends = new HashMap<>();
      for (String topic : List.of(FLOW_INSTANCES, TASK_STATUSES, DEAD_LETTERS)) {
        for (int partition = 0; partition < PARTITIONS; partition++) {
          ends.put(new TopicPartition(topic, partition), OffsetSpec.latest());
        }
      }
      Map<TopicPartition, Long> written = offsets(ends, IsolationLevel.READ_UNCOMMITTED);
      long patience = System.nanoTime() + SETTLING.toNanos();
      while (!offsets(ends, IsolationLevel.READ_COMMITTED).equals(written)) {
        if (System.nanoTime() > patience) {
          throw new IllegalStateException("A transaction stays open");
        }
        TimeUnit.MILLISECONDS.sleep(50);
        // The broker may still have been writing what the last run left it.
        written = offsets(ends, IsolationLevel.READ_UNCOMMITTED);
      }
      Map<TopicPartition, RecordsToDelete> all = new HashMap<>();
      written.forEach((partition, end) -> all.put(partition, RecordsToDelete.beforeOffset(end)));
      admin.deleteRecords(all).all().get();
    } catch (ExecutionException e) {
      throw new IllegalStateException("The output cannot be deleted", e.getCause());
    }
  }

  private Map<TopicPartition, Long> offsets(
      Map<TopicPartition, OffsetSpec> specs, IsolationLevel isolation)
      throws InterruptedException, ExecutionException {
    Map<TopicPartition, Long> offsets = new HashMap<>();
    admin
        .listOffsets(specs, new ListOffsetsOptions(isolation))
        .all()
        .get()
        .forEach((partition, result) -> offsets.put(partition, result.offset()));
    return offsets;
  }

  @Override
  public void close() {
    admin.close(Duration.ZERO);
    simulator.destroyForcibly();
    broker.close();
  }
}
