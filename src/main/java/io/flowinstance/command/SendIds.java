package io.flowinstance.command;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.app.MessageSettings;
import io.flowinstance.config.Settings;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.enos.InstanceSearch;
import io.flowinstance.id.IdRecordReader;
import io.flowinstance.json.Printable;
import io.flowinstance.kafka.AdminBrokers;
import io.flowinstance.kafka.KafkaClients;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import me.tongfei.progressbar.ProgressBar;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * Sends ids to the topic of ids, each once per run, keyed by the id. The producer is idempotent: no
 * id gets lost or doubled on the way. There is no transaction around them, because none would help:
 * a run that breaks off has sent the ids before, and the next run sends them again.
 */
@Command(
    name = "send-ids",
    mixinStandardHelpOptions = true,
    header = "Sends ids to the pipeline, from a file or found in EnOS.",
    description = {
      "Sends ids to the topic of ids, each once per run. They come from a file or standard input,"
          + " or, with --from and --to, from EnOS: every instance triggered in that time.",
      ""
    })
final class SendIds implements Callable<Integer> {
  private final CommandContext context;

  @Spec private CommandSpec spec;

  @Parameters(
      arity = "0..1",
      paramLabel = "FILE",
      description =
          "Ids, one per line; blank lines and lines that begin with # are ignored. Without it, or"
              + " with -: standard input.")
  private String file;

  @Option(
      names = "--from",
      paramLabel = "<time>",
      description =
          "The first trigger time: 2026-01-31T10:00:00Z, 2026-01-31T10:00 (UTC), or 2h"
              + " for two hours ago.")
  private Instant from;

  @Option(
      names = "--to",
      paramLabel = "<time>",
      description =
          "The end of the range, exclusive: instances triggered then or later are left out.")
  private Instant to;

  @Option(
      names = "--status",
      split = ",",
      paramLabel = "<status>",
      description =
          "With --from: only instances with these statuses: ${COMPLETION-CANDIDATES} (default: all).")
  private List<InstanceSearch.Status> statuses = List.of();

  @Option(
      names = "--type",
      split = ",",
      paramLabel = "<type>",
      description =
          "With --from: only instances of these schedule types: ${COMPLETION-CANDIDATES} (default: all).")
  private Set<InstanceSearch.Type> types = Set.of();

  @Option(names = "--dry-run", description = "Print the ids and send nothing.")
  private boolean dryRun;

  private boolean complete = true;

  SendIds(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() throws InterruptedException {
    refuseNonsense();
    Map<InstanceQuery, String> ids = from == null ? readIds() : findIds();
    if (dryRun) {
      PrintWriter out = spec.commandLine().getOut();
      ids.values().forEach(value -> out.println(Printable.of(value)));
    } else {
      send(ids);
    }
    return complete ? 0 : 1;
  }

  private void refuseNonsense() {
    String fault = null;
    if ((from == null) != (to == null)) {
      fault = "--from and --to must be used together.";
    } else if (from != null && file != null) {
      fault = "Ids come from FILE or, with --from and --to, from EnOS: not both.";
    } else if (from == null && !(statuses.isEmpty() && types.isEmpty())) {
      fault = "--status and --type need --from and --to.";
    } else if (from != null && !from.isBefore(to)) {
      fault = "--from %s is not before --to %s.".formatted(from, to);
    }
    if (fault != null) {
      throw new ParameterException(spec.commandLine(), fault);
    }
  }

  private Map<InstanceQuery, String> readIds() {
    // Reports faults of the settings before a long text is read.
    if (!dryRun) {
      context.settings(Settings.Part.KAFKA);
    }
    IdLines ids;
    if (file == null || file.equals("-")) {
      ids = IdLines.read(context.in(), "standard input");
    } else {
      try (InputStream in = Files.newInputStream(Path.of(file))) {
        ids = IdLines.read(in, file);
      } catch (IOException | InvalidPathException e) {
        throw new CommandFailedException("%s cannot be opened: %s".formatted(file, e), e);
      }
    }
    if (ids.repeated() > 0) {
      say(
          "Left out, because an earlier line asks for the same: %s.",
          Words.count(ids.repeated(), "line"));
    }
    return ids.values();
  }

  private Map<InstanceQuery, String> findIds() throws InterruptedException {
    Settings settings =
        dryRun
            ? context.settings(Settings.Part.ENOS)
            : context.settings(Settings.Part.ENOS, Settings.Part.KAFKA);
    Map<InstanceQuery, String> ids = new LinkedHashMap<>();
    try (EnosApi api = EnosApi.start(settings);
        ProgressBar progress = context.progress("Searching", -1)) {
      for (InstanceSearch.Type type :
          types.isEmpty() ? EnumSet.allOf(InstanceSearch.Type.class) : types) {
        InstanceSearch search =
            new InstanceSearch(MessageSettings.identity(settings), type, "", from, to, statuses);
        InstanceSearch.Found found =
            api.calls()
                .find(
                    search,
                    (ofPages, count) ->
                        progress.maxHint(count == null ? -1 : count).stepTo(ofPages));
        found
            .ids()
            .forEach(id -> ids.put(new InstanceQuery(id, null, null), IdRecordReader.value(id)));
        if (!found.fault().isEmpty()) {
          say("%s It is left out.", found.fault());
          complete = false;
        }
        if (found.ids().size() < found.count()) {
          say(
              "EnOS counts %s of type %s, but its pages contained %d: run this again for the rest.",
              Words.count(found.count(), "instance"), type, found.ids().size());
          complete = false;
        }
      }
    }
    return ids;
  }

  private void send(Map<InstanceQuery, String> ids) throws InterruptedException {
    Settings settings = context.settings(Settings.Part.KAFKA);
    String topic = settings.getString("topic.instance-ids");
    KafkaClients clients = new KafkaClients(settings::kafkaConnection);
    try (AdminBrokers brokers = new AdminBrokers(clients::admin)) {
      // A producer would create a missing topic, where the brokers allow that.
      CommandContext.partitions(brokers, topic);
    }
    AtomicLong sent = new AtomicLong();
    AtomicReference<Exception> failure = new AtomicReference<>();
    try (ProgressBar progress = context.progress("Sending", ids.size());
        Producer<byte[], byte[]> producer =
            clients.idempotentProducer(
                "flow-instance-routes-send-ids",
                settings.getInt("kafka.max-request-size"),
                settings.getString("kafka.compression-type"))) {
      for (Map.Entry<InstanceQuery, String> id : ids.entrySet()) {
        if (failure.get() != null) {
          break;
        }
        producer.send(
            new ProducerRecord<>(
                topic, id.getKey().instanceId().getBytes(UTF_8), id.getValue().getBytes(UTF_8)),
            (place, failed) -> {
              if (failed == null) {
                progress.stepTo(sent.incrementAndGet());
              } else {
                failure.compareAndSet(null, failed);
              }
            });
      }
      producer.flush();
    } catch (KafkaException e) {
      failure.compareAndSet(null, e);
    } catch (LinkageError e) {
      failure.compareAndSet(null, new KafkaException(e));
    }
    if (failure.get() != null) {
      throw new CommandFailedException(
          "%s%n%d of %d ids were sent."
              .formatted(CommandFailedException.sentence(failure.get()), sent.get(), ids.size()),
          failure.get());
    }
    spec.commandLine().getOut().printf("%s sent to %s.%n", Words.count(sent.get(), "id"), topic);
  }

  private void say(String format, Object... values) {
    spec.commandLine().getErr().println(format.formatted(values));
  }
}
