package io.flowinstance.kafka;

import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * A producer that tells how its transactions end. Kafka Streams does not: where the brokers ended
 * one, it makes another producer and begins again.
 */
final class TimedProducer extends KafkaProducer<byte[], byte[]> {
  /**
   * Told of a transaction how long it took, in milliseconds.
   *
   * @param committed it was committed
   * @param lost it was aborted, by us or by the brokers
   * @param timeoutRefused the brokers accept no transaction that may take so long
   */
  record Observer(LongConsumer committed, LongConsumer lost, Runnable timeoutRefused) {}

  private final Observer observer;
  private boolean isOpen;
  private long beganAt;

  TimedProducer(Map<String, Object> settings, Observer observer) {
    super(settings, new ByteArraySerializer(), new ByteArraySerializer());
    this.observer = observer;
  }

  @Override
  public void initTransactions() {
    try {
      super.initTransactions();
    } catch (KafkaException e) {
      if (KafkaFaults.says(Errors.INVALID_TRANSACTION_TIMEOUT, e)) {
        observer.timeoutRefused().run();
      }
      throw e;
    }
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
    ended(observer.committed());
  }

  @Override
  public void abortTransaction() {
    ended(observer.lost());
    super.abortTransaction();
  }

  private void lostIfFenced(KafkaException failure) {
    if (KafkaFaults.isFenced(failure)) {
      ended(observer.lost());
    }
  }

  private void ended(LongConsumer how) {
    if (isOpen) {
      isOpen = false;
      how.accept(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - beganAt));
    }
  }
}
