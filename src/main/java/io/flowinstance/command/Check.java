package io.flowinstance.command;

import static io.flowinstance.command.CommandContext.await;

import io.flowinstance.config.Settings;
import io.flowinstance.config.SettingsException;
import io.flowinstance.enos.AccessTokens;
import io.flowinstance.json.Printable;
import io.flowinstance.kafka.AdminBrokers;
import io.flowinstance.kafka.KafkaClients;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
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
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi.Style;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Checks everything that the pipeline depends on, and says what to fix. */
@Command(
    name = "check",
    mixinStandardHelpOptions = true,
    header = "Checks everything that the pipeline depends on.",
    description = {
      "Checks the settings, the brokers, the topics, the consumer group, the transactional ids,"
          + " the token service and the API's clock. Prints one line for each: ok, or what to fix."
          + " Publishes nothing. Exit code 0 if all lines are ok, otherwise 1.",
      ""
    })
final class Check implements Callable<Integer> {
  private static final String IDS = "topic.instance-ids";
  private static final String DEAD_LETTERS = "topic.dead-letters";
  private static final List<String> TOPICS =
      List.of(IDS, "topic.flow-instances", "topic.task-statuses", DEAD_LETTERS);
  private static final String BROKERS = "brokers";
  private static final String GROUP = "kafka.group-id";
  private static final String TRANSACTIONS = "transactional ids";
  private static final String TOKEN_SERVICE = "token service";
  private static final String CLOCK = "API clock";
  private static final Duration NOTABLE_SKEW = Duration.ofMinutes(1);

  private final CommandContext context;
  private boolean allOk = true;

  @Spec private CommandSpec spec;

  Check(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    try {
      Settings settings = context.settings(Settings.Part.KAFKA, Settings.Part.ENOS);
      tell("ok", "settings", "all %d can be used.".formatted(settings.asMap().size()));
    } catch (SettingsException e) {
      e.faults().forEach(fault -> tell("fix", "settings", fault));
    }
    Settings kafka = usable(Settings.Part.KAFKA);
    if (kafka == null) {
      skip("fix the settings first", BROKERS);
      skipTopics("fix the settings first");
    } else {
      kafka(kafka);
    }
    Settings enos = usable(Settings.Part.ENOS);
    if (enos == null) {
      skip("fix the settings first", TOKEN_SERVICE, CLOCK);
    } else {
      api(enos);
    }
    return allOk ? 0 : 1;
  }

  /** The settings if that part of them can be used, or null. */
  private Settings usable(Settings.Part part) {
    try {
      return context.settings(part);
    } catch (SettingsException e) {
      return null;
    }
  }

  private void kafka(Settings settings) {
    String servers = settings.getString("kafka.bootstrap-servers");
    try (Admin admin = new KafkaClients(settings::kafkaConnection).admin()) {
      int brokers = await(admin.describeCluster().nodes()).size();
      tell(
          "ok",
          BROKERS,
          "%s: %s%s."
              .formatted(
                  servers,
                  Words.count(brokers, "broker"),
                  settings.isKafkaInClear() ? ", without TLS: ids and events are readable" : ""));
      TOPICS.forEach(name -> ask(name, "", () -> topic(admin, settings.getString(name), name)));
      ask(GROUP, "", () -> group(admin, settings.getString(GROUP)));
      ask(TRANSACTIONS, "", () -> transactions(admin, settings.transactionalIdPrefix()));
    } catch (KafkaException e) {
      tell("fix", BROKERS, servers + ": " + CommandFailedException.sentence(e));
      skipTopics("the brokers do not answer");
    }
  }

  private static String topic(Admin admin, String topic, String setting) {
    boolean reads = setting.equals(IDS);
    String right = reads ? "Read" : "Write";
    try {
      TopicDescription description =
          await(
              admin
                  .describeTopics(
                      Set.of(topic), new DescribeTopicsOptions().includeAuthorizedOperations(true))
                  .topicNameValues()
                  .get(topic));
      if (!allows(
          description.authorizedOperations(), reads ? AclOperation.READ : AclOperation.WRITE)) {
        throw new CommandFailedException(
            "%s exists, and this login may not %s it: grant it %s there."
                .formatted(topic, reads ? "read" : "write", right));
      }
      if (setting.equals(DEAD_LETTERS)) {
        refuseCompacted(admin, topic);
      }
      return "%s: %s.".formatted(topic, Words.count(description.partitions().size(), "partition"));
    } catch (UnknownTopicOrPartitionException e) {
      throw new CommandFailedException(
          "%s does not exist: create it, or set it to one that does.".formatted(topic), e);
    } catch (TopicAuthorizationException e) {
      throw new CommandFailedException(
          "%s does not exist, or this login may not see it: grant it %s and Describe there."
              .formatted(topic, right),
          e);
    }
  }

  private static void refuseCompacted(Admin admin, String topic) {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    String compacted;
    try {
      compacted =
          AdminBrokers.compacted(
              topic, await(admin.describeConfigs(Set.of(resource)).values().get(resource)));
    } catch (AuthorizationException e) {
      // Whoever may not see the topic's settings is told nothing.
      return;
    }
    if (!compacted.isEmpty()) {
      throw new CommandFailedException(compacted);
    }
  }

  private static String group(Admin admin, String group) {
    int members = 0;
    try {
      ConsumerGroupDescription description =
          await(
              admin
                  .describeConsumerGroups(
                      Set.of(group),
                      new DescribeConsumerGroupsOptions().includeAuthorizedOperations(true))
                  .describedGroups()
                  .get(group));
      if (!allows(description.authorizedOperations(), AclOperation.READ)) {
        throw new CommandFailedException(
            "This login may not consume in %s: grant it Read there.".formatted(group));
      }
      members = description.members().size();
    } catch (GroupIdNotFoundException e) {
      // Nobody has used it.
    }
    return "%s: %s now.".formatted(group, Words.count(members, "member"));
  }

  private static String transactions(Admin admin, String prefix) {
    String any = prefix + "-check";
    try {
      await(admin.describeTransactions(Set.of(any)).description(any));
    } catch (TransactionalIdNotFoundException e) {
      // As it should be: nobody has used it, and this login may know so.
    }
    return prefix + "-…: this login may use them.";
  }

  /** Brokers without an authorizer, and old ones, name no operations: then all are allowed. */
  private static boolean allows(Collection<AclOperation> named, AclOperation use) {
    return named == null || named.isEmpty() || named.contains(use);
  }

  private void api(Settings settings) {
    String baseUrl = settings.getString("enos.base-url") + ": ";
    try (EnosApi api = EnosApi.start(settings)) {
      if (ask(TOKEN_SERVICE, baseUrl, () -> token(settings, api.tokens()))) {
        ask(CLOCK, baseUrl, () -> clock(settings, api));
      } else {
        skip("it needs an access token", CLOCK);
      }
    } catch (CommandFailedException e) {
      tell("fix", TOKEN_SERVICE, baseUrl + e.getMessage());
      skip("no call to that address is possible", CLOCK);
    }
  }

  private static String token(Settings settings, AccessTokens tokens) {
    return tokens == null
        ? "not needed: enos.auth is none."
        : "%s gave an access token for %s."
            .formatted(
                settings.getString("enos.base-url"),
                Words.duration(tokens.lifeOf(tokens.current())));
  }

  private String clock(Settings settings, EnosApi api) {
    Instant before = context.clock().instant();
    Instant theirs = api.calls().time();
    Duration skew = Duration.between(before, theirs);
    return "%s, %s, tells %s%s."
        .formatted(
            settings.getString("enos.base-url"),
            settings.getString("enos.api-version"),
            theirs,
            skew.abs().compareTo(NOTABLE_SKEW) < 0
                ? ""
                : ", and this machine's clock is %s %s: the API may refuse its signatures"
                    .formatted(Words.duration(skew.abs()), skew.isNegative() ? "ahead" : "behind"));
  }

  /** Prints what is found, or what to fix; whether there is nothing to fix. */
  private boolean ask(String subject, String of, Supplier<String> question) {
    try {
      tell("ok", subject, question.get());
      return true;
    } catch (RuntimeException e) {
      String sentence = CommandFailedException.sentence(e);
      tell("fix", subject, of + (sentence == null ? e : sentence));
      return false;
    }
  }

  private void skipTopics(String why) {
    skip(why, TOPICS.toArray(String[]::new));
    skip(why, GROUP, TRANSACTIONS);
  }

  private void skip(String why, String... subjects) {
    for (String subject : subjects) {
      tell("?", subject, "not checked: %s.".formatted(why));
    }
  }

  /** At once: the next line may take a while. */
  private void tell(String verdict, String subject, String text) {
    boolean ok = verdict.equals("ok");
    allOk &= ok;
    spec.commandLine()
        .getOut()
        .printf(
            "%s  %-20s  %s%n",
            Words.styled(
                "%-3s".formatted(verdict),
                spec.commandLine().getColorScheme().ansi(),
                List.of(ok ? Style.fg_green : Style.fg_red)),
            subject,
            Printable.of(text))
        .flush();
  }
}
