package io.flowinstance.kafka;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.harness.ManualClock;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

@Timeout(240)
@EnabledIfSystemProperty(named = "chaos", matches = "true", disabledReason = "with -Pchaos")
class StreamsSupervisorIT {
  private static final Duration PATIENCE = Duration.ofSeconds(90);
  private static final Duration TRANSACTION = Duration.ofSeconds(1);
  private static final List<String> TOPICS = List.of("read", "written");

  private final CountDownLatch goesOn = new CountDownLatch(1);
  private KafkaBroker broker;
  private KafkaClients clients;
  private AdminBrokers brokers;
  private KafkaHealth health;
  @TempDir private Path directory;

  @BeforeEach
  void launch() {
    // Not ten seconds, as by default.
    broker =
        KafkaBroker.launch(
            List.of(),
            Map.of("transaction.abort.timed.out.transaction.cleanup.interval.ms", "200"));
    broker.createTopics(1, "read", "written");
    clients = new KafkaClients(() -> Map.of("bootstrap.servers", broker.bootstrapServers()));
    brokers = new AdminBrokers(clients::admin);
    health = new KafkaHealth(brokers, broker.bootstrapServers(), TOPICS, System::nanoTime);
  }

  @AfterEach
  void close() {
    goesOn.countDown();
    brokers.close();
    broker.close();
  }

  private StreamsSupervisor supervisor(IntFunction<Topology> topology, Clock clock) {
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "feed");
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, broker.bootstrapServers());
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, directory.toString());
    StreamsSupervisor supervisor =
        new StreamsSupervisor(
            topology,
            settings,
            clients,
            brokers,
            TOPICS,
            List.of(),
            health,
            Duration.ofSeconds(10),
            new TransactionTimeouts(TRANSACTION),
            clock);
    supervisor.start();
    return supervisor;
  }

  private void send() {
    try (Producer<byte[], byte[]> producer = clients.producer(Map.of())) {
      producer.send(new ProducerRecord<>("read", new byte[1]));
    }
  }

  /** Reads, and does something with each record before it is committed. */
  private static Topology topology(Runnable work) {
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream("read", Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
        .process(
            () ->
                new ContextualProcessor<byte[], byte[], byte[], byte[]>() {
                  @Override
                  public void process(Record<byte[], byte[]> message) {
                    context().forward(message);
                    work.run();
                  }
                })
        .to("written", Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
    return builder.build();
  }

  /** As for a broker that does not take what is written. */
  private void waits() {
    try {
      goesOn.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void aPauseBetweenTwoPollsShowsAfterAMinute() {
    try (StreamsSupervisor supervisor =
        supervisor(partitions -> topology(this::waits), Clock.systemUTC())) {
      await().atMost(PATIENCE).until(supervisor::isRunning);
      assertEquals("", supervisor.notRunning());

      send();
      await()
          .atMost(PATIENCE)
          .until(
              () -> {
                health.look();
                return !supervisor.isRunning();
              });
      String said = supervisor.notRunning();
      assertTrue(said.startsWith("Kafka does not take what the change feed writes."), said);
      assertTrue(said.contains("all partitions of written, and of the topics whose"), said);
      assertEquals("", supervisor.stuck());

      goesOn.countDown();
      await().atMost(PATIENCE).until(supervisor::isRunning);
      assertEquals("", supervisor.notRunning());
    }
  }

  @Test
  void aTransactionThatTheBrokersEndedTwiceMayTakeLonger() {
    AtomicInteger times = new AtomicInteger();
    Duration longer = Duration.ofSeconds(3);
    Runnable work =
        () -> {
          times.incrementAndGet();
          await().pollDelay(longer).atMost(longer.multipliedBy(2)).until(() -> true);
        };
    try (StreamsSupervisor supervisor =
            supervisor(partitions -> topology(work), Clock.systemUTC());
        Consumer<byte[], byte[]> reader = clients.reader("reader")) {
      await().atMost(PATIENCE).until(supervisor::isRunning);
      send();

      await().atMost(PATIENCE).until(() -> !health.faults().all().isEmpty());
      String said = health.faults().all().get(0);
      assertTrue(said.contains("The next one may take 2000 ms."), said);
      TopicPartition written = new TopicPartition("written", 0);
      reader.assign(List.of(written));
      reader.seek(written, 0);
      await().atMost(PATIENCE).until(() -> !reader.poll(Duration.ofMillis(100)).isEmpty());
      await().atMost(PATIENCE).until(() -> health.faults().all().isEmpty());
      assertTrue(times.get() >= 4);
    }
  }

  @Test
  void aClockThatIsSetBackStartsItAgain() {
    ManualClock clock = new ManualClock();
    AtomicInteger starts = new AtomicInteger();
    try (StreamsSupervisor supervisor =
        supervisor(
            partitions -> {
              starts.incrementAndGet();
              return topology(() -> {});
            },
            clock)) {
      await().atMost(PATIENCE).until(supervisor::isRunning);

      clock.set(Duration.ofHours(-1));
      await().atMost(PATIENCE).until(() -> starts.get() == 2);
      await().atMost(PATIENCE).until(supervisor::isRunning);
    }
  }
}
