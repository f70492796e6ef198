package io.flowinstance.kafka;

import java.time.Duration;
import java.util.Properties;
import org.apache.camel.Consumer;
import org.apache.camel.Processor;
import org.apache.camel.Producer;
import org.apache.camel.component.kafka.KafkaEndpoint;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.producer.ProducerConfig;

/** The end of a route at Kafka: the topic of the ids, or {@code publish}. */
public final class FlowKafkaEndpoint extends KafkaEndpoint {
  private static final int LINGER_MS = 100;

  /**
   * A transaction that begins while the markers of the one before are still being written is asked
   * to try again, and the producer's thread sleeps for this long (KAFKA-5482): a tenth of a second
   * by default.
   */
  private static final int RETRY_BACKOFF_MS = 5;

  private static final String PUBLISH = "publish";

  private final FlowKafkaComponent component;

  FlowKafkaEndpoint(String uri, FlowKafkaComponent component) {
    super(uri, component);
    this.component = component;
  }

  @Override
  public Consumer createConsumer(Processor processor) throws Exception {
    FlowKafkaConsumer consumer = new FlowKafkaConsumer(this, processor, component.parts());
    configureConsumer(consumer);
    return consumer;
  }

  @Override
  public Producer createProducer() {
    if (!getConfiguration().getTopic().equals(PUBLISH)) {
      throw new IllegalArgumentException(
          ("%s has no such step: flow-kafka:publish publishes outcomes, on the topics that topic.*"
                  + " names.")
              .formatted(getEndpointUri()));
    }
    return new OutcomeProducer(this);
  }

  /** What a consumer is made with: camel-kafka's options, and what exactly-once needs. */
  Properties consumerProperties() {
    Properties properties = getConfiguration().createConsumerProperties();
    updateClassProperties(properties);
    properties.put(ConsumerConfig.GROUP_ID_CONFIG, getConfiguration().getGroupId());
    properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    properties.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
    // PollLoop looks up where a partition begins, and handles an offset that is gone.
    properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
    properties.put(
        ConsumerConfig.PARTITION_ASSIGNMENT_STRATEGY_CONFIG,
        CooperativeStickyAssignor.class.getName());
    return properties;
  }

  /** What a producer is made with: camel-kafka's options, and what exactly-once needs. */
  Properties producerProperties(
      String transactionalId, Duration transactionTimeout, int batchBytes) {
    Properties properties = getConfiguration().createProducerProperties();
    updateClassProperties(properties);
    properties.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, transactionalId);
    properties.put(ProducerConfig.CLIENT_ID_CONFIG, transactionalId);
    properties.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
    properties.put(ProducerConfig.ACKS_CONFIG, "all");
    // A commit sends what is left at once: until then only what fills a request goes out.
    properties.put(ProducerConfig.LINGER_MS_CONFIG, LINGER_MS);
    KafkaClients.setProducerBuffers(properties, getConfiguration().getMaxRequestSize(), batchBytes);
    properties.put(ProducerConfig.RETRIES_CONFIG, Integer.MAX_VALUE);
    properties.put(ProducerConfig.RETRY_BACKOFF_MS_CONFIG, RETRY_BACKOFF_MS);
    KafkaClients.setProducerTimeouts(properties);
    KafkaClients.setTransactionTimeout(properties, Math.toIntExact(transactionTimeout.toMillis()));
    return properties;
  }
}
