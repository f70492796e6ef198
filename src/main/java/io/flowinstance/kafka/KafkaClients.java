package io.flowinstance.kafka;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.apache.camel.component.kafka.KafkaClientFactory;
import org.apache.camel.component.kafka.KafkaConfiguration;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.SaslConfigs;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Makes every Kafka client of this process, so that all of them connect in the same way. */
public final class KafkaClients implements KafkaClientFactory {
  private static final int BUFFER_BYTES = 32 << 20;

  /** What a producer of many records puts into a batch. */
  static final int BATCH_BYTES = 128 << 10;

  /** What it puts there where a topic takes no more. */
  static final int SMALL_BATCH_BYTES = 8 << 10;

  private static final int ANSWER_MS = 15_000;
  private static final int REQUEST_MS = 10_000;
  private static final int DELIVERY_MS = 30_000;
  private static final int COMMIT_ATTEMPTS = 3;

  /** The brokers look for transactions that took too long every ten seconds. */
  static final int NOTICE_MS = 15_000;

  private final Supplier<Map<String, String>> connection;

  /**
   * @param connection Kafka's own client settings: {@code bootstrap.servers}, {@code
   *     security.protocol} and what that needs; asked for each client, for secrets change
   */
  public KafkaClients(Supplier<Map<String, String>> connection) {
    this.connection = connection;
  }

  /**
   * Makes a transactional producer; {@link Producer#initTransactions()} is up to the caller.
   *
   * @param transactionalId stable over restarts, and of no other running producer
   * @param transactionTimeoutMs longest life of a transaction, milliseconds
   * @param maxRequestBytes largest record, uncompressed
   * @param compressionType Kafka's name of it
   */
  public Producer<byte[], byte[]> transactionalProducer(
      String transactionalId,
      int transactionTimeoutMs,
      int maxRequestBytes,
      String compressionType) {
    // Of records that share a batch, one that the topic finds too large is split off again and
    // again, and keeps all of them from being sent (KAFKA-8350).
    Properties properties = producer(transactionalId, maxRequestBytes, 0, compressionType);
    properties.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, transactionalId);
    properties.put(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, transactionTimeoutMs);
    return getProducer(properties);
  }

  /**
   * Makes an idempotent producer: each record is on the topic once and in order, without a
   * transaction.
   *
   * @param clientId what the brokers' logs will name
   * @param maxRequestBytes largest record, uncompressed
   * @param compressionType Kafka's name of it
   */
  public Producer<byte[], byte[]> idempotentProducer(
      String clientId, int maxRequestBytes, String compressionType) {
    // A batch that a topic with a small limit finds too large is split into one as large, for ever
    // (KAFKA-8350).
    Properties properties = producer(clientId, maxRequestBytes, SMALL_BATCH_BYTES, compressionType);
    // Of several batches in flight, a topic that was just made may take the second one first, and
    // then never the first.
    properties.put(ProducerConfig.MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION, 1);
    return getProducer(properties);
  }

  /**
   * Makes a consumer that belongs to no group and commits nothing: it reads the committed records
   * of the partitions that it is assigned.
   *
   * @param clientId what the brokers' logs will name
   */
  public Consumer<byte[], byte[]> reader(String clientId) {
    Properties properties = new Properties();
    properties.put(ConsumerConfig.CLIENT_ID_CONFIG, clientId);
    properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
    properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    properties.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
    setConsumerTimeouts(properties);
    return getConsumer(properties);
  }

  /**
   * Commits the transaction. After a timeout, asks for the same again, up to three times: it may be
   * committed, and nothing else is allowed then.
   *
   * @param gaveUp whether not to ask again
   */
  public static void commit(Producer<?, ?> producer, BooleanSupplier gaveUp) {
    for (int attempt = 1; ; attempt++) {
      try {
        producer.commitTransaction();
        return;
      } catch (TimeoutException e) {
        if (attempt == COMMIT_ATTEMPTS || gaveUp.getAsBoolean()) {
          throw e;
        }
      }
    }
  }

  /** Makes a client that asks the brokers about themselves; it gives up after 15 s. */
  public Admin admin() {
    return Admin.create(
        merged(
            Map.of(
                AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, ANSWER_MS,
                AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, REQUEST_MS)));
  }

  private Properties producer(
      String clientId, int maxRequestBytes, int batchBytes, String compressionType) {
    Properties properties = new Properties();
    properties.put(ProducerConfig.CLIENT_ID_CONFIG, clientId);
    properties.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, maxRequestBytes);
    setProducerBuffers(properties, maxRequestBytes, batchBytes);
    properties.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, compressionType);
    setProducerTimeouts(properties);
    return properties;
  }

  /** What a producer of large or many records holds before it sends. */
  static void setProducerBuffers(Properties properties, int maxRequestBytes, int batchBytes) {
    properties.put(
        ProducerConfig.BUFFER_MEMORY_CONFIG, (long) Math.max(BUFFER_BYTES, maxRequestBytes));
    properties.put(ProducerConfig.BATCH_SIZE_CONFIG, batchBytes);
  }

  /** Longer than a producer takes to send what it was given, or to give that up. */
  static Duration longestFlush(Duration transactionTimeout) {
    return Duration.ofMillis(deliveryMs(transactionTimeout.toMillis()) + ANSWER_MS);
  }

  private static long deliveryMs(long transactionTimeoutMs) {
    return Math.max(DELIVERY_MS, transactionTimeoutMs + NOTICE_MS);
  }

  /** How long any consumer of this process waits for an answer. */
  static void setConsumerTimeouts(Properties properties) {
    properties.put(ConsumerConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, ANSWER_MS);
    properties.put(ConsumerConfig.REQUEST_TIMEOUT_MS_CONFIG, REQUEST_MS);
  }

  /** How long any producer of this process waits for an answer. */
  static void setProducerTimeouts(Properties properties) {
    properties.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, ANSWER_MS);
    properties.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, REQUEST_MS);
    properties.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, DELIVERY_MS);
  }

  /** As {@link #setProducerTimeouts}, but no message expires before its transaction is ended. */
  static void setTransactionTimeout(Properties properties, int transactionTimeoutMs) {
    properties.put(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, transactionTimeoutMs);
    properties.put(
        ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG,
        Math.toIntExact(deliveryMs(transactionTimeoutMs)));
  }

  @Override
  public Consumer<byte[], byte[]> getConsumer(Properties ofTheRoute) {
    return consumer(ofTheRoute);
  }

  @Override
  public Producer<byte[], byte[]> getProducer(Properties ofTheRoute) {
    return producer(ofTheRoute);
  }

  /** A consumer of bytes that connects as this process does. */
  Consumer<byte[], byte[]> consumer(Map<?, ?> settings) {
    return new KafkaConsumer<>(
        merged(settings), new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  /** A producer of bytes that connects as this process does. */
  Producer<byte[], byte[]> producer(Map<?, ?> settings) {
    return new KafkaProducer<>(
        merged(settings), new ByteArraySerializer(), new ByteArraySerializer());
  }

  /** These settings of a client, with how this process connects. */
  Map<String, Object> merged(Map<?, ?> settings) {
    // Not Properties: Kafka Streams sets some to null.
    Map<String, Object> merged = new HashMap<>();
    settings.forEach((name, value) -> merged.put(name.toString(), value));
    Map<String, String> own = connection.get();
    merged.putAll(own);
    if ("OAUTHBEARER".equals(own.get(SaslConfigs.SASL_MECHANISM))
        && own.getOrDefault(CommonClientConfigs.SECURITY_PROTOCOL_CONFIG, "").startsWith("SASL_")) {
      TokenLogin.configure(merged);
    }
    return merged;
  }

  @Override
  public String getBrokers(KafkaConfiguration configuration) {
    return connection.get().get("bootstrap.servers");
  }
}
