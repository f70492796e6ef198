package io.flowinstance.faults;

import static org.awaitility.Awaitility.await;

import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.simulator.EnosSimulator;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** The four topics of one scenario, on a broker that others use too. */
record Topics(String ids, String instances, String tasks, String deadLetters) {
  /** The partitions of each topic. */
  static final int PARTITIONS = 6;

  static Topics create(KafkaBroker broker, String scenario) {
    Topics topics =
        new Topics(
            scenario + ".ids",
            scenario + ".flow-instances",
            scenario + ".task-statuses",
            scenario + ".dead-letters");
    broker.createTopics(PARTITIONS, topics.ids, topics.instances, topics.tasks, topics.deadLetters);
    return topics;
  }

  private String group() {
    return ids + ".group";
  }

  /** What the group has committed. */
  Map<TopicPartition, OffsetAndMetadata> committed(KafkaBroker broker) {
    return committed(broker, group());
  }

  /** What the change feed has committed. */
  Map<TopicPartition, OffsetAndMetadata> committedByWatch(KafkaBroker broker) {
    return committed(broker, group() + "-watch");
  }

  private static Map<TopicPartition, OffsetAndMetadata> committed(
      KafkaBroker broker, String group) {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()))) {
      return admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
    } catch (InterruptedException | ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Whether a commit of the group has metadata. */
  boolean hasMetadata(KafkaBroker broker) {
    return committed(broker).values().stream().anyMatch(commit -> !commit.metadata().isEmpty());
  }

  /**
   * Moves the committed offsets back once the group has no members, beside metadata that say what
   * is done behind the offsets where they were.
   */
  void moveBack(KafkaBroker broker, long offsets) {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()))) {
      Map<TopicPartition, OffsetAndMetadata> moved = new HashMap<>();
      committed(broker)
          .forEach(
              (partition, commit) -> {
                if (commit.offset() >= offsets) {
                  moved.put(
                      partition,
                      new OffsetAndMetadata(
                          commit.offset() - offsets,
                          commit.metadata().isEmpty()
                              ? "1:%d:1,100".formatted(commit.offset())
                              : commit.metadata()));
                }
              });
      await()
          .atMost(Duration.ofSeconds(30))
          .ignoreException(ExecutionException.class)
          .until(
              () -> {
                admin.alterConsumerGroupOffsets(group(), moved).all().get();
                return true;
              });
    }
  }

  /** As the application's environment wants them; the group is the scenario's own. */
  Map<String, String> environment() {
    return Map.of(
        "KAFKA_GROUP_ID", group(),
        "TOPIC_INSTANCE_IDS", ids,
        "TOPIC_FLOW_INSTANCES", instances,
        "TOPIC_TASK_STATUSES", tasks,
        "TOPIC_DEAD_LETTERS", deadLetters);
  }

  /** All that a pipeline needs which does not sign its calls, to be added to. */
  Map<String, String> environment(String bootstrapServers, EnosSimulator enos) {
    Map<String, String> environment = new HashMap<>(environment());
    environment.put("KAFKA_BOOTSTRAP_SERVERS", bootstrapServers);
    environment.put("ENOS_BASE_URL", enos.baseUrl());
    environment.put("ENOS_AUTH", "none");
    environment.put("ENOS_USER_ID", "u");
    environment.put("ENOS_ORG_ID", "o");
    return environment;
  }
}
