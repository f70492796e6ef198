package io.flowinstance.command;

import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.HorizontalAlign;
import com.github.freva.asciitable.OverflowBehaviour;
import io.flowinstance.Settings;
import io.flowinstance.delivery.DeadLetter;
import io.flowinstance.delivery.DeadLetterReason;
import io.flowinstance.fetch.RateLimits;
import io.flowinstance.kafka.KafkaClients;
import io.github.resilience4j.ratelimiter.RateLimiter;
import java.io.PrintWriter;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.KafkaException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Sends dead letters back to the topic of ids, each once: records and progress are committed in one
 * transaction.
 *
 * <p>Progress is kept as offsets of a consumer group, {@code <kafka.group-id>-replay}. A filter
 * leaves some dead letters behind, which a later replay may mean; see {@link ReplayProgress} for
 * how each is known to be taken or not. Its memory ends where Kafka's does: the offsets of a group
 * that nobody consumes in are forgotten after {@code offsets.retention.minutes} (7 days) without a
 * replay, and so should the dead letters be.
 *
 * <p>Two replays at once cannot both commit: the transactional id {@code <prefix>-replay} is that
 * of whichever began last, and the other one stops.
 */
@Command(
    name = "replay-dead-letters",
    mixinStandardHelpOptions = true,
    header = "Sends dead letters back to the pipeline, each once.",
    description = {
      "Sends dead letters back to the topic of ids, oldest first in each partition, each once: what"
          + " an earlier replay took is not taken again, whatever the options; what it skipped is"
          + " still there.",
      ""
    })
final class ReplayDeadLetters implements Callable<Integer> {
  private static final int MESSAGE_WIDTH = 60;

  private final Surroundings surroundings;

  @Spec private CommandSpec spec;

  @Option(
      names = "--reason",
      split = ",",
      paramLabel = "<reason>",
      description = "Only these: ${COMPLETION-CANDIDATES}. May be given more than once.")
  private List<DeadLetterReason> reasons = List.of();

  @Option(
      names = "--since",
      paramLabel = "<time>",
      description =
          "Only what failed then or later: 2026-01-31T10:00:00Z, 2026-01-31T10:00 (UTC), or 2h ago"
              + " as 2h.")
  private Instant since;

  @Option(names = "--until", paramLabel = "<time>", description = "Only what failed before.")
  private Instant until;

  @Option(names = "--max", paramLabel = "<number>", description = "At most so many in this run.")
  private long max = Long.MAX_VALUE;

  @Option(
      names = "--max-replays",
      paramLabel = "<number>",
      defaultValue = "3",
      description =
          "Leave what was replayed so often and failed again (default: ${DEFAULT-VALUE}).")
  private int maxReplays;

  @Option(
      names = "--rate",
      paramLabel = "<number>",
      description = "At most so many per second (default: no limit).")
  private Integer rate;

  @Option(
      names = "--dry-run",
      description = "List what would be replayed, and change nothing on the brokers.")
  private boolean dryRun;

  ReplayDeadLetters(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() {
    refuseNonsense();
    Settings settings = surroundings.settings(Settings.Part.KAFKA);
    KafkaClients clients = new KafkaClients(settings::kafkaConnection);
    Set<DeadLetterReason> meant = EnumSet.noneOf(DeadLetterReason.class);
    meant.addAll(reasons);
    Replay.Topics topics =
        new Replay.Topics(
            settings.text("topic.dead-letters"),
            settings.text("topic.instance-ids"),
            settings.text("kafka.group-id") + "-replay");
    Replay replay =
        new Replay(clients, topics, new ReplayFilter(meant, since, until, maxReplays), max);
    if (dryRun) {
      list(replay);
    } else {
      Map<Replay.Fate, Long> tally = replay(replay, clients, settings, topics);
      spec.commandLine().getOut().println(summary(tally, "replayed"));
    }
    return 0;
  }

  private void refuseNonsense() {
    if (max < 1 || maxReplays < 1 || rate != null && rate < 1) {
      throw new ParameterException(
          spec.commandLine(), "--max, --max-replays and --rate take numbers from 1.");
    }
    if (since != null && until != null && !since.isBefore(until)) {
      throw new ParameterException(
          spec.commandLine(), "--since %s is not before --until %s.".formatted(since, until));
    }
  }

  private void list(Replay replay) {
    List<DeadLetter> taken = new ArrayList<>();
    Map<Replay.Fate, Long> tally;
    try (Progress progress = Progress.of(surroundings, "Reading", -1)) {
      tally = replay.run((letter, idRecord) -> taken.add(letter), watch(progress));
    }
    PrintWriter out = spec.commandLine().getOut();
    if (!taken.isEmpty()) {
      out.println(
          AsciiTable.builder()
              .border(AsciiTable.BASIC_ASCII_NO_DATA_SEPARATORS_NO_OUTSIDE_BORDER)
              .data(
                  taken,
                  List.of(
                      column("reason").with(letter -> Printable.of(letter.reason())),
                      column("instance id or key").with(letter -> Printable.of(letter.subject())),
                      column("failed at").with(ReplayDeadLetters::failedAt),
                      column("replays")
                          .dataAlign(HorizontalAlign.RIGHT)
                          .with(letter -> Integer.toString(letter.replays())),
                      column("message")
                          .maxWidth(MESSAGE_WIDTH, OverflowBehaviour.ELLIPSIS_RIGHT)
                          .with(letter -> Printable.of(letter.message()))))
              .asString());
    }
    out.println(summary(tally, "would be replayed"));
  }

  private static Column column(String header) {
    return new Column()
        .header(header)
        .headerAlign(HorizontalAlign.LEFT)
        .dataAlign(HorizontalAlign.LEFT);
  }

  private static String failedAt(DeadLetter letter) {
    return letter.failedAt() == null ? "" : letter.failedAt().toString();
  }

  private Map<Replay.Fate, Long> replay(
      Replay replay, KafkaClients clients, Settings settings, Replay.Topics topics) {
    RateLimiter limiter = RateLimits.of(rate == null ? 0 : rate);
    Producer<byte[], byte[]> producer =
        clients.transactionalProducer(
            settings.transactionalIdPrefix() + "-replay",
            settings.whole("kafka.transaction-timeout-ms"),
            settings.whole("kafka.max-request-size"),
            settings.text("kafka.compression-type"));
    try (ReplayTransactions transactions = new ReplayTransactions(producer, topics.groupId());
        Progress progress = Progress.of(surroundings, "Replaying", -1)) {
      // Before anything is read: it ends what a killed replay left open, one way or the other.
      producer.initTransactions();
      try {
        Map<Replay.Fate, Long> tally =
            replay.run(
                (letter, idRecord) -> {
                  RateLimits.await(limiter);
                  transactions.add(idRecord, replay::offsets);
                },
                watch(progress));
        transactions.finish(replay::offsets);
        return tally;
      } catch (KafkaException | CommandFailedException e) {
        throw new CommandFailedException(
            "%s%n%s replayed for good; run this again to replay the others."
                .formatted(Failures.sentence(e), Count.of(transactions.committed(), "dead letter")),
            e);
      }
    }
  }

  private Replay.Watch watch(Progress progress) {
    Consumer<String> err = spec.commandLine().getErr()::println;
    return new Replay.Watch() {
      @Override
      public void at(long looked, long all) {
        progress.to(looked, all);
      }

      @Override
      public void valueGone(DeadLetter letter) {
        DeadLetter.Origin origin = letter.origin();
        err.accept(
            "The dead letter at offset %d of partition %d was too large for its value, and its id record is no more%s: it cannot be replayed."
                .formatted(
                    letter.stored().offset(),
                    letter.stored().partition(),
                    origin == null
                        ? " known"
                        : " at offset %d of %s"
                            .formatted(
                                origin.offset(), Printable.of(origin.partition().toString()))));
      }
    };
  }

  private String summary(Map<Replay.Fate, Long> tally, String what) {
    StringBuilder summary =
        new StringBuilder("%d %s".formatted(count(tally, Replay.Fate.REPLAYED), what));
    add(summary, count(tally, Replay.Fate.TAKEN_BEFORE), "taken by an earlier replay");
    add(summary, count(tally, Replay.Fate.SKIPPED), "left by the filter");
    add(
        summary,
        count(tally, Replay.Fate.AT_THE_CEILING),
        "left after %s or more".formatted(Count.of(maxReplays, "replay")));
    add(summary, count(tally, Replay.Fate.VALUE_GONE), "without a value, not to be had any more");
    return summary.append('.').toString();
  }

  private static void add(StringBuilder summary, long count, String what) {
    if (count > 0) {
      summary.append(", ").append(count).append(' ').append(what);
    }
  }

  private static long count(Map<Replay.Fate, Long> tally, Replay.Fate fate) {
    return tally.getOrDefault(fate, 0L);
  }
}
