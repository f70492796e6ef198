package io.flowinstance.graph;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.json.Json;
import io.flowinstance.json.MalformedJsonException;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * How the value of a known field is read, whatever spelling the API chose, and how it is written.
 */
enum Kind {
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

  /** A {@link BigInteger}. */
  WHOLE("whole number") {
    @Override
    Object read(JsonNode value) {
      return whole(value);
    }

    @Override
    void write(Object value, JsonGenerator json) throws IOException {
      json.writeNumber((BigInteger) value);
    }
  },

  /** A {@link BigDecimal}. */
  NUMBER("number") {
    @Override
    Object read(JsonNode value) {
      return number(value);
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
        return truth(value.textValue());
      }
      BigInteger number = whole(value);
      return number == null ? null : truth(number.toString());
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

  private static final Map<Class<?>, Kind> BY_TYPE =
      Map.of(
          String.class, TEXT,
          BigInteger.class, WHOLE,
          BigDecimal.class, NUMBER,
          Boolean.class, BOOLEAN,
          JsonNode.class, PARAMETERS);

  private static final Pattern JSON_NUMBER =
      Pattern.compile("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]{1,9})?");

  private final String title;

  Kind(String title) {
    this.title = title;
  }

  /** The kind of a field whose value, when read, is of this type. */
  static Kind of(Class<?> type) {
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

  private static Boolean truth(String text) {
    if (text.equals("1") || text.equalsIgnoreCase("true")) {
      return true;
    }
    return text.equals("0") || text.equalsIgnoreCase("false") ? false : null;
  }

  private static BigDecimal number(JsonNode value) {
    if (value.isNumber()) {
      return value.decimalValue();
    }
    if (!value.isTextual()) {
      return null;
    }
    String text = value.textValue().strip();
    return text.length() <= Json.MAX_NUMBER_LENGTH && JSON_NUMBER.matcher(text).matches()
        ? new BigDecimal(text)
        : null;
  }

  private static BigInteger whole(JsonNode value) {
    if (value.isIntegralNumber()) {
      return value.bigIntegerValue();
    }
    BigDecimal number = number(value);
    return number == null ? null : whole(number);
  }

  private static BigInteger whole(BigDecimal number) {
    if (number.signum() == 0) {
      return BigInteger.ZERO;
    }
    BigDecimal shortest = number.stripTrailingZeros();
    return shortest.scale() <= 0 && isOfBoundedLength(shortest) ? shortest.toBigInteger() : null;
  }

  private static String plain(JsonNode number) {
    if (number.isIntegralNumber()) {
      return number.asText();
    }
    BigDecimal decimal = number.decimalValue();
    BigInteger whole = whole(decimal);
    if (whole != null) {
      return whole.toString();
    }
    return isOfBoundedLength(decimal) ? decimal.toPlainString() : null;
  }

  /**
   * Ten characters such as {@code 1E99999999} would be a hundred million digits when written out.
   */
  private static boolean isOfBoundedLength(BigDecimal number) {
    return Math.max(number.scale(), (long) number.precision() - number.scale())
        <= Json.MAX_NUMBER_LENGTH;
  }
}
