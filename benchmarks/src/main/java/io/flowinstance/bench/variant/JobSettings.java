package io.flowinstance.bench.variant;

import java.net.URI;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * What a variant is told: by the pipeline's own environment variables, with its defaults.
 *
 * @param concurrency most calls in flight
 * @param consumers consumers in this process
 */
record JobSettings(
    String bootstrapServers,
    String groupId,
    String instanceIds,
    String flowInstances,
    String taskStatuses,
    String baseUrl,
    String userId,
    String orgId,
    int concurrency,
    int consumers) {

  static JobSettings ofEnvironment() {
    Map<String, String> environment = System.getenv();
    return new JobSettings(
        environment.get("KAFKA_BOOTSTRAP_SERVERS"),
        environment.get("KAFKA_GROUP_ID"),
        environment.get("TOPIC_INSTANCE_IDS"),
        environment.get("TOPIC_FLOW_INSTANCES"),
        environment.get("TOPIC_TASK_STATUSES"),
        environment.get("ENOS_BASE_URL"),
        environment.get("ENOS_USER_ID"),
        environment.get("ENOS_ORG_ID"),
        Integer.parseInt(environment.getOrDefault("FETCH_CONCURRENCY", "64")),
        Integer.parseInt(environment.getOrDefault("KAFKA_CONSUMERS", "2")));
  }

  /** Where the API gives this instance. */
  URI instance(String id) {
    return URI.create(
        "%s/dataflow-batch-service/v2.0/flowInstances?action=get&flowInstId=%s&userId=%s&orgId=%s"
            .formatted(baseUrl, id, userId, orgId));
  }

  /** Kafka's settings of a consumer that commits nothing by itself. */
  Map<String, Object> consumer() {
    Map<String, Object> settings = new HashMap<>();
    settings.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers);
    settings.put(ConsumerConfig.GROUP_ID_CONFIG, groupId);
    settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    settings.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    settings.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    return settings;
  }

  /** Kafka's settings of an idempotent producer, with the pipeline's batches and compression. */
  Map<String, Object> producer() {
    Map<String, Object> settings = new HashMap<>();
    settings.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers);
    settings.put(ProducerConfig.ACKS_CONFIG, "all");
    settings.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, "lz4");
    settings.put(ProducerConfig.BATCH_SIZE_CONFIG, 128 << 10);
    settings.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, 16 << 20);
    settings.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
    settings.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
    return settings;
  }
}
