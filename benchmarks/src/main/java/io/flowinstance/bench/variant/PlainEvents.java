package io.flowinstance.bench.variant;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.SerializableString;
import com.fasterxml.jackson.core.io.SerializedString;
import com.fasterxml.jackson.core.util.ByteArrayBuilder;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * An answer of the API as messages, by Jackson alone and without a look at what is in it: the
 * instance with its graph read out of the text, and a message per task with its neighbours and the
 * instance it runs in. No enrichment, no CloudEvents headers, and what is missing ends the program.
 */
final class PlainEvents implements MessageWriter {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final List<String> INSTANCE_FIELDS =
      List.of(
          "instanceId",
          "flowId",
          "flowName",
          "cycle",
          "calDt",
          "status",
          "statusDesc",
          "owner",
          "triggerTime",
          "startTime",
          "endTime");

  private final String flowInstances;
  private final String taskStatuses;

  PlainEvents(JobSettings settings) {
    flowInstances = settings.flowInstances();
    taskStatuses = settings.taskStatuses();
  }

  @Override
  public List<ProducerRecord<byte[], byte[]>> messages(byte[] answer, Fetch fetch)
      throws IOException {
    ObjectNode instance = (ObjectNode) JSON.readTree(answer).get("data");
    ObjectNode graph = (ObjectNode) JSON.readTree(instance.get("graph").textValue());
    unfold(instance, "parameters");
    unfold(graph, "parameters");
    instance.set("graph", graph);

    JsonNode tasks = graph.get("tasks");
    List<ProducerRecord<byte[], byte[]>> messages = new ArrayList<>(1 + tasks.size());
    messages.add(
        message(flowInstances, instance.get("instanceId"), JSON.writeValueAsBytes(instance)));
    SerializableString flowInstance = new SerializedString(block(instance));
    Map<String, List<String>> upstream = new HashMap<>();
    Map<String, List<String>> downstream = new HashMap<>();
    for (JsonNode relation : graph.get("relations")) {
      String source = relation.get("source").textValue();
      String target = relation.get("target").textValue();
      upstream.computeIfAbsent(target, node -> new ArrayList<>()).add(source);
      downstream.computeIfAbsent(source, node -> new ArrayList<>()).add(target);
    }
    for (int index = 0; index < tasks.size(); index++) {
      JsonNode task = tasks.get(index);
      JsonNode nodeId = either(task, "nodeId", "node_id");
      ByteArrayBuilder bytes = new ByteArrayBuilder(1024);
      try (JsonGenerator json = JSON.createGenerator(bytes)) {
        json.writeStartObject();
        write(json, "taskInstId", either(task, "taskInstId", "task_inst_id"));
        write(json, "taskId", either(task, "taskId", "task_id"));
        write(json, "taskName", either(task, "taskName", "task_name"));
        write(json, "nodeId", nodeId);
        write(json, "status", task.get("status"));
        write(json, "x", task.get("x"));
        write(json, "y", task.get("y"));
        write(json, "upstream", upstream.getOrDefault(nodeId.textValue(), List.of()));
        write(json, "downstream", downstream.getOrDefault(nodeId.textValue(), List.of()));
        json.writeNumberField("index", index);
        json.writeNumberField("taskCount", tasks.size());
        json.writeFieldName("flowInstance");
        json.writeRawValue(flowInstance);
        json.writeEndObject();
      }
      messages.add(
          message(taskStatuses, either(task, "taskInstId", "task_inst_id"), bytes.toByteArray()));
    }
    return messages;
  }

  private static String block(JsonNode instance) throws IOException {
    ObjectNode block = JSON.createObjectNode();
    for (String field : INSTANCE_FIELDS) {
      block.set(field, instance.get(field));
    }
    return JSON.writeValueAsString(block);
  }

  private static void unfold(ObjectNode node, String field) throws IOException {
    node.set(field, JSON.readTree(node.get(field).textValue()));
  }

  private static JsonNode either(JsonNode node, String name, String otherName) {
    JsonNode value = node.get(name);
    return value == null ? node.get(otherName) : value;
  }

  private static void write(JsonGenerator json, String name, JsonNode value) throws IOException {
    json.writeFieldName(name);
    json.writeTree(value);
  }

  private static void write(JsonGenerator json, String name, List<String> values)
      throws IOException {
    json.writeArrayFieldStart(name);
    for (String value : values) {
      json.writeString(value);
    }
    json.writeEndArray();
  }

  private static ProducerRecord<byte[], byte[]> message(String topic, JsonNode key, byte[] value) {
    return new ProducerRecord<>(topic, key.asText().getBytes(UTF_8), value);
  }
}
