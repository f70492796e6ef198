package io.flowinstance.command;

import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.HorizontalAlign;
import com.github.freva.asciitable.OverflowBehaviour;
import io.flowinstance.config.Settings;
import io.flowinstance.fetch.RateLimits;
import io.flowinstance.json.Printable;
import io.flowinstance.kafka.KafkaClients;
import io.flowinstance.outcome.DeadLetter;
import io.flowinstance.outcome.DeadLetterReason;
import io.github.resilience4j.ratelimiter.RateLimiter;
import java.io.PrintWriter;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.KafkaException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Sends dead letters back to the topic of ids, one id record for each.
 *
 * <p>A run without a filter starts where the last one ended: at the committed offsets of the
 * consumer group {@code <kafka.group-id>-replay}, which are committed in one transaction with the
 * id records. A run with a filter neither reads nor commits offsets.
 *
 * <p>Two replays at once cannot both commit: the one that began last takes over the transactional
 * id {@code <prefix>-replay}, and the other one stops.
 */
@Command(
    name = "replay-dead-letters",
    mixinStandardHelpOptions = true,
    header = "Sends dead letters back to the pipeline.",
    description = {
      "Sends dead letters back to the topic of ids, oldest first in each partition.",
      "",
      "Without --reason, --since, --until and --max-replays, a run starts where the last such run"
          + " ended and replays each dead letter once.",
      "With any of them, a run replays a selection of all dead letters on the topic. It may repeat"
          + " what was already replayed, and a later run may repeat what it replays.",
      ""
    })
final class ReplayDeadLetters implements Callable<Integer> {
  private static final int MESSAGE_WIDTH = 60;

  private final CommandContext context;

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
          "Only what failed at or after this time: 2026-01-31T10:00:00Z, 2026-01-31T10:00 (UTC), or"
              + " 2h for two hours ago.")
  private Instant since;

  @Option(
      names = "--until",
      paramLabel = "<time>",
      description = "Only what failed before this time.")
  private Instant until;

  @Option(
      names = "--max",
      paramLabel = "<number>",
      description = "Replay at most this many in this run.")
  private long max = Long.MAX_VALUE;

  @Option(
      names = "--max-replays",
      paramLabel = "<number>",
      description =
          "Only what was replayed fewer times (default: "
              + ReplayFilter.DEFAULT_MAX_REPLAYS
              + ", also for runs without a filter).")
  private Integer maxReplays;

  @Option(
      names = "--rate",
      paramLabel = "<number>",
      description = "Replay at most this many per second (default: no limit).")
  private Integer rate;

  @Option(
      names = "--dry-run",
      description = "List what would be replayed, and change nothing on the brokers.")
  private boolean dryRun;

  ReplayDeadLetters(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    refuseNonsense();
    Settings settings = context.settings(Settings.Part.KAFKA);
    KafkaClients clients = new KafkaClients(settings::kafkaConnection);
    ReplayFilter filter = new ReplayFilter(Set.copyOf(reasons), since, until, maxReplays);
    Replay.Topics topics =
        new Replay.Topics(
            settings.getString("topic.dead-letters"),
            settings.getString("topic.instance-ids"),
            settings.getString("kafka.group-id") + "-replay");
    PrintWriter err = spec.commandLine().getErr();
    if (!filter.isEmpty()) {
      err.println(
          "This run is a selection: it may repeat dead letters that were already replayed, and"
              + " runs without a filter still start where the last of them ended.");
    }
    Replay replay = new Replay(clients, topics, filter, max, err);
    Map<Replay.Result, Long> results =
        dryRun ? list(replay) : replay(replay, filter, clients, settings, topics);
    spec.commandLine().getOut().println(summary(results, filter));
    return 0;
  }

  private void refuseNonsense() {
    if (max < 1 || maxReplays != null && maxReplays < 1 || rate != null && rate < 1) {
      throw new ParameterException(
          spec.commandLine(), "--max, --max-replays and --rate take numbers from 1.");
    }
    if (since != null && until != null && !since.isBefore(until)) {
      throw new ParameterException(
          spec.commandLine(), "--since %s is not before --until %s.".formatted(since, until));
    }
  }

  private Map<Replay.Result, Long> list(Replay replay) {
    List<DeadLetter> selected = new ArrayList<>();
    Map<Replay.Result, Long> results;
    try (Progress progress = Progress.of(context, "Reading", -1)) {
      results = replay.run(progress, (letter, idRecord) -> selected.add(letter));
    }
    if (!selected.isEmpty()) {
      spec.commandLine()
          .getOut()
          .println(
              AsciiTable.builder()
                  .border(AsciiTable.BASIC_ASCII_NO_DATA_SEPARATORS_NO_OUTSIDE_BORDER)
                  .data(
                      selected,
                      List.of(
                          column("reason").with(letter -> Printable.of(letter.reason())),
                          column("instance id or key")
                              .with(letter -> Printable.of(letter.subject())),
                          column("failed at").with(ReplayDeadLetters::failedAt),
                          column("replays")
                              .dataAlign(HorizontalAlign.RIGHT)
                              .with(letter -> Integer.toString(letter.replays())),
                          column("message")
                              .maxWidth(MESSAGE_WIDTH, OverflowBehaviour.ELLIPSIS_RIGHT)
                              .with(letter -> Printable.of(letter.message()))))
                  .asString());
    }
    return results;
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

  private Map<Replay.Result, Long> replay(
      Replay replay,
      ReplayFilter filter,
      KafkaClients clients,
      Settings settings,
      Replay.Topics topics) {
    RateLimiter limiter = RateLimits.of(rate == null ? 0 : rate);
    Producer<byte[], byte[]> producer =
        clients.transactionalProducer(
            settings.transactionalIdPrefix() + "-replay",
            settings.getInt("kafka.transaction-timeout-ms"),
            settings.getInt("kafka.max-request-size"),
            settings.getString("kafka.compression-type"));
    try (ReplayTransactions transactions = new ReplayTransactions(producer, topics.groupId());
        Progress progress = Progress.of(context, "Replaying", -1)) {
      // Before the position is read: it commits or aborts what a killed replay left open.
      producer.initTransactions();
      try {
        Map<Replay.Result, Long> results =
            replay.run(
                progress,
                (letter, idRecord) -> {
                  RateLimits.await(limiter);
                  transactions.add(idRecord, replay::offsets);
                });
        transactions.finish(replay.offsets());
        return results;
      } catch (KafkaException | CommandFailedException e) {
        throw new CommandFailedException(
            "%s%n%s replayed; %s."
                .formatted(
                    Failures.sentence(e),
                    Count.of(transactions.committed(), "dead letter"),
                    filter.isEmpty()
                        ? "run this again to replay the others"
                        : "the same run again would repeat them"),
            e);
      }
    }
  }

  private String summary(Map<Replay.Result, Long> results, ReplayFilter filter) {
    StringBuilder summary =
        new StringBuilder()
            .append(results.getOrDefault(Replay.Result.REPLAYED, 0L))
            .append(dryRun ? " would be replayed" : " replayed");
    add(summary, results.get(Replay.Result.NOT_SELECTED), "not selected");
    String often = Count.of(filter.replayLimit(), "replay");
    add(summary, results.get(Replay.Result.EXHAUSTED), "left after " + often + " or more");
    add(summary, results.get(Replay.Result.RECORD_GONE), "cannot be replayed");
    return summary.append('.').toString();
  }

  private static void add(StringBuilder summary, Long count, String what) {
    if (count != null) {
      summary.append(", ").append(count).append(' ').append(what);
    }
  }
}
