package io.flowinstance.command;

import io.flowinstance.config.Settings;
import io.flowinstance.kafka.AdminBrokers;
import io.flowinstance.kafka.KafkaClients;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.DescribeConsumerGroupsOptions;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.TransactionalIdNotFoundException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Asks the brokers for what the pipeline needs of them. Writes nothing. */
final class KafkaCheck {
  private static final String DEAD_LETTERS = "topic.dead-letters";

  /** What the pipeline does with each topic, by the setting that names it. */
  private static final Map<String, AclOperation> USES =
      Map.of(
          "topic.instance-ids",
          AclOperation.READ,
          "topic.flow-instances",
          AclOperation.WRITE,
          "topic.task-statuses",
          AclOperation.WRITE,
          DEAD_LETTERS,
          AclOperation.WRITE);

  static final List<String> TOPICS =
      List.of("topic.instance-ids", "topic.flow-instances", "topic.task-statuses", DEAD_LETTERS);

  static final String BROKERS = "brokers";
  static final String GROUP = "kafka.group-id";
  static final String TRANSACTIONS = "transactional ids";

  private final Settings settings;

  KafkaCheck(Settings settings) {
    this.settings = settings;
  }

  /** One finding for the brokers, each topic, the group and the transactional ids. */
  List<Finding> findings() {
    List<Finding> findings = new ArrayList<>();
    try (Admin admin = new KafkaClients(settings::kafkaConnection).admin()) {
      findings.add(brokers(admin));
      for (String name : TOPICS) {
        findings.add(topic(admin, name));
      }
      findings.add(group(admin));
      findings.add(transactionalId(admin));
    } catch (KafkaException e) {
      findings.add(Finding.fix(BROKERS, servers() + ": " + Failures.sentence(e)));
      for (String name : TOPICS) {
        findings.add(unknown(name));
      }
      findings.add(unknown(GROUP));
      findings.add(unknown(TRANSACTIONS));
    }
    return findings;
  }

  private static Finding unknown(String subject) {
    return Finding.unknown(subject, "not checked: the brokers do not answer.");
  }

  private String servers() {
    return settings.getString("kafka.bootstrap-servers");
  }

  private Finding brokers(Admin admin) {
    int count = KafkaAnswers.await(admin.describeCluster().nodes()).size();
    return Finding.ok(
        BROKERS,
        "%s: %s%s."
            .formatted(
                servers(),
                Count.of(count, "broker"),
                settings.isKafkaInClear() ? ", without TLS: ids and events are readable" : ""));
  }

  private Finding topic(Admin admin, String name) {
    String topic = settings.getString(name);
    AclOperation use = USES.get(name);
    try {
      TopicDescription description =
          KafkaAnswers.await(
                  admin
                      .describeTopics(
                          Set.of(topic),
                          new DescribeTopicsOptions().includeAuthorizedOperations(true))
                      .allTopicNames())
              .get(topic);
      if (!allows(description.authorizedOperations(), use)) {
        return Finding.fix(
            name,
            "%s exists, and this login may not %s it: grant it %s there."
                .formatted(topic, use == AclOperation.READ ? "read" : "write", title(use)));
      }
      String compacted = name.equals(DEAD_LETTERS) ? compacted(admin, topic) : "";
      if (!compacted.isEmpty()) {
        return Finding.fix(name, compacted);
      }
      int partitions = description.partitions().size();
      return Finding.ok(name, "%s: %s.".formatted(topic, Count.of(partitions, "partition")));
    } catch (UnknownTopicOrPartitionException e) {
      return Finding.fix(
          name, "%s does not exist: create it, or set it to one that does.".formatted(topic));
    } catch (TopicAuthorizationException e) {
      return Finding.fix(
          name,
          "%s does not exist, or this login may not see it: grant it %s and Describe there."
              .formatted(topic, title(use)));
    }
  }

  /** Whoever may not see the topic's settings is told nothing. */
  private static String compacted(Admin admin, String topic) {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    try {
      return AdminBrokers.compacted(
          topic,
          KafkaAnswers.await(admin.describeConfigs(Set.of(resource)).values().get(resource)));
    } catch (AuthorizationException e) {
      return "";
    }
  }

  private Finding group(Admin admin) {
    String group = settings.getString(GROUP);
    try {
      ConsumerGroupDescription description =
          KafkaAnswers.await(
              admin
                  .describeConsumerGroups(
                      Set.of(group),
                      new DescribeConsumerGroupsOptions().includeAuthorizedOperations(true))
                  .describedGroups()
                  .get(group));
      if (!allows(description.authorizedOperations(), AclOperation.READ)) {
        return Finding.fix(
            GROUP, "This login may not consume in %s: grant it Read there.".formatted(group));
      }
      int members = description.members().size();
      return Finding.ok(GROUP, "%s: %s now.".formatted(group, Count.of(members, "member")));
    } catch (GroupIdNotFoundException e) {
      return Finding.ok(GROUP, "%s: 0 members now.".formatted(group));
    } catch (KafkaException e) {
      return Finding.fix(GROUP, Failures.sentence(e));
    }
  }

  private Finding transactionalId(Admin admin) {
    String prefix = settings.transactionalIdPrefix();
    String any = prefix + "-check";
    try {
      KafkaAnswers.await(admin.describeTransactions(Set.of(any)).description(any));
    } catch (TransactionalIdNotFoundException e) {
      // As it should be: nobody has used it, and this login may know so.
    } catch (KafkaException e) {
      return Finding.fix(TRANSACTIONS, Failures.sentence(e));
    }
    return Finding.ok(TRANSACTIONS, prefix + "-…: this login may use them.");
  }

  /** Brokers without an authorizer, and old ones, name no operations: then all are allowed. */
  private static boolean allows(Collection<AclOperation> named, AclOperation use) {
    return named == null || named.isEmpty() || named.contains(use);
  }

  private static String title(AclOperation operation) {
    return operation == AclOperation.READ ? "Read" : "Write";
  }
}
