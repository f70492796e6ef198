package io.flowinstance.bench;

import io.flowinstance.kafka.KafkaClients;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * Small transactions, one after the other, with a reader: brokers that are in use have compiled
 * what those take, and a new one would be slow at them through half of the trickles.
 */
record BrokerWarmUp(Duration length) implements Step {
  private static final int MESSAGES = 2 * (1 + TrickleRun.TASKS);
  private static final byte[] MESSAGE = new byte[1000];

  @Override
  public String title() {
    return "warm-up: broker";
  }

  @Override
  public String perform(TestBed bed, Path logs, Results results) throws InterruptedException {
    KafkaClients clients =
        new KafkaClients(
            () -> Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, bed.bootstrapServers()));
    TopicPartition ids = new TopicPartition(bed.emptyIds(), 0);
    ConsumerGroupMetadata group = new ConsumerGroupMetadata("warm-up");
    int transactions = 0;
    try (Arrivals arrivals = new Arrivals(bed.bootstrapServers(), TestBed.TASK_STATUSES);
        Producer<byte[], byte[]> producer =
            clients.transactionalProducer("warm-up", 4000, 1 << 20, "lz4")) {
      producer.initTransactions();
      long end = System.nanoTime() + length.toNanos();
      while (System.nanoTime() < end) {
        producer.beginTransaction();
        for (int n = 0; n < MESSAGES; n++) {
          producer.send(
              new ProducerRecord<>(TestBed.TASK_STATUSES, n % TestBed.PARTITIONS, null, MESSAGE));
        }
        producer.sendOffsetsToTransaction(Map.of(ids, new OffsetAndMetadata(transactions)), group);
        producer.commitTransaction();
        transactions++;
      }
      return "%d transactions, %d messages read".formatted(transactions, arrivals.count());
    } finally {
      bed.clearOutput();
    }
  }
}
