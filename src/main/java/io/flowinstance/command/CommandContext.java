package io.flowinstance.command;

import io.flowinstance.config.Settings;
import io.flowinstance.kafka.AdminBrokers;
import io.flowinstance.kafka.KafkaFaults;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.time.Clock;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.function.BooleanSupplier;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/**
 * What a command finds where it runs.
 *
 * @param environment the settings, by the names of environment variables
 * @param in standard input
 * @param clock tells what "two hours ago" means
 * @param unicode whether standard output can show more than ASCII
 * @param watched tells whether standard error is a terminal
 */
record CommandContext(
    Map<String, String> environment,
    InputStream in,
    Clock clock,
    boolean unicode,
    BooleanSupplier watched) {
  private static final int WIDTH = 78;

  /** The settings, of which these parts can be used. */
  Settings settings(Settings.Part... used) {
    return Settings.resolve(environment, Map.of(), Set.of(used));
  }

  /**
   * A progress bar on standard error, if somebody watches; it vanishes in the end.
   *
   * @param most the count at which it is done, or -1 when that is not known yet
   */
  ProgressBar progress(String what, long most) {
    return new ProgressBarBuilder()
        .setTaskName(what)
        .setInitialMax(most)
        .setStyle(unicode ? ProgressBarStyle.COLORFUL_UNICODE_BAR : ProgressBarStyle.ASCII)
        .setConsumer(
            watched.getAsBoolean()
                ? new ConsoleProgressBarConsumer(
                    new PrintStream(new FileOutputStream(FileDescriptor.err), true), WIDTH)
                : new DelegatingProgressBarConsumer(unwatched -> {}, WIDTH))
        .clearDisplayOnFinish()
        .build();
  }

  /** What the brokers answer; fails with what went wrong, as Kafka says it. */
  static <T> T await(KafkaFuture<T> answer) {
    return await(answer.toCompletionStage());
  }

  /** As {@link #await(KafkaFuture)}. */
  static <T> T await(CompletionStage<T> answer) {
    try {
      return answer.toCompletableFuture().get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof KafkaException kafka ? kafka : new KafkaException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandFailedException("Interrupted.", e);
    }
  }

  /** The partitions of a topic; fails with a sentence when there is none, or none to be seen. */
  static Set<TopicPartition> partitions(AdminBrokers brokers, String topic) {
    try {
      return await(brokers.partitions(topic));
    } catch (UnknownTopicOrPartitionException e) {
      throw new CommandFailedException(
          "Topic %s does not exist: create it, or fix the setting.".formatted(topic), e);
    } catch (AuthorizationException e) {
      throw new CommandFailedException(KafkaFaults.mayNotUse(topic), e);
    }
  }
}
