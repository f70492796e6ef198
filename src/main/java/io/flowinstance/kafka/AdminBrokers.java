package io.flowinstance.kafka;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsOptions;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Asks the brokers by an {@link Admin}, which is made anew when its login fails. */
public final class AdminBrokers implements Brokers, AutoCloseable {
  private static final int PING_MS = 2_000;
  private static final int OFFSET_MS = 5_000;

  /** In the words of Kafka's client, which has no exception for it. */
  static final String DEAD = "The AdminClient thread has exited.";

  private static final long FAULT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private final Supplier<Admin> admins;
  private Admin admin;

  /** Why the last one could not be made, or null. */
  private RuntimeException fault;

  private long failedAt;
  private boolean closed;

  /**
   * @param admins makes a client, with the credentials of now
   */
  public AdminBrokers(Supplier<Admin> admins) {
    this.admins = admins;
  }

  @Override
  public CompletionStage<Void> ping() {
    return ask(
        client ->
            client
                .describeCluster(new DescribeClusterOptions().timeoutMs(PING_MS))
                .clusterId()
                .thenApply(id -> null));
  }

  @Override
  public CompletionStage<Set<TopicPartition>> partitions(String topic) {
    return describe(topic)
        .thenApply(
            description ->
                description.partitions().stream()
                    .map(each -> new TopicPartition(topic, each.partition()))
                    .collect(Collectors.toSet()));
  }

  private CompletionStage<TopicDescription> describe(String topic) {
    return ask(client -> client.describeTopics(Set.of(topic)).topicNameValues().get(topic));
  }

  @Override
  public CompletionStage<Map<TopicPartition, Optional<OffsetAndMetadata>>> committed(
      String groupId, Set<TopicPartition> partitions) {
    return ask(
        client ->
            client
                .listConsumerGroupOffsets(
                    Map.of(groupId, new ListConsumerGroupOffsetsSpec().topicPartitions(partitions)),
                    new ListConsumerGroupOffsetsOptions().requireStable(true))
                .partitionsToOffsetAndMetadata(groupId)
                .thenApply(AdminBrokers::known));
  }

  /**
   * The client leaves a partition out whose offset is not stable, as it does after any error, and
   * gives null for one that has no offset: to take the one for the other begins the partition anew.
   */
  private static Map<TopicPartition, Optional<OffsetAndMetadata>> known(
      Map<TopicPartition, OffsetAndMetadata> answer) {
    Map<TopicPartition, Optional<OffsetAndMetadata>> known = new HashMap<>();
    answer.forEach((partition, offset) -> known.put(partition, Optional.ofNullable(offset)));
    return known;
  }

  @Override
  public CompletionStage<Map<TopicPartition, DoneOffsets.Range>> bounds(
      Set<TopicPartition> partitions) {
    Map<TopicPartition, CompletableFuture<DoneOffsets.Range>> asked = new HashMap<>();
    partitions.forEach(each -> asked.put(each, bounds(each).toCompletableFuture()));
    return CompletableFuture.allOf(asked.values().toArray(CompletableFuture[]::new))
        .handle(
            (all, failure) -> {
              Map<TopicPartition, DoneOffsets.Range> known = new HashMap<>();
              asked.forEach(
                  (partition, bounds) -> {
                    if (!bounds.isCompletedExceptionally()) {
                      known.put(partition, bounds.join());
                    }
                  });
              if (known.isEmpty()
                  && failure != null
                  && !(Answers.failure(failure) instanceof RetriableException)) {
                throw new CompletionException(failure);
              }
              return known;
            });
  }

  private CompletionStage<DoneOffsets.Range> bounds(TopicPartition partition) {
    return offset(partition, OffsetSpec.earliest())
        .thenCombine(
            offset(partition, OffsetSpec.latest()),
            (beginning, end) -> new DoneOffsets.Range(beginning.offset(), end.offset()));
  }

  private CompletionStage<ListOffsetsResultInfo> offset(TopicPartition of, OffsetSpec which) {
    // One without a leader must not keep the others waiting.
    ListOffsetsOptions soon = new ListOffsetsOptions().timeoutMs(OFFSET_MS);
    return ask(client -> client.listOffsets(Map.of(of, which), soon).partitionResult(of));
  }

  @Override
  public CompletionStage<String> faultOf(List<String> topics, String deadLetterTopic) {
    CompletionStage<String> fault = CompletableFuture.completedStage("");
    for (String topic : topics) {
      fault = fault.thenCombine(fault(topic), (before, now) -> before.isEmpty() ? now : before);
    }
    return deadLetterTopic.isEmpty()
        ? fault
        : fault.thenCombine(
            faultOfConfig(deadLetterTopic, AdminBrokers::compacted),
            (before, now) -> before.isEmpty() ? now : before);
  }

  private CompletionStage<String> fault(String topic) {
    return describe(topic)
        .handle(
            (description, failure) ->
                failure == null ? "" : sentence(topic, Answers.failure(failure)));
  }

  private static String sentence(String topic, KafkaException failure) {
    if (failure instanceof UnknownTopicOrPartitionException) {
      return "Topic %s does not exist: create it.".formatted(topic);
    }
    if (failure instanceof AuthorizationException) {
      return KafkaFaults.mayNotUse(topic);
    }
    throw new CompletionException(failure);
  }

  /**
   * What keeps the change feed from remembering. The topics of its memory have as many partitions
   * as the one it reads, and are compacted; it makes those that do not exist.
   *
   * @param memory the topics of its memory
   * @param topic the one it reads
   * @return one sentence; empty when nothing does
   */
  public CompletionStage<String> faultOfMemory(List<String> memory, String topic) {
    return partitions(topic)
        .thenCompose(
            read ->
                memory.stream()
                    .map(each -> faultOfMemory(each, topic, read.size()))
                    .reduce(
                        CompletableFuture.completedStage(""),
                        (one, other) ->
                            one.thenCombine(
                                other, (first, next) -> first.isEmpty() ? next : first)));
  }

  private CompletionStage<String> faultOfMemory(String memory, String topic, int partitions) {
    return partitions(memory)
        .thenCompose(
            has ->
                has.size() == partitions
                    ? faultOfConfig(memory, AdminBrokers::forgets)
                    : CompletableFuture.completedStage(
                        ("Topic %s has %d partitions, and %s has %d, so the change feed cannot"
                                + " start: start it again from nothing, as docs/change-feed.md says.")
                            .formatted(memory, has.size(), topic, partitions)))
        .exceptionallyCompose(
            failure ->
                Answers.failure(failure) instanceof UnknownTopicOrPartitionException
                    ? faultOfCreation(memory, partitions)
                    : CompletableFuture.completedStage(sentence(memory, Answers.failure(failure))));
  }

  /** Asks whether the topic could be made, and does not make it. */
  private CompletionStage<String> faultOfCreation(String topic, int partitions) {
    NewTopic missing = new NewTopic(topic, Optional.of(partitions), Optional.empty());
    CreateTopicsOptions asking = new CreateTopicsOptions().validateOnly(true);
    return ask(client -> client.createTopics(List.of(missing), asking).all())
        .thenApply(none -> "")
        .exceptionally(
            failure -> {
              if (Answers.failure(failure) instanceof AuthorizationException) {
                return ("Topic %s does not exist, and this login may not create it: create it,"
                        + " compacted, with %d partitions.")
                    .formatted(topic, partitions);
              }
              throw new CompletionException(failure);
            });
  }

  /** Empty if this login may not see the topic's settings: it then goes on without this check. */
  private CompletionStage<String> faultOfConfig(
      String topic, BiFunction<String, Config, String> fault) {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    return ask(client -> client.describeConfigs(Set.of(resource)).values().get(resource))
        .handle((config, failure) -> failure == null ? fault.apply(topic, config) : "");
  }

  /** Says that a topic of the change feed's memory must be compacted, and nothing else. */
  private static String forgets(String topic, Config config) {
    return config.get(TopicConfig.CLEANUP_POLICY_CONFIG).value().equals("compact")
        ? ""
        : ("Topic %s would delete what the change feed remembers: set its cleanup.policy to"
                + " compact.")
            .formatted(topic);
  }

  /**
   * Says that a topic of dead letters must not be compacted.
   *
   * @return one sentence, or empty
   */
  public static String compacted(String topic, Config config) {
    return config.get(TopicConfig.CLEANUP_POLICY_CONFIG).value().contains("compact")
        ? ("Topic %s is compacted, which deletes dead letters and refuses those without a key: set"
                + " its cleanup.policy to delete.")
            .formatted(topic)
        : "";
  }

  private <T> CompletionStage<T> ask(Function<Admin, KafkaFuture<T>> question) {
    Admin client;
    CompletionStage<T> asked;
    try {
      client = client();
      asked = question.apply(client).toCompletionStage();
    } catch (RuntimeException | Error e) {
      // An Error too: whoever asks waits for an answer before it asks again.
      return CompletableFuture.failedStage(e);
    }
    return asked.whenComplete(
        (answer, failure) -> {
          if (failure != null && isOfNoUse(failure)) {
            discard(client);
          }
        });
  }

  /**
   * Whether a client that fails so never answers again: its login was refused, for credentials
   * change, or its thread has died of an Error.
   */
  private static boolean isOfNoUse(Throwable failure) {
    return Answers.failure(failure) instanceof AuthenticationException
        || DEAD.equals(KafkaFaults.root(failure).getMessage());
  }

  /** To make one may take the seconds of a login: whoever waited for it shares its failure. */
  private Admin client() {
    long asked = System.nanoTime();
    synchronized (this) {
      if (closed) {
        throw new KafkaException("This process is stopping.");
      }
      if (admin == null) {
        if (fault != null && asked - failedAt < FAULT_NANOS) {
          throw fault;
        }
        try {
          admin = admins.get();
          fault = null;
        } catch (RuntimeException e) {
          fault = e;
          failedAt = System.nanoTime();
          throw e;
        }
      }
      return admin;
    }
  }

  private synchronized void discard(Admin client) {
    if (admin == client) {
      admin = null;
      // Not on its own thread, which would wait for itself.
      new Thread(() -> client.close(Duration.ZERO), "close-admin").start();
    }
  }

  @Override
  public void close() {
    Admin last;
    synchronized (this) {
      closed = true;
      last = admin;
      admin = null;
    }
    if (last != null) {
      // It waits for its thread, which may be about to ask something more.
      last.close(Duration.ZERO);
    }
  }
}
