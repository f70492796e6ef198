package io.flowinstance.command;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonGenerator;
import io.flowinstance.app.MessageSettings;
import io.flowinstance.config.Settings;
import io.flowinstance.enos.Answer;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.event.Enrichment;
import io.flowinstance.event.FlowInstanceEvent;
import io.flowinstance.event.Observation;
import io.flowinstance.event.Times;
import io.flowinstance.fetch.FetchState;
import io.flowinstance.graph.FlowInstance;
import io.flowinstance.graph.FlowInstanceDecoder;
import io.flowinstance.id.IdRecord;
import io.flowinstance.id.IdRecordReader;
import io.flowinstance.id.MalformedIdException;
import io.flowinstance.json.Json;
import io.flowinstance.json.Printable;
import io.flowinstance.outcome.DeadLetters;
import io.flowinstance.outcome.InstanceMessages;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
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

  @Option(
      names = "--json",
      description =
          "Print the messages that would be published, one JSON object per line: topic, key,"
              + " headers, value. ce_id is that of an id record at offset 0 of partition 0.")
  private boolean asJson;

  FetchInstance(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    Settings settings = context.settings(Settings.Part.ENOS);
    MessageSettings messages = MessageSettings.of(settings, context.clock());
    FetchState fetch = new FetchState(query(messages.ids()));
    FlowInstance instance;
    try (EnosApi api = EnosApi.start(settings, context.clock())) {
      instance =
          new FlowInstanceDecoder().decode(api.calls().instance(fetch), fetch.query().instanceId());
    }
    IdRecord nowhere =
        new IdRecord(
            new TopicPartition(settings.getString("topic.instance-ids"), 0),
            0,
            fetch.fetchedAt().toEpochMilli(),
            null,
            id.getBytes(UTF_8),
            new RecordHeaders());
    FlowInstanceEvent event =
        FlowInstanceEvent.of(
            instance,
            messages.zones(),
            new Observation(
                nowhere.position(),
                fetch.query().userId(),
                fetch.query().orgId(),
                fetch.askedAt(),
                fetch.fetchedAt()));
    if (asJson) {
      printMessages(event, nowhere, fetch, messages);
    } else {
      print(event);
    }
    return 0;
  }

  private InstanceQuery query(IdRecordReader ids) {
    try {
      return ids.read(id.getBytes(UTF_8));
    } catch (MalformedIdException e) {
      throw new CommandFailedException(e.getMessage(), e);
    }
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
    String status =
        instance.statusDesc() != null
            ? instance.statusDesc()
            : instance.status() == null ? null : instance.status().toString();
    line("status", status == null ? null : StatusColours.of(status, enrichment.state(), ansi));
    line(
        "state",
        StatusColours.of(enrichment.state().name(), enrichment.state(), ansi)
            + (enrichment.settled() ? ", settled" : ", not settled"));
    line("triggered", time(enrichment.triggeredAt(), instance.triggerTime()));
    line("started", time(enrichment.startedAt(), instance.startTime()));
    line("ended", time(enrichment.endedAt(), instance.endTime()));
    line(
        "duration",
        enrichment.durationMs() == null
            ? null
            : Durations.text(Duration.ofMillis(enrichment.durationMs())));
    line("owners", Printable.of(String.join(", ", enrichment.owners())));
    line("tasks", tasks(enrichment, ansi));
    if (enrichment.taskCount() > 0 || !instance.graph().flows().isEmpty()) {
      out.println();
      TaskTree.draw(instance.graph(), ansi, context.unicode(), out::println);
    }
    event
        .unreadableTasks()
        .forEach(why -> out.println("\nA task cannot be read. " + Printable.of(why)));
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
            .map(count -> count.getValue() + " " + StatusColours.of(count.getKey(), ansi))
            .collect(Collectors.joining(", ", enrichment.taskCount() == 0 ? "" : ": ", ""));
  }

  private void printMessages(
      FlowInstanceEvent event, IdRecord nowhere, FetchState fetch, MessageSettings parts) {
    InstanceMessages messages =
        new InstanceMessages(parts.events(), parts.deadLetters(), Long.MAX_VALUE);
    Answer answer = fetch.answer();
    DeadLetters.Call call =
        new DeadLetters.Call(
            answer.httpStatus(), answer.apiCode(), answer.excerpt(), fetch.attempts());
    PrintWriter out = spec.commandLine().getOut();
    for (ProducerRecord<byte[], byte[]> message : messages.of(event, nowhere, call, bytes -> {})) {
      out.println(new String(Json.write(json -> write(message, json)), UTF_8));
    }
  }

  private static void write(ProducerRecord<byte[], byte[]> message, JsonGenerator json)
      throws IOException {
    json.writeStartObject();
    json.writeStringField("topic", message.topic());
    json.writeFieldName("key");
    if (message.key() == null) {
      json.writeNull();
    } else {
      json.writeString(new String(message.key(), UTF_8));
    }
    json.writeObjectFieldStart("headers");
    boolean event = false;
    for (Header header : message.headers()) {
      json.writeStringField(header.key(), new String(header.value(), UTF_8));
      event |= header.key().equals("ce_type");
    }
    json.writeEndObject();
    json.writeFieldName("value");
    String value = new String(message.value(), UTF_8);
    if (event) {
      json.writeRawValue(value);
    } else {
      json.writeString(value);
    }
    json.writeEndObject();
  }
}
