package io.flowinstance.bench.variant;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.camel.Exchange;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.component.kafka.KafkaConstants;
import org.apache.camel.main.Main;
import org.apache.camel.model.dataformat.JsonLibrary;

/**
 * The job as the Camel route that a first draft would be: one record at a time, everything at its
 * default. Offsets are committed by time, whatever became of the records: an id whose call failed
 * is logged and gone.
 */
public final class FirstDraft extends RouteBuilder {
  private static final List<String> INSTANCE_FIELDS =
      List.of("instanceId", "flowId", "flowName", "status", "statusDesc", "triggerTime");

  private final JobSettings settings = JobSettings.ofEnvironment();

  public static void main(String[] args) throws Exception {
    Main main = new Main();
    main.configure().addRoutesBuilder(new FirstDraft());
    main.run();
  }

  @Override
  public void configure() {
    String out =
        "kafka:%s?brokers=%s&compressionCodec=lz4&requestRequiredAcks=all&maxRequestSize=16777216";
    from("kafka:%s?brokers=%s&groupId=%s&autoOffsetReset=earliest&consumersCount=%d"
            .formatted(
                settings.instanceIds(),
                settings.bootstrapServers(),
                settings.groupId(),
                settings.consumers()))
        .setHeader(
            Exchange.HTTP_QUERY,
            simple(
                "action=get&flowInstId=${body}&userId=%s&orgId=%s"
                    .formatted(settings.userId(), settings.orgId())))
        .setHeader(Exchange.HTTP_METHOD, constant("GET"))
        .to(settings.baseUrl() + "/dataflow-batch-service/v2.0/flowInstances")
        .removeHeaders("*")
        .unmarshal()
        .json(JsonLibrary.Jackson)
        .setVariable("instance", simple("${body[data]}"))
        .setBody(simple("${body[data][graph]}"))
        .unmarshal()
        .json(JsonLibrary.Jackson)
        .setVariable("graph", simple("${body}"))
        .process(FirstDraft::putGraphIntoInstance)
        .setHeader(KafkaConstants.KEY, simple("${body[instanceId]}"))
        .marshal()
        .json(JsonLibrary.Jackson)
        .to(out.formatted(settings.flowInstances(), settings.bootstrapServers()))
        .split(simple("${variable.graph[tasks]}"))
        .process(FirstDraft::putInstanceIntoTask)
        .setHeader(KafkaConstants.KEY, simple("${body[taskInstId]}"))
        .marshal()
        .json(JsonLibrary.Jackson)
        .to(out.formatted(settings.taskStatuses(), settings.bootstrapServers()))
        .end();
  }

  private static void putGraphIntoInstance(Exchange exchange) {
    Map<String, Object> instance = new HashMap<>(fields(exchange.getVariable("instance")));
    instance.put("graph", exchange.getVariable("graph"));
    exchange.getMessage().setBody(instance);
  }

  private static void putInstanceIntoTask(Exchange exchange) {
    Map<?, ?> instance = fields(exchange.getVariable("instance"));
    Map<String, Object> flowInstance = new HashMap<>();
    INSTANCE_FIELDS.forEach(field -> flowInstance.put(field, instance.get(field)));
    Map<String, Object> task = new HashMap<>(fields(exchange.getMessage().getBody()));
    task.putIfAbsent("taskInstId", task.get("task_inst_id"));
    task.put("flowInstance", flowInstance);
    exchange.getMessage().setBody(task);
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> fields(Object json) {
    return (Map<String, Object>) json;
  }
}
