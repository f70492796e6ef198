package io.flowinstance.graph;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.flowinstance.json.Json;
import io.flowinstance.json.MalformedJsonException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Reads the {@code data} of <em>Get Flow Instance</em>, in every spelling that the API has been
 * seen or documented to use: camelCase and snake_case names, numbers as texts, and {@code graph}
 * and {@code parameters} as texts that hold JSON.
 */
public final class FlowInstanceDecoder {
  private static final String TASKS = "/graph/tasks";

  /** There may be a million that cannot be read, and only the first few are quoted. */
  private static final int MOST_MESSAGES = 10;

  private static final RecordReader<FlowInstance> INSTANCE =
      new RecordReader<>(
          FlowInstance.class,
          Map.of("graph", FieldType.structure((graph, unpacker) -> graph(graph))),
          "enrichment");
  private static final RecordReader<FlowReference> FLOW =
      new RecordReader<>(FlowReference.class, Map.of(), null);
  private static final RecordReader<Relation> RELATION =
      new RecordReader<>(Relation.class, Map.of(), null);
  private static final RecordReader<TaskInstance> TASK =
      new RecordReader<>(TaskInstance.class, Map.of(), null);
  private static final RecordReader<InstanceGraph> GRAPH =
      new RecordReader<>(
          InstanceGraph.class,
          Map.of(
              "flows",
              FieldType.structure(
                  (array, unpacker) -> elements("/graph/flows", array, FLOW, unpacker),
                  (json, unpacker) -> elements(json, FLOW, unpacker)),
              "relations",
              FieldType.structure(
                  (array, unpacker) ->
                      eachOnce(elements("/graph/relations", array, RELATION, unpacker)),
                  (json, unpacker) -> eachOnce(elements(json, RELATION, unpacker))),
              "tasks",
              FieldType.structure(FlowInstanceDecoder::tasks, FlowInstanceDecoder::tasks)),
          "unreadableTasks");

  /**
   * Reads a FlowInstance.
   *
   * @param data the object, or an array that holds nothing but it
   * @param askedInstanceId the id that was asked for; the instance has it if the API names none
   * @throws UnreadableResponseException if this is not a FlowInstance, or a part of it other than a
   *     task cannot be read
   */
  public FlowInstance decode(JsonNode data, String askedInstanceId) {
    Objects.requireNonNull(askedInstanceId, "askedInstanceId");
    JsonNode root = data == null ? NullNode.instance : data;
    JsonNode object = root.isArray() && root.size() == 1 ? root.get(0) : root;
    if (!INSTANCE.isIn(object)) {
      throw new UnreadableResponseException("The data is not a FlowInstance", root);
    }
    FlowInstance instance = INSTANCE.read(object, "", -1, new Unpacker());
    if (!Json.isBlank(instance.instanceId())) {
      return instance;
    }
    ObjectNode named = JsonNodeFactory.instance.objectNode();
    named.setAll((ObjectNode) object);
    return INSTANCE.read(named.put("instanceId", askedInstanceId), "", -1, new Unpacker());
  }

  private static InstanceGraph graph(JsonNode graph) {
    if (graph != null && graph.isTextual()) {
      InstanceGraph streamed = graph(graph.textValue());
      if (streamed != null) {
        return streamed;
      }
    }
    JsonNode object =
        graph == null || graph.isTextual() && Json.isBlank(graph.textValue())
            ? NullNode.instance
            : unpack(graph);
    if (!object.isObject() && !object.isNull()) {
      throw new UnreadableResponseException("/graph is not a JSON object", graph);
    }
    // A null has no fields; a text may hold one, as any field may be null.
    return GRAPH.read(object, "/graph", -1, new Unpacker());
  }

  /**
   * The graph out of its text, without a tree of it, which would be the largest thing on the heap.
   * Null where only the tree tells what counts, or what is wrong.
   */
  private static InstanceGraph graph(String text) {
    try (JsonParser json = Json.parser(text)) {
      InstanceGraph graph =
          json.nextToken() == JsonToken.START_OBJECT ? GRAPH.read(json, -1, new Unpacker()) : null;
      return graph != null && json.nextToken() == null ? graph : null;
    } catch (IOException | ArithmeticException | NumberFormatException e) {
      return null;
    }
  }

  /** The graph out of its text, and that out of another if it was escaped twice. */
  private static JsonNode unpack(JsonNode graph) {
    JsonNode unpacked = graph;
    for (int texts = 0; texts < Json.MAX_TEXTS_INSIDE && unpacked.isTextual(); texts++) {
      try {
        unpacked = Json.readLenient(unpacked.textValue());
      } catch (MalformedJsonException e) {
        throw new UnreadableResponseException("/graph: " + e.getOriginalMessage(), unpacked);
      }
    }
    return unpacked;
  }

  /** Null stays null. */
  private static <T> List<T> eachOnce(List<T> elements) {
    return elements == null || new HashSet<>(elements).size() == elements.size()
        ? elements
        : elements.stream().distinct().toList();
  }

  private static Tasks tasks(JsonNode array, Unpacker unpacker) {
    JsonNode elements = array(TASKS, array);
    List<TaskInstance> readable = new ArrayList<>(elements.size());
    List<UnreadableTask> unreadable = new ArrayList<>(0);
    int index = 0;
    for (JsonNode element : elements) {
      try {
        readable.add(task(element, index, unpacker));
      } catch (UnreadableResponseException e) {
        String raw = new String(Json.write(element), UTF_8);
        String message = unreadable.size() < MOST_MESSAGES ? e.getMessage() : "";
        unreadable.add(new UnreadableTask(index, message, raw));
      }
      index++;
    }
    return new Tasks(
        Collections.unmodifiableList(readable), Collections.unmodifiableList(unreadable));
  }

  private static Tasks tasks(JsonParser json, Unpacker unpacker) throws IOException {
    List<TaskInstance> tasks = elements(json, TASK, unpacker);
    return tasks == null || tasks.stream().anyMatch(task -> Json.isBlank(task.taskInstId()))
        ? null
        : new Tasks(tasks, List.of());
  }

  private static <T extends Record> List<T> elements(
      JsonParser json, RecordReader<T> reader, Unpacker unpacker) throws IOException {
    List<T> elements = new ArrayList<>();
    boolean isArray = json.currentToken() == JsonToken.START_ARRAY;
    while (isArray && json.nextToken() == JsonToken.START_OBJECT) {
      T element = reader.read(json, elements.size(), unpacker);
      if (element == null) {
        return null;
      }
      elements.add(element);
    }
    return json.currentToken() == JsonToken.END_ARRAY
        ? Collections.unmodifiableList(elements)
        : null;
  }

  private static TaskInstance task(JsonNode element, int index, Unpacker unpacker) {
    TaskInstance task = element(element, TASKS, index, TASK, unpacker);
    if (Json.isBlank(task.taskInstId())) {
      throw new UnreadableResponseException(
          RecordReader.at(TASKS, index) + " has no taskInstId", element);
    }
    return task;
  }

  private static <T extends Record> List<T> elements(
      String pointer, JsonNode array, RecordReader<T> reader, Unpacker unpacker) {
    List<T> elements = new ArrayList<>();
    int index = 0;
    for (JsonNode element : array(pointer, array)) {
      if (!element.isNull()) {
        elements.add(element(element, pointer, index, reader, unpacker));
      }
      index++;
    }
    return Collections.unmodifiableList(elements);
  }

  private static <T extends Record> T element(
      JsonNode element, String array, int index, RecordReader<T> reader, Unpacker unpacker) {
    if (!element.isObject()) {
      throw new UnreadableResponseException(
          RecordReader.at(array, index) + " is not an object", element);
    }
    return reader.read(element, array, index, unpacker);
  }

  private static JsonNode array(String pointer, JsonNode array) {
    if (array == null) {
      return NullNode.instance; // Which has no elements.
    }
    if (!array.isArray()) {
      throw new UnreadableResponseException(pointer + " is not an array", array);
    }
    return array;
  }
}
