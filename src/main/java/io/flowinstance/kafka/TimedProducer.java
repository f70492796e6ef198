package io.flowinstance.kafka;

import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * A producer that tells how its transactions end. Kafka Streams does not: where the brokers ended
 * one, it makes another producer and begins again.
 */
final class TimedProducer extends KafkaProducer<byte[], byte[]> {
  /** Told on the thread of the producer. */
  interface Observer {
    void committed();

    /** A transaction was aborted, by us or by the brokers. */
    void lost(long tookMs);
  }

  private final Observer observer;
  private boolean isOpen;
  private long beganAt;

  TimedProducer(Map<String, Object> settings, Observer observer) {
    super(settings, new ByteArraySerializer(), new ByteArraySerializer());
    this.observer = observer;
  }

  @Override
  public void beginTransaction() {
    super.beginTransaction();
    isOpen = true;
    beganAt = System.nanoTime();
  }

  @Override
  public void sendOffsetsToTransaction(
      Map<TopicPartition, OffsetAndMetadata> offsets, ConsumerGroupMetadata group) {
    try {
      super.sendOffsetsToTransaction(offsets, group);
    } catch (KafkaException e) {
      lostIfFenced(e);
      throw e;
    }
  }

  @Override
  public void commitTransaction() {
    try {
      super.commitTransaction();
    } catch (KafkaException e) {
      lostIfFenced(e);
      throw e;
    }
    isOpen = false;
    observer.committed();
  }

  @Override
  public void abortTransaction() {
    lost();
    super.abortTransaction();
  }

  private void lostIfFenced(KafkaException failure) {
    if (KafkaFaults.isFenced(failure)) {
      lost();
    }
  }

  private void lost() {
    if (isOpen) {
      isOpen = false;
      observer.lost(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - beganAt));
    }
  }
}
