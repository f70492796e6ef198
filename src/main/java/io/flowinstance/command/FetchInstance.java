package io.flowinstance.command;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.app.MessageSettings;
import io.flowinstance.app.Outcomes;
import io.flowinstance.config.Settings;
import io.flowinstance.event.Enrichment;
import io.flowinstance.event.FlowInstanceEvent;
import io.flowinstance.event.State;
import io.flowinstance.event.Times;
import io.flowinstance.fetch.FetchState;
import io.flowinstance.graph.FlowInstance;
import io.flowinstance.id.IdRecord;
import io.flowinstance.id.IdentityNotAllowedException;
import io.flowinstance.id.MalformedIdException;
import io.flowinstance.json.Printable;
import io.flowinstance.outcome.InstanceMessages;
import io.flowinstance.outcome.OutcomeTooLargeException;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Shows one instance. Needs no Kafka. */
@Command(
    name = "fetch",
    mixinStandardHelpOptions = true,
    header = "Shows one instance.",
    description = {
      "Fetches one instance from EnOS and shows it, with its tasks as a tree and their statuses."
          + " Publishes nothing.",
      ""
    })
final class FetchInstance implements Callable<Integer> {
  private final CommandContext context;

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "INSTANCE-ID", description = "The id of the instance.")
  private String id;

  @ArgGroup private Format format = new Format();

  /** What is printed instead; one at most. */
  private static final class Format {
    @Option(
        names = "--json",
        description =
            "Print the messages that would be published, one JSON object per line: topic, key,"
                + " headers, value. ce_id is that of an id record at offset 0 of partition 0.")
    private boolean json;

    @Option(
        names = "--mermaid",
        description = "Print the graph as a Mermaid flowchart, in the colours of the states.")
    private boolean mermaid;
  }

  FetchInstance(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    Settings settings = context.settings(Settings.Part.ENOS);
    MessageSettings messages = MessageSettings.of(settings, context.clock());
    InstanceMessages parts = messages.instances();
    Outcomes outcomes = new Outcomes(messages.zones(), parts, messages.deadLetters());
    FetchState fetch;
    FlowInstance instance;
    try (EnosApi api = EnosApi.start(settings)) {
      fetch = new FetchState(messages.identities().check(messages.ids().read(id.getBytes(UTF_8))));
      instance = outcomes.decode(api.calls().instance(fetch), fetch);
    } catch (MalformedIdException | IdentityNotAllowedException e) {
      throw new CommandFailedException(e.getMessage(), e);
    }
    IdRecord nowhere =
        new IdRecord(
            new TopicPartition(settings.getString("topic.instance-ids"), 0),
            0,
            fetch.fetchedAt().toEpochMilli(),
            null,
            id.getBytes(UTF_8),
            new RecordHeaders());
    FlowInstanceEvent event = outcomes.event(instance, nowhere, fetch);
    PrintWriter out = spec.commandLine().getOut();
    if (format.mermaid) {
      MermaidFlowchart.of(instance.graph()).forEach(out::println);
      unreadable(event).forEach(spec.commandLine().getErr()::println);
    } else if (format.json) {
      try {
        parts
            .of(event, nowhere, Outcomes.call(fetch), bytes -> {})
            .messages()
            .forEach(message -> out.println(MessageJson.line(message)));
      } catch (OutcomeTooLargeException e) {
        throw new CommandFailedException(e.getMessage(), e);
      }
    } else {
      print(event);
    }
    return 0;
  }

  private void print(FlowInstanceEvent event) {
    PrintWriter out = spec.commandLine().getOut();
    Ansi ansi = spec.commandLine().getColorScheme().ansi();
    FlowInstance instance = event.instance();
    Enrichment enrichment = event.enrichment();
    out.println(
        Printable.of(instance.instanceId())
            + (instance.flowName() == null ? "" : "  " + Printable.of(instance.flowName()))
            + (instance.flowId() == null ? "" : "  (workflow " + instance.flowId() + ")"));
    String name = State.status(instance.status(), instance.statusDesc());
    Object status = name != null ? name : instance.status();
    State state = enrichment.state();
    line("status", status == null ? null : Words.coloured(status.toString(), state, ansi));
    line(
        "state",
        Words.coloured(state.name(), state, ansi)
            + (enrichment.settled() ? ", settled" : ", not settled"));
    line("triggered", time(enrichment.triggeredAt(), instance.triggerTime()));
    line("started", time(enrichment.startedAt(), instance.startTime()));
    line("ended", time(enrichment.endedAt(), instance.endTime()));
    line(
        "duration",
        enrichment.durationMs() == null
            ? null
            : Words.duration(Duration.ofMillis(enrichment.durationMs())));
    line("owners", Printable.of(String.join(", ", enrichment.owners())));
    line("tasks", tasks(enrichment, ansi));
    if (enrichment.taskCount() > 0 || !instance.graph().flows().isEmpty()) {
      out.println();
      TaskTree.draw(instance.graph(), ansi, context.unicode(), out::println);
    }
    unreadable(event).forEach(sentence -> out.println("\n" + sentence));
  }

  /** A sentence for each task whose fault has a text, and one for the others. */
  private static List<String> unreadable(FlowInstanceEvent event) {
    List<String> faults = event.unreadableTasks();
    List<String> sentences = new ArrayList<>();
    faults.stream()
        .filter(why -> !why.isEmpty())
        .forEach(why -> sentences.add("A task cannot be read. " + Printable.of(why)));
    int others = faults.size() - sentences.size();
    if (others > 0) {
      sentences.add(
          others == 1
              ? "One more task cannot be read."
              : "%d more tasks cannot be read.".formatted(others));
    }
    return sentences;
  }

  private void line(String name, String value) {
    if (value != null && !value.isEmpty()) {
      spec.commandLine().getOut().printf("  %-10s %s%n", name, value);
    }
  }

  private static String time(Instant instant, String asTold) {
    return instant != null ? Times.text(instant) : asTold == null ? null : Printable.of(asTold);
  }

  private static String tasks(Enrichment enrichment, Ansi ansi) {
    return enrichment.taskCount()
        + enrichment.taskCountByStatus().entrySet().stream()
            .map(
                count ->
                    count.getValue()
                        + " "
                        + Words.coloured(count.getKey(), State.of(count.getKey()), ansi))
            .collect(Collectors.joining(", ", enrichment.taskCount() == 0 ? "" : ": ", ""));
  }
}
