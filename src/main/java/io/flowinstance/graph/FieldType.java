package io.flowinstance.graph;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.json.Json;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Map;
import java.util.function.Function;

/**
 * How the value of a known field is read, whatever spelling the API chose.
 *
 * @param description what such a value is called in a sentence
 * @param read gives null for what cannot be read so; is never given JSON null
 * @param stream reads the same where a parser stands
 */
record FieldType(String description, Tree read, Stream stream) {
  /** Reads a value out of its tree. */
  @FunctionalInterface
  interface Tree {
    /** Gives null for what cannot be read so; is never given JSON null. */
    Object read(JsonNode value, Unpacker unpacker);
  }

  /** Reads the value at which a parser stands, to its end. */
  @FunctionalInterface
  interface Stream {
    /** Gives null for what cannot be read so; is never given JSON null. */
    Object read(JsonParser json, Unpacker unpacker) throws IOException;
  }

  private static final Map<Class<?>, FieldType> BY_CLASS =
      Map.of(
          String.class,
          new FieldType("a text", (value, unpacker) -> text(value), (json, unpacker) -> text(json)),
          Long.class,
          new FieldType(
              "a whole number of 64 bits",
              (value, unpacker) -> whole(value, Long.SIZE, BigInteger::longValue)),
          Integer.class,
          new FieldType(
              "a whole number of 32 bits",
              (value, unpacker) -> whole(value, Integer.SIZE, BigInteger::intValue)),
          BigDecimal.class,
          new FieldType("a number", (value, unpacker) -> Json.number(value)),
          Boolean.class,
          new FieldType("a boolean", (value, unpacker) -> truth(value)),
          JsonNode.class,
          new FieldType("JSON", (value, unpacker) -> unpacker.unpack(value)));

  private FieldType(String description, Tree read) {
    this(description, read, (json, unpacker) -> read.read(Json.node(json), unpacker));
  }

  /** A field that holds records of its own, which are read out of its tree. */
  static FieldType structure(Tree read) {
    return new FieldType("a structure", read);
  }

  /** A field that holds records of its own. */
  static FieldType structure(Tree read, Stream stream) {
    return new FieldType("a structure", read, stream);
  }

  /** How a field is read into this class: a text, a number, a boolean, or a {@link JsonNode}. */
  static FieldType of(Class<?> type) {
    return BY_CLASS.get(type);
  }

  private static String text(JsonParser json) throws IOException {
    return json.currentToken() == JsonToken.VALUE_STRING ? json.getText() : text(Json.node(json));
  }

  private static String text(JsonNode value) {
    if (value.isTextual()) {
      return value.textValue();
    }
    if (!value.isNumber()) {
      return value.isBoolean() ? value.asText() : null;
    }
    if (value.isIntegralNumber()) {
      return value.asText();
    }
    BigInteger whole = Json.whole(value);
    if (whole != null) {
      return whole.toString();
    }
    BigDecimal decimal = value.decimalValue();
    return Json.isOfBoundedLength(decimal) ? decimal.toPlainString() : null;
  }

  private static <T> T whole(JsonNode value, int bits, Function<BigInteger, T> of) {
    BigInteger whole = Json.whole(value);
    return whole == null || whole.bitLength() >= bits ? null : of.apply(whole);
  }

  private static Boolean truth(JsonNode value) {
    String text = Json.trim(value.asText());
    if (text.equalsIgnoreCase("true") || text.equalsIgnoreCase("false")) {
      return Boolean.valueOf(text);
    }
    BigInteger number = Json.whole(value);
    return number == null || number.bitLength() > 1 || number.signum() < 0
        ? null
        : number.signum() == 1;
  }
}
