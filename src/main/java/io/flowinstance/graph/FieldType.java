package io.flowinstance.graph;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.json.Json;
import io.flowinstance.json.MalformedJsonException;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Map;

/**
 * How the value of a known field is read, whatever spelling the API chose, and how it is written.
 */
enum FieldType {
  /** A {@link String}. */
  TEXT("text") {
    @Override
    Object read(JsonNode value) {
      if (value.isTextual()) {
        return value.textValue();
      }
      if (value.isNumber()) {
        return plain(value);
      }
      return value.isBoolean() ? value.asText() : null;
    }

    @Override
    void write(Object value, JsonGenerator json) throws IOException {
      json.writeString((String) value);
    }
  },

  /** A {@link Long}. */
  LONG("whole number of 64 bits") {
    @Override
    Object read(JsonNode value) {
      BigInteger whole = Json.whole(value);
      return whole == null || whole.bitLength() >= Long.SIZE ? null : whole.longValue();
    }

    @Override
    void write(Object value, JsonGenerator json) throws IOException {
      json.writeNumber((Long) value);
    }
  },

  /** An {@link Integer}. */
  INTEGER("whole number of 32 bits") {
    @Override
    Object read(JsonNode value) {
      BigInteger whole = Json.whole(value);
      return whole == null || whole.bitLength() >= Integer.SIZE ? null : whole.intValue();
    }

    @Override
    void write(Object value, JsonGenerator json) throws IOException {
      json.writeNumber((Integer) value);
    }
  },

  /** A {@link BigDecimal}. */
  NUMBER("number") {
    @Override
    Object read(JsonNode value) {
      return Json.number(value);
    }

    @Override
    void write(Object value, JsonGenerator json) throws IOException {
      json.writeNumber((BigDecimal) value);
    }
  },

  /** A {@link Boolean}. */
  BOOLEAN("boolean") {
    @Override
    Object read(JsonNode value) {
      if (value.isBoolean()) {
        return value.booleanValue();
      }
      if (value.isTextual()) {
        String text = Json.trim(value.textValue());
        if (text.equalsIgnoreCase("true") || text.equalsIgnoreCase("false")) {
          return text.equalsIgnoreCase("true");
        }
      }
      BigInteger number = Json.whole(value);
      return number == null || number.bitLength() > 1 || number.signum() < 0
          ? null
          : number.signum() == 1;
    }

    @Override
    void write(Object value, JsonGenerator json) throws IOException {
      json.writeBoolean((Boolean) value);
    }
  },

  /** A {@link JsonNode}: what the text held, however often it was packed into a text. */
  PARAMETERS("JSON") {
    @Override
    Object read(JsonNode value) {
      JsonNode unpacked = value;
      while (unpacked.isTextual()) {
        try {
          unpacked = Json.read(unpacked.textValue());
        } catch (MalformedJsonException text) {
          return unpacked;
        }
      }
      return unpacked;
    }

    @Override
    void write(Object value, JsonGenerator json) throws IOException {
      json.writeTree((JsonNode) value);
    }
  },

  /** An {@link Element} or a list of them, which the decoder reads. */
  STRUCTURE("structure") {
    @Override
    Object read(JsonNode value) {
      throw new UnsupportedOperationException("The decoder reads structures");
    }

    @Override
    void write(Object value, JsonGenerator json) throws IOException {
      if (value instanceof Element element) {
        element.writeTo(json);
        return;
      }
      json.writeStartArray();
      for (Object element : (Iterable<?>) value) {
        ((Element) element).writeTo(json);
      }
      json.writeEndArray();
    }
  };

  private static final Map<Class<?>, FieldType> BY_TYPE =
      Map.of(
          String.class, TEXT,
          Long.class, LONG,
          Integer.class, INTEGER,
          BigDecimal.class, NUMBER,
          Boolean.class, BOOLEAN,
          JsonNode.class, PARAMETERS);

  private final String title;

  FieldType(String title) {
    this.title = title;
  }

  /** The kind of a field whose value, when read, is of this type. */
  static FieldType of(Class<?> type) {
    return BY_TYPE.getOrDefault(type, STRUCTURE);
  }

  /**
   * The value as this kind, or null if it cannot be read so. The value given is never null or JSON
   * null.
   */
  abstract Object read(JsonNode value);

  abstract void write(Object value, JsonGenerator json) throws IOException;

  /** What a value of this kind is called in a sentence. */
  String title() {
    return title;
  }

  private static String plain(JsonNode number) {
    BigInteger whole = Json.whole(number);
    if (whole != null) {
      return whole.toString();
    }
    BigDecimal decimal = number.decimalValue();
    return Json.isOfBoundedLength(decimal) ? decimal.toPlainString() : null;
  }
}
