package io.flowinstance.graph;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.json.Json;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Reads objects of the API into a record, which is the table of their known fields: a component has
 * the canonical name of a field, and a type that says how it is read. Two components are not
 * fields: a map holds the unknown fields, and an int the place of the object in its array.
 */
final class RecordReader<T extends Record> {
  /** Each field under both spellings of its name. */
  private final Map<String, Field> fields = new HashMap<>();

  private final List<Field> structures = new ArrayList<>();
  private final String taken;
  private final Constructor<T> constructor;
  private final int size;
  private int indexAt = -1;
  private int othersAt = -1;

  private record Field(int at, String name, boolean canonical, FieldType type) {}

  /**
   * @param structured by name, how the fields that hold other records are read; where one is absent
   *     it is read as null
   * @param taken an unknown field of this name is left out: it is one of ours; or null
   */
  RecordReader(Class<T> type, Map<String, FieldType> structured, String taken) {
    this.taken = taken;
    RecordComponent[] components = type.getRecordComponents();
    size = components.length;
    for (int at = 0; at < size; at++) {
      String name = components[at].getName();
      if (components[at].getType() == Map.class) {
        othersAt = at;
      } else if (components[at].getType() == int.class) {
        indexAt = at;
      } else {
        boolean isStructure = structured.containsKey(name);
        FieldType fieldType =
            isStructure ? structured.get(name) : FieldType.of(components[at].getType());
        String snakeCase = name.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
        fields.put(snakeCase, new Field(at, name, false, fieldType));
        fields.put(name, new Field(at, name, true, fieldType));
        if (isStructure) {
          structures.add(fields.get(name));
        }
      }
    }
    try {
      constructor =
          type.getConstructor(
              Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new));
      // It is public: this spares a check of that for each object.
      constructor.setAccessible(true);
    } catch (NoSuchMethodException e) {
      throw new IllegalArgumentException(e);
    }
  }

  /** Whether a known field of this object has a value. */
  boolean isIn(JsonNode object) {
    return object.properties().stream()
        .anyMatch(field -> !field.getValue().isNull() && fields.containsKey(field.getKey()));
  }

  /**
   * Reads an object: known fields by their type, unknown ones as they are. A field that is null is
   * left out; of two spellings, the canonical one wins.
   *
   * @param place a JSON pointer to the object, or to its array
   * @param index its place in the array, or -1 if it stands in none
   * @throws UnreadableResponseException a known field cannot be read as its type
   */
  T read(JsonNode object, String place, int index, Unpacker unpacker) {
    Object[] values = new Object[size];
    Map<String, JsonNode> others = Map.of();
    for (Map.Entry<String, JsonNode> entry : object.properties()) {
      JsonNode value = entry.getValue();
      Field field = fields.get(entry.getKey());
      if (value.isNull() || entry.getKey().equals(taken)) {
        continue;
      }
      if (field == null) {
        others = others.isEmpty() ? new LinkedHashMap<>() : others;
        others.put(entry.getKey(), value);
      } else if (field.canonical() || !object.hasNonNull(field.name())) {
        Object read = field.type().read().read(value, unpacker);
        if (read == null) {
          throw new UnreadableResponseException(
              "%s/%s is not %s"
                  .formatted(at(place, index), entry.getKey(), field.type().description()),
              value);
        }
        values[field.at()] = notNull(read);
      }
    }
    return record(values, others, index, unpacker);
  }

  /**
   * Reads the object that a parser has just entered as {@link #read(JsonNode, String, int,
   * Unpacker)} reads its tree, but without one. Null where a field stands twice, or cannot be read:
   * only the tree tells then what counts, or what is wrong.
   */
  T read(JsonParser json, int index, Unpacker unpacker) throws IOException {
    Object[] values = new Object[size];
    Map<String, JsonNode> others = Map.of();
    for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
      boolean isNull = json.nextToken() == JsonToken.VALUE_NULL;
      Field field = fields.get(name);
      if (field == null ? others.containsKey(name) : values[field.at()] != null) {
        return null;
      }
      if (isNull || name.equals(taken)) {
        json.skipChildren();
      } else if (field == null) {
        others = others.isEmpty() ? new LinkedHashMap<>() : others;
        others.put(name, Json.node(json));
      } else {
        Object read = field.type().stream().read(json, unpacker);
        if (read == null) {
          return null;
        }
        values[field.at()] = notNull(read);
      }
    }
    return record(values, others, index, unpacker);
  }

  /** A text may hold a null, and null is left out. */
  private static Object notNull(Object read) {
    return read instanceof JsonNode node && node.isNull() ? null : read;
  }

  private T record(Object[] values, Map<String, JsonNode> others, int index, Unpacker unpacker) {
    for (Field field : structures) {
      if (values[field.at()] == null) {
        values[field.at()] = field.type().read().read(null, unpacker);
      }
    }
    if (indexAt >= 0) {
      values[indexAt] = index;
    }
    values[othersAt] = others.isEmpty() ? others : Collections.unmodifiableMap(others);
    try {
      return constructor.newInstance(values);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A JSON pointer to an object. */
  static String at(String place, int index) {
    return index < 0 ? place : place + "/" + index;
  }
}
