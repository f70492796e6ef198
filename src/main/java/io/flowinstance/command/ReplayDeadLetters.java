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
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Sends dead letters back to the topic of ids, one id record for each. A run with a filter neither
 * reads nor commits offsets.
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
  private static final int HIGHEST_RATE = 1_000_000;

  /** Of a table: there may be more dead letters than the heap holds rows of. */
  private static final int MOST_ROWS = 1_000;

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

  @Option(
      names = "--json",
      description =
          "With --dry-run: print each dead letter whole, one JSON object per line: topic, key,"
              + " headers, value.")
  private boolean json;

  ReplayDeadLetters(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    if (max < 1
        || maxReplays != null && maxReplays < 1
        || rate != null && (rate < 1 || rate > HIGHEST_RATE)) {
      throw new ParameterException(
          spec.commandLine(),
          "--max, --max-replays and --rate take numbers from 1, --rate up to %d."
              .formatted(HIGHEST_RATE));
    }
    if (since != null && until != null && !since.isBefore(until)) {
      throw new ParameterException(
          spec.commandLine(), "--since %s is not before --until %s.".formatted(since, until));
    }
    if (json && !dryRun) {
      throw new ParameterException(spec.commandLine(), "--json requires --dry-run.");
    }
    Settings settings = context.settings(Settings.Part.KAFKA);
    ReplayFilter filter = new ReplayFilter(Set.copyOf(reasons), since, until, maxReplays);
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter err = spec.commandLine().getErr();
    if (!filter.isEmpty()) {
      err.println(
          "This run is a selection: it may repeat dead letters that were already replayed, and"
              + " runs without a filter still start where the last of them ended.");
    }
    KafkaClients clients = new KafkaClients(settings::kafkaConnection);
    RateLimiter limiter = RateLimits.of(rate == null || dryRun ? 0 : rate);
    List<Row> selected = new ArrayList<>();
    Map<Replay.Result, Long> results;
    try (Replay replay = new Replay(clients, settings, filter, max, dryRun, err);
        ProgressBar progress = context.progress(dryRun ? "Reading" : "Replaying", -1)) {
      try {
        results =
            replay.run(
                progress,
                letter -> {
                  RateLimits.await(limiter);
                  if (json) {
                    out.println(MessageJson.line(whole(letter.stored())));
                  } else if (dryRun) {
                    selected.add(Row.of(letter));
                    if (selected.size() == MOST_ROWS) {
                      out.println(table(selected));
                      selected.clear();
                    }
                  }
                });
      } catch (KafkaException | CommandFailedException e) {
        if (dryRun) {
          throw e;
        }
        throw new CommandFailedException(
            "%s%n%s replayed; %s."
                .formatted(
                    CommandFailedException.sentence(e),
                    Words.count(replay.committed(), "dead letter"),
                    filter.isEmpty()
                        ? "run this again to replay the others"
                        : "the same run again would repeat them"),
            e);
      }
    }
    if (!selected.isEmpty()) {
      out.println(table(selected));
    }
    (json ? err : out).println(summary(results, filter));
    return 0;
  }

  private static ProducerRecord<byte[], byte[]> whole(ConsumerRecord<byte[], byte[]> stored) {
    return new ProducerRecord<>(
        stored.topic(), stored.partition(), stored.key(), stored.value(), stored.headers());
  }

  /** What the table shows of a dead letter: there may be more of them than the heap holds. */
  private record Row(
      String reason, String subject, String failedAt, String replays, String message) {
    static Row of(DeadLetter letter) {
      return new Row(
          shown(letter.reason()),
          shown(letter.subject()),
          Objects.toString(letter.failedAt(), ""),
          Integer.toString(letter.replays()),
          shown(letter.message()));
    }

    /** With a character more than fits, so that the table shows that some are missing. */
    private static String shown(String text) {
      return Printable.of(text.substring(0, Math.min(text.length(), MESSAGE_WIDTH + 1)));
    }
  }

  private static String table(List<Row> rows) {
    return AsciiTable.builder()
        .border(AsciiTable.BASIC_ASCII_NO_DATA_SEPARATORS_NO_OUTSIDE_BORDER)
        .data(
            rows,
            List.of(
                column("reason").with(Row::reason),
                column("instance id or key")
                    .maxWidth(MESSAGE_WIDTH, OverflowBehaviour.ELLIPSIS_RIGHT)
                    .with(Row::subject),
                column("failed at").with(Row::failedAt),
                column("replays").dataAlign(HorizontalAlign.RIGHT).with(Row::replays),
                column("message")
                    .maxWidth(MESSAGE_WIDTH, OverflowBehaviour.ELLIPSIS_RIGHT)
                    .with(Row::message)))
        .asString();
  }

  private static Column column(String header) {
    return new Column()
        .header(header)
        .headerAlign(HorizontalAlign.LEFT)
        .dataAlign(HorizontalAlign.LEFT);
  }

  private String summary(Map<Replay.Result, Long> results, ReplayFilter filter) {
    StringBuilder summary =
        new StringBuilder()
            .append(results.getOrDefault(Replay.Result.REPLAYED, 0L))
            .append(dryRun ? " would be replayed" : " replayed");
    results.forEach(
        (result, count) -> {
          String what =
              switch (result) {
                case REPLAYED -> null;
                case NOT_SELECTED -> "not selected";
                case EXHAUSTED ->
                    "left after %s or more".formatted(Words.count(filter.replayLimit(), "replay"));
                case NOT_REPLAYABLE -> "cannot be replayed";
              };
          if (what != null) {
            summary.append(", ").append(count).append(' ').append(what);
          }
        });
    return summary.append('.').toString();
  }
}
