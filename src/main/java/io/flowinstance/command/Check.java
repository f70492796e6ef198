package io.flowinstance.command;

import static io.flowinstance.command.CommandContext.await;
import static org.apache.kafka.common.acl.AclOperation.DESCRIBE;
import static org.apache.kafka.common.acl.AclOperation.READ;
import static org.apache.kafka.common.acl.AclOperation.WRITE;

import io.flowinstance.app.ChangeFeed;
import io.flowinstance.config.Settings;
import io.flowinstance.config.SettingsException;
import io.flowinstance.enos.AccessTokens;
import io.flowinstance.json.Printable;
import io.flowinstance.kafka.AdminBrokers;
import io.flowinstance.kafka.KafkaClients;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.DescribeConsumerGroupsOptions;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.GroupAuthorizationException;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.TransactionalIdAuthorizationException;
import org.apache.kafka.common.errors.TransactionalIdNotFoundException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi.Style;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Checks everything that the pipeline or the change feed depends on, and says what to fix. */
@Command(
    name = "check",
    mixinStandardHelpOptions = true,
    header = "Checks everything that the pipeline depends on.",
    description = {
      "Checks the settings, the brokers, the topics, the consumer group, the transactional ids, the"
          + " token service and the API's clock; with discover.enabled, what discover needs too."
          + " Prints one line for each: ok, or what to fix. Publishes nothing. Exit code 0 if all"
          + " lines are ok, otherwise 1.",
      ""
    })
final class Check implements Callable<Integer> {
  private static final String IDS = "topic.instance-ids";
  private static final String INSTANCES = "topic.flow-instances";
  private static final String DEAD_LETTERS = "topic.dead-letters";
  private static final String WATERMARK = "topic.discover-watermark";
  private static final String TRANSITIONS = "topic.transitions";
  private static final String BROKERS = "brokers";
  private static final String GROUP = "kafka.group-id";
  private static final String TRANSACTIONS = "transactional ids";
  private static final String TOKEN_SERVICE = "token service";
  private static final String CLOCK = "API clock";
  private static final Duration NOTABLE_SKEW = Duration.ofMinutes(1);

  private final CommandContext context;
  private boolean allOk = true;

  @Option(
      names = "--watch",
      description = "Check what the command watch depends on instead; run it with that login.")
  private boolean watch;

  @Spec private CommandSpec spec;

  Check(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    try {
      context.settings(Settings.Part.KAFKA, watch ? Settings.Part.WATCH : Settings.Part.ENOS);
      tell("ok", "settings", "all required settings are valid.");
    } catch (SettingsException e) {
      e.faults().forEach(fault -> tell("fix", "settings", fault));
    }
    kafka();
    if (!watch) {
      api();
    }
    return allOk ? 0 : 1;
  }

  private void kafka() {
    Settings settings;
    try {
      settings = context.settings(Settings.Part.KAFKA);
    } catch (SettingsException e) {
      skip("fix the settings first", Set.of(BROKERS));
      skip("fix the settings first", questions(null).keySet());
      return;
    }
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
      questions(settings)
          .forEach((subject, question) -> ask(subject, "", () -> question.apply(admin)));
    } catch (KafkaException e) {
      tell("fix", BROKERS, servers + ": " + CommandFailedException.sentence(e));
      skip("the brokers do not answer", questions(settings).keySet());
    }
  }

  /**
   * What is asked of the brokers, by subject.
   *
   * @param settings null where they cannot be used: then nothing can be asked
   */
  private Map<String, Function<Admin, String>> questions(Settings settings) {
    Map<String, Function<Admin, String>> questions = new LinkedHashMap<>();
    boolean discovers = !watch && settings != null && settings.isTrue("discover.enabled");
    Map<String, List<AclOperation>> topics = new LinkedHashMap<>();
    if (watch) {
      topics.put(INSTANCES, List.of(READ));
      topics.put(TRANSITIONS, List.of(WRITE));
      topics.put(IDS, List.of(WRITE));
    } else {
      topics.put(IDS, discovers ? List.of(READ, WRITE) : List.of(READ));
      topics.put(INSTANCES, List.of(WRITE));
      topics.put("topic.task-statuses", List.of(WRITE));
      topics.put(DEAD_LETTERS, List.of(WRITE));
    }
    if (discovers) {
      topics.put(WATERMARK, List.of(READ, WRITE));
    }
    topics.forEach(
        (setting, uses) ->
            questions.put(
                setting, admin -> topic(admin, setting, settings.getString(setting), uses)));
    questions.put(GROUP, admin -> group(admin, settings.getString(GROUP), watch ? DESCRIBE : READ));
    if (watch || discovers) {
      String part = watch ? "watch" : "discover";
      questions.put(
          "group of " + part, admin -> group(admin, settings.getString(GROUP) + "-" + part, READ));
    }
    if (watch) {
      questions.put("memory of watch", admin -> memory(admin, settings));
    }
    questions.put(
        TRANSACTIONS,
        admin ->
            transactions(
                admin,
                watch ? ChangeFeed.applicationId(settings) : settings.transactionalIdPrefix()));
    return questions;
  }

  private static String topic(Admin admin, String setting, String topic, List<AclOperation> uses) {
    String rights = uses.stream().map(Check::right).collect(Collectors.joining(", "));
    try {
      TopicDescription description =
          await(
              admin
                  .describeTopics(
                      Set.of(topic), new DescribeTopicsOptions().includeAuthorizedOperations(true))
                  .topicNameValues()
                  .get(topic));
      for (AclOperation use : uses) {
        if (!allows(description.authorizedOperations(), use)) {
          throw new CommandFailedException(
              "%s exists, and this login may not %s it: grant it %s there."
                  .formatted(topic, use.name().toLowerCase(Locale.ROOT), right(use)));
        }
      }
      int partitions = description.partitions().size();
      if (setting.equals(WATERMARK) && partitions > 1) {
        throw new CommandFailedException(
            "%s has %d partitions: delete it, and create it with one."
                .formatted(topic, partitions));
      }
      refuseCleanup(admin, setting, topic);
      return "%s: %s.".formatted(topic, Words.count(partitions, "partition"));
    } catch (UnknownTopicOrPartitionException e) {
      throw new CommandFailedException(
          "%s does not exist: create it, or set it to one that does.".formatted(topic), e);
    } catch (TopicAuthorizationException e) {
      throw new CommandFailedException(
          "%s does not exist, or this login may not see it: grant it %s and Describe there."
              .formatted(topic, rights),
          e);
    }
  }

  /** As Kafka's tools spell it: {@code Read}. */
  private static String right(AclOperation use) {
    return use.name().charAt(0) + use.name().substring(1).toLowerCase(Locale.ROOT);
  }

  /** Refuses a topic whose brokers would delete what is needed. */
  private static void refuseCleanup(Admin admin, String setting, String topic) {
    if (!Set.of(DEAD_LETTERS, TRANSITIONS, WATERMARK).contains(setting)) {
      return;
    }
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    Config config;
    try {
      config = await(admin.describeConfigs(Set.of(resource)).values().get(resource));
    } catch (AuthorizationException e) {
      // This login may not see the topic's settings.
      return;
    }
    String policy = config.get(TopicConfig.CLEANUP_POLICY_CONFIG).value();
    String fault =
        switch (setting) {
          case DEAD_LETTERS -> AdminBrokers.compacted(topic, config);
          case TRANSITIONS ->
              policy.contains("compact")
                  ? "%s is compacted, which deletes all but the last transition of an instance: set its cleanup.policy to delete."
                      .formatted(topic)
                  : "";
          default ->
              policy.equals("compact")
                  ? ""
                  : "%s deletes old records, and so the watermark: set its cleanup.policy to compact."
                      .formatted(topic);
        };
    if (!fault.isEmpty()) {
      throw new CommandFailedException(fault);
    }
  }

  private static String group(Admin admin, String group, AclOperation use) {
    String refusal =
        "This login may not use the consumer group %s: grant it %s there."
            .formatted(group, right(use));
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
      if (!allows(description.authorizedOperations(), use)) {
        throw new CommandFailedException(refusal);
      }
      members = description.members().size();
    } catch (GroupAuthorizationException e) {
      throw new CommandFailedException(refusal, e);
    } catch (GroupIdNotFoundException e) {
      // Nobody has used it.
    }
    return "%s: %s now.".formatted(group, Words.count(members, "member"));
  }

  private static String memory(Admin admin, Settings settings) {
    String id = ChangeFeed.applicationId(settings);
    String fault =
        await(
            new AdminBrokers(() -> admin)
                .faultOfMemory(ChangeFeed.memory(settings), settings.getString(INSTANCES)));
    if (!fault.isEmpty()) {
      throw new CommandFailedException(fault);
    }
    return id
        + "-…-changelog: compacted, with the partitions of "
        + INSTANCES
        + ", or still to be created.";
  }

  private static String transactions(Admin admin, String prefix) {
    String any = prefix + "-check";
    try {
      await(admin.describeTransactions(Set.of(any)).description(any));
    } catch (TransactionalIdAuthorizationException e) {
      throw new CommandFailedException(
          "This login may not use them: grant it Write on the ids that begin with %s-."
              .formatted(prefix),
          e);
    } catch (TransactionalIdNotFoundException e) {
      // As expected: nobody has used it, and this login may ask for it.
    }
    return prefix
        + "-…: this login may see them. That it may also write with them, the brokers do not tell.";
  }

  /** Brokers without an authorizer, and old ones, name no operations: then all are allowed. */
  private static boolean allows(Collection<AclOperation> named, AclOperation use) {
    return named == null || named.isEmpty() || named.contains(use);
  }

  private void api() {
    Settings settings;
    try {
      settings = context.settings(Settings.Part.ENOS);
    } catch (SettingsException e) {
      skip("fix the settings first", List.of(TOKEN_SERVICE, CLOCK));
      return;
    }
    String baseUrl = settings.getString("enos.base-url") + ": ";
    try (EnosApi api = EnosApi.start(settings)) {
      if (ask(TOKEN_SERVICE, baseUrl, () -> token(settings, api.tokens()))) {
        ask(CLOCK, baseUrl, () -> clock(settings, api));
      } else {
        skip("it needs an access token", Set.of(CLOCK));
      }
    } catch (CommandFailedException e) {
      tell("fix", TOKEN_SERVICE, baseUrl + e.getMessage());
      skip("no call to that address is possible", Set.of(CLOCK));
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
    return "%s, %s, reports the time %s%s."
        .formatted(
            settings.getString("enos.base-url"),
            settings.getString("enos.api-version"),
            theirs,
            skew.abs().compareTo(NOTABLE_SKEW) < 0
                ? ""
                : ", and this machine's clock is %s %s: the API may refuse its signatures"
                    .formatted(Words.duration(skew.abs()), skew.isNegative() ? "ahead" : "behind"));
  }

  /** Prints the answer, or what to fix; returns whether there is nothing to fix. */
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

  private void skip(String why, Collection<String> subjects) {
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
