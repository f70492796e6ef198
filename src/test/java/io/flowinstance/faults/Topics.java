package io.flowinstance.faults;

import io.flowinstance.broker.KafkaBroker;
import java.util.Map;

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

  /** As the application's environment wants them; the group is the scenario's own. */
  Map<String, String> environment() {
    return Map.of(
        "KAFKA_GROUP_ID", ids + ".group",
        "TOPIC_INSTANCE_IDS", ids,
        "TOPIC_FLOW_INSTANCES", instances,
        "TOPIC_TASK_STATUSES", tasks,
        "TOPIC_DEAD_LETTERS", deadLetters);
  }
}
