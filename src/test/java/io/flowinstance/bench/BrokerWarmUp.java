package io.flowinstance.bench;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;

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
    Properties settings = new Properties();
    settings.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, bed.bootstrapServers());
    settings.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, "warm-up");
    settings.put(ProducerConfig.RETRY_BACKOFF_MS_CONFIG, 5);
    TopicPartition ids = new TopicPartition(bed.emptyIds(), 0);
    ConsumerGroupMetadata group = new ConsumerGroupMetadata("warm-up");
    int transactions = 0;
    try (Arrivals arrivals = new Arrivals(bed.bootstrapServers(), TestBed.TASK_STATUSES);
        KafkaProducer<byte[], byte[]> producer =
            new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
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
