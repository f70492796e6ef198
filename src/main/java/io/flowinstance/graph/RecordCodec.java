package io.flowinstance.graph;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.SerializableString;
import com.fasterxml.jackson.core.io.SerializedString;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * A struct of the API's documentation as a table: the canonical name and the {@link Kind} of each
 * known field, in the order in which they are written.
 *
 * <p>The record is the table: the name of a component is the canonical name, its type makes the
 * kind. Two components are no fields: a map holds the unknown fields, and an int the place of the
 * object in its array.
 *
 * @param <T> the record
 */
final class RecordCodec<T extends Record> {
  private final List<Field> fields = new ArrayList<>();

  /** Each field under both spellings of its name. */
  private final Map<String, Spelling> spellings = new HashMap<>();

  private final Map<String, Function<JsonNode, ?>> structures;
  private final MethodHandle constructor;
  private final int size;
  private int indexAt = -1;
  private int othersAt = -1;

  private record Field(
      String name, SerializableString encodedName, int at, FieldType kind, MethodHandle accessor) {}

  private record Spelling(int at, boolean canonical) {}

  private RecordCodec(Class<T> type, Map<String, Function<JsonNode, ?>> structures)
      throws IllegalAccessException, NoSuchMethodException {
    MethodHandles.Lookup lookup = MethodHandles.lookup();
    RecordComponent[] components = type.getRecordComponents();
    this.structures = structures;
    this.size = components.length;
    for (int at = 0; at < size; at++) {
      RecordComponent component = components[at];
      if (component.getType() == Map.class) {
        othersAt = at;
      } else if (component.getType() == int.class) {
        indexAt = at;
      } else {
        String name = component.getName();
        spellings.put(snakeCase(name), new Spelling(at, false));
        spellings.put(name, new Spelling(at, true));
        MethodHandle accessor = lookup.unreflect(component.getAccessor());
        fields.add(
            new Field(
                name,
                new SerializedString(name),
                at,
                FieldType.of(component.getType()),
                accessor.asType(accessor.type().generic())));
      }
    }
    Class<?>[] types =
        Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
    MethodHandle canonical = lookup.findConstructor(type, MethodType.methodType(void.class, types));
    constructor = canonical.asType(canonical.type().generic()).asSpreader(Object[].class, size);
  }

  /** The table of a record that holds no other records. */
  static <T extends Record> RecordCodec<T> of(Class<T> type) {
    return of(type, Map.of());
  }

  /**
   * The table of a record.
   *
   * @param structures by name, how the fields that hold other records are read; absent ones are
   *     read as null
   */
  static <T extends Record> RecordCodec<T> of(
      Class<T> type, Map<String, Function<JsonNode, ?>> structures) {
    try {
      return new RecordCodec<>(type, structures);
    } catch (ReflectiveOperationException e) {
      throw new IllegalArgumentException(type + " is no record of this package", e);
    }
  }

  /** Whether a known field of this object has a value. */
  boolean isIn(JsonNode object) {
    return object.properties().stream()
        .anyMatch(field -> !field.getValue().isNull() && spellings.containsKey(field.getKey()));
  }

  /**
   * Reads an object: known fields by their kind, unknown ones as they are. A field that is null is
   * left out; of two spellings, the canonical one wins.
   *
   * @throws UnreadableResponseException if a known field cannot be read as its kind
   */
  T read(JsonNode object, Place place) {
    // Holds the values as they came, and then, one by one, as they are read.
    Object[] values = new Object[size];
    Map<String, JsonNode> others = null;
    for (Map.Entry<String, JsonNode> entry : object.properties()) {
      JsonNode value = entry.getValue();
      if (value.isNull()) {
        continue;
      }
      Spelling spelling = spellings.get(entry.getKey());
      if (spelling == null) {
        others = others == null ? new LinkedHashMap<>() : others;
        others.put(entry.getKey(), value);
      } else if (spelling.canonical() || values[spelling.at()] == null) {
        values[spelling.at()] = value;
      }
    }
    for (Field field : fields) {
      JsonNode value = (JsonNode) values[field.at()];
      if (field.kind() == FieldType.STRUCTURE) {
        values[field.at()] = structures.get(field.name()).apply(value);
      } else if (value != null) {
        values[field.at()] = read(field, value, object, place);
      }
    }
    if (indexAt >= 0) {
      values[indexAt] = place.index();
    }
    values[othersAt] = others == null ? Map.of() : others;
    return create(values);
  }

  private static Object read(Field field, JsonNode value, JsonNode object, Place place) {
    Object read = field.kind().read(value);
    if (read == null) {
      String spelled = object.hasNonNull(field.name()) ? field.name() : snakeCase(field.name());
      throw new UnreadableResponseException(
          "%s/%s is no %s".formatted(place, spelled, field.kind().title()), value);
    }
    // A text may hold a null, and null is left out.
    return read instanceof JsonNode node && node.isNull() ? null : read;
  }

  /** Writes one object: the known fields in the order of the table, then the unknown ones. */
  void write(T struct, Map<String, JsonNode> others, JsonGenerator json) throws IOException {
    json.writeStartObject();
    writeFields(struct, others, Set.of(), json);
    json.writeEndObject();
  }

  /** Writes the fields alone, except unknown ones whose name is taken. */
  void writeFields(T struct, Map<String, JsonNode> others, Set<String> taken, JsonGenerator json)
      throws IOException {
    for (Field field : fields) {
      Object value = value(field, struct);
      if (value != null) {
        json.writeFieldName(field.encodedName());
        field.kind().write(value, json);
      }
    }
    for (Map.Entry<String, JsonNode> other : others.entrySet()) {
      if (!taken.contains(other.getKey())) {
        json.writeFieldName(other.getKey());
        json.writeTree(other.getValue());
      }
    }
  }

  @SuppressWarnings("unchecked") // The constructor is T's own.
  private T create(Object[] values) {
    try {
      return (T) (Object) constructor.invokeExact(values);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("Canonical constructors of this package throw nothing else", e);
    }
  }

  private static Object value(Field field, Object struct) {
    try {
      return field.accessor().invokeExact(struct);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("Accessors of this package throw nothing else", e);
    }
  }

  private static String snakeCase(String name) {
    return name.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
  }
}
