package io.flowinstance.harness;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.apache.camel.component.kafka.KafkaClientFactory;
import org.apache.camel.component.kafka.KafkaConfiguration;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Kafka's own mock clients for the topic of a watermark: who subscribes to it is assigned its
 * partition and reads what is there.
 */
public final class WatermarkKafka implements KafkaClientFactory {
  private final TopicPartition partition;
  private final List<String> records = new CopyOnWriteArrayList<>();
  private final MockProducer<byte[], byte[]> producer =
      new MockProducer<>(true, new ByteArraySerializer(), new ByteArraySerializer()) {
        @Override
        public synchronized void flush() {
          boolean hangs = flushes != null;
          while (hangs && !closed()) {
            flushes.countDown();
            awaitClose();
          }
          super.flush();
        }

        private void awaitClose() {
          try {
            wait();
          } catch (InterruptedException e) {
            throw new InterruptException(e);
          }
        }

        @Override
        public synchronized void close(Duration timeout) {
          super.close(timeout);
          notifyAll();
        }
      };
  private volatile CountDownLatch flushes;
  private volatile int partitions = 1;
  private volatile Throwable failure;
  private volatile GroupConsumer consumer;
  private volatile int consumers;
  private volatile boolean hidden;
  private volatile OffsetAndMetadata committed;

  public WatermarkKafka(String topic) {
    partition = new TopicPartition(topic, 0);
  }

  /** Puts records on the topic, before a consumer subscribes. */
  public void records(String... values) {
    records.addAll(List.of(values));
  }

  /** How many partitions the topic has; 0 when there is none. */
  public void partitions(int count) {
    partitions = count;
  }

  /** How polls fail, unchecked; null when they do not. */
  public void fail(Throwable by) {
    failure = by;
  }

  /** Each flush waits until its producer is closed; counts down when the first one begins. */
  public CountDownLatch hangFlushes() {
    flushes = new CountDownLatch(1);
    return flushes;
  }

  /** Another process takes the partition. */
  public void lose() {
    consumer.schedulePollTask(
        () -> {
          consumer.listener.onPartitionsLost(Set.of(partition));
          consumer.rebalance(List.of());
        });
  }

  /** The partition comes back, with the records that it had at first. */
  public void regain() {
    consumer.schedulePollTask(
        () -> {
          consumer.rebalance(List.of(partition));
          consumer.addRecords();
        });
  }

  /** Does not let consumers see the records until {@link #show}. */
  public void hide() {
    hidden = true;
  }

  /** Lets the consumer see the records. */
  public void show() {
    hidden = false;
    consumer.schedulePollTask(consumer::addRecords);
  }

  /** What the group has committed. */
  public void committed(long offset) {
    committed = new OffsetAndMetadata(offset);
  }

  /** A record that the consumer sees now. */
  public void late(long offset, String value) {
    consumer.schedulePollTask(() -> consumer.add(offset, value));
  }

  /** Whether the last consumer owns the partition. */
  public boolean isJoined() {
    return consumer != null && consumer.assignment().contains(partition);
  }

  /** How many consumers were made. */
  public int consumers() {
    return consumers;
  }

  /** Whether the last one is closed. */
  public boolean isClosed() {
    return consumer.closed();
  }

  public MockProducer<byte[], byte[]> producer() {
    return producer;
  }

  @Override
  public Consumer<byte[], byte[]> getConsumer(Properties properties) {
    consumers++;
    consumer = new GroupConsumer();
    return consumer;
  }

  @Override
  public Producer<byte[], byte[]> getProducer(Properties properties) {
    return producer;
  }

  @Override
  public String getBrokers(KafkaConfiguration configuration) {
    return "in-memory:9092";
  }

  private final class GroupConsumer extends MockConsumer<byte[], byte[]> {
    private ConsumerRebalanceListener listener;

    GroupConsumer() {
      super(OffsetResetStrategy.EARLIEST);
    }

    @Override
    public List<PartitionInfo> partitionsFor(String topic) {
      List<PartitionInfo> all = new ArrayList<>();
      for (int number = 0; number < partitions; number++) {
        all.add(new PartitionInfo(topic, number, null, null, null));
      }
      return all;
    }

    @Override
    public synchronized void subscribe(
        Collection<String> topics, ConsumerRebalanceListener toTell) {
      super.subscribe(topics, toTell);
      listener = toTell;
      schedulePollTask(this::begin);
    }

    private void begin() {
      if (failure instanceof Error error) {
        throw error;
      }
      if (failure != null) {
        throw (RuntimeException) failure;
      }
      updateBeginningOffsets(Map.of(partition, 0L));
      updateEndOffsets(Map.of(partition, (long) records.size()));
      rebalance(List.of(partition));
      if (!hidden) {
        addRecords();
      }
    }

    private void addRecords() {
      for (int offset = 0; offset < records.size(); offset++) {
        add(offset, records.get(offset));
      }
    }

    private void add(long offset, String value) {
      addRecord(new ConsumerRecord<>(partition.topic(), 0, offset, null, value.getBytes(UTF_8)));
    }

    @Override
    public synchronized OptionalLong currentLag(TopicPartition of) {
      return hidden ? OptionalLong.empty() : super.currentLag(of);
    }

    @Override
    public synchronized Map<TopicPartition, OffsetAndMetadata> committed(
        Set<TopicPartition> partitions, Duration timeout) {
      return committed == null ? Map.of() : Map.of(partition, committed);
    }
  }
}
