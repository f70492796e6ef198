package io.flowinstance.graph;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.flowinstance.json.Json;
import io.flowinstance.json.MalformedJsonException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;

/**
 * Reads the {@code data} of <em>Get Flow Instance</em>, in every spelling that the API has been
 * seen or documented to use: camelCase and snake_case names, numbers as texts, and {@code graph}
 * and {@code parameters} as texts that hold JSON.
 */
public final class FlowInstanceDecoder {
  private static final String TASKS = "/graph/tasks";
  private static final JsonNode NO_GRAPH = JsonNodeFactory.instance.objectNode();

  /**
   * Reads a FlowInstance.
   *
   * @param data the object, or an array that holds nothing but it
   * @param askedInstanceId the id that was asked for; the instance has it if the API names none
   * @throws UnreadableResponseException if this is no FlowInstance, or a part of it other than a
   *     task cannot be read
   */
  public FlowInstance decode(JsonNode data, String askedInstanceId) {
    Objects.requireNonNull(askedInstanceId, "askedInstanceId");
    JsonNode root = data == null ? NullNode.instance : data;
    JsonNode object = root.isArray() && root.size() == 1 ? root.get(0) : root;
    if (!FlowInstance.STRUCT.isIn(object)) {
      throw new UnreadableResponseException("The data is no FlowInstance", root);
    }
    FlowInstance instance = FlowInstance.STRUCT.read(object, Place.ROOT);
    if (instance.instanceId() != null && !Json.trim(instance.instanceId()).isEmpty()) {
      return instance;
    }
    ObjectNode named = JsonNodeFactory.instance.objectNode();
    named.setAll((ObjectNode) object);
    named.put("instanceId", askedInstanceId);
    return FlowInstance.STRUCT.read(named, Place.ROOT);
  }

  static InstanceGraph graph(JsonNode graph) {
    boolean empty = graph == null || graph.isTextual() && Json.trim(graph.textValue()).isEmpty();
    JsonNode object = empty ? NO_GRAPH : unpack(graph);
    if (!object.isObject()) {
      throw new UnreadableResponseException("/graph is no JSON object", graph);
    }
    return InstanceGraph.STRUCT.read(object, new Place("/graph"));
  }

  /** The graph out of its text, and that out of another if it was escaped twice. */
  private static JsonNode unpack(JsonNode graph) {
    JsonNode unpacked = graph;
    while (unpacked.isTextual()) {
      try {
        unpacked = Json.readLenient(unpacked.textValue());
      } catch (MalformedJsonException e) {
        if (e.isTooLarge()) {
          throw new UnreadableResponseException("/graph: " + e.getOriginalMessage(), unpacked);
        }
        return unpacked;
      }
    }
    return unpacked;
  }

  static List<FlowReference> flows(JsonNode array) {
    return elements("/graph/flows", array, FlowReference.STRUCT);
  }

  static List<Relation> relations(JsonNode array) {
    List<Relation> relations = elements("/graph/relations", array, Relation.STRUCT);
    return List.copyOf(new LinkedHashSet<>(relations));
  }

  static Tasks tasks(JsonNode array) {
    JsonNode elements = array(TASKS, array);
    List<TaskInstance> readable = new ArrayList<>(elements.size());
    List<UnreadableTask> unreadable = new ArrayList<>(0);
    int index = 0;
    for (JsonNode element : elements) {
      try {
        readable.add(task(element, new Place(TASKS, index)));
      } catch (UnreadableResponseException e) {
        unreadable.add(new UnreadableTask(index, e.getMessage(), element));
      }
      index++;
    }
    return new Tasks(readable, unreadable);
  }

  private static TaskInstance task(JsonNode element, Place place) {
    TaskInstance task = element(element, place, TaskInstance.STRUCT);
    if (task.taskInstId() == null || Json.trim(task.taskInstId()).isEmpty()) {
      throw new UnreadableResponseException(place + " has no taskInstId", element);
    }
    return task;
  }

  private static <T extends Record> List<T> elements(
      String pointer, JsonNode array, RecordCodec<T> struct) {
    List<T> elements = new ArrayList<>();
    int index = 0;
    for (JsonNode element : array(pointer, array)) {
      if (!element.isNull()) {
        elements.add(element(element, new Place(pointer, index), struct));
      }
      index++;
    }
    return elements;
  }

  private static <T extends Record> T element(
      JsonNode element, Place place, RecordCodec<T> struct) {
    if (!element.isObject()) {
      throw new UnreadableResponseException(place + " is no object", element);
    }
    return struct.read(element, place);
  }

  private static JsonNode array(String pointer, JsonNode array) {
    if (array == null) {
      return NullNode.instance; // Which has no elements.
    }
    if (!array.isArray()) {
      throw new UnreadableResponseException(pointer + " is no array", array);
    }
    return array;
  }
}
