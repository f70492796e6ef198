package io.flowinstance.bench.variant;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.io.SerializedString;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import java.io.IOException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The fields of one of the API's objects, in the order in which they are written. An object is read
 * as the texts of its values, by the place of the field; null where the API did not say.
 */
final class FieldTable {
  /** One generator writes the values of several messages, with nothing between them. */
  static final JsonFactory JSON =
      new JsonFactoryBuilder()
          .enable(JsonWriteFeature.COMBINE_UNICODE_SURROGATES_IN_UTF8)
          .rootValueSeparator((String) null)
          .build();

  private enum Type {
    TEXT,
    WHOLE,
    DECIMAL,
    BOOLEAN,
    JSON_IN_TEXT,
    STRUCTURE
  }

  private final List<SerializedString> names = new ArrayList<>();
  private final List<Type> types = new ArrayList<>();
  private final Map<String, Integer> places = new HashMap<>();

  FieldTable text(String... fields) {
    return add(Type.TEXT, fields);
  }

  FieldTable whole(String... fields) {
    return add(Type.WHOLE, fields);
  }

  FieldTable decimal(String... fields) {
    return add(Type.DECIMAL, fields);
  }

  FieldTable bool(String... fields) {
    return add(Type.BOOLEAN, fields);
  }

  /** A text that holds JSON. */
  FieldTable jsonInText(String field) {
    return add(Type.JSON_IN_TEXT, field);
  }

  /** What the caller reads and writes. */
  FieldTable structure(String field) {
    return add(Type.STRUCTURE, field);
  }

  private FieldTable add(Type type, String... fields) {
    for (String field : fields) {
      places.put(field, names.size());
      places.put(field.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT), names.size());
      names.add(new SerializedString(field));
      types.add(type);
    }
    return this;
  }

  /** The place of a field, in either spelling. */
  int at(String field) {
    Integer place = places.get(field);
    if (place == null) {
      throw new IllegalArgumentException("The documentation does not know " + field);
    }
    return place;
  }

  String[] newObject() {
    return new String[names.size()];
  }

  /** Reads the object that the parser stands at, which has no structures. */
  String[] read(JsonParser json) throws IOException {
    String[] object = newObject();
    for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
      readValue(json, object, name);
    }
    return object;
  }

  /** Reads the value that follows the name. */
  void readValue(JsonParser json, String[] object, String name) throws IOException {
    JsonToken value = json.nextToken();
    if (value != JsonToken.VALUE_NULL) {
      object[at(name)] = json.getText();
    }
  }

  /** Writes one object, which has no structures. */
  void write(String[] object, JsonGenerator json) throws IOException {
    json.writeStartObject();
    write(object, 0, object.length, json);
    json.writeEndObject();
  }

  /** Writes the fields from one place up to another. */
  void write(String[] object, int from, int to, JsonGenerator json) throws IOException {
    for (int at = from; at < to; at++) {
      if (object[at] != null) {
        writeField(object, at, json);
      }
    }
  }

  void writeName(int at, JsonGenerator json) throws IOException {
    json.writeFieldName(names.get(at));
  }

  private void writeField(String[] object, int at, JsonGenerator json) throws IOException {
    writeName(at, json);
    String value = object[at];
    switch (types.get(at)) {
      case TEXT -> json.writeString(value);
      case WHOLE -> json.writeNumber(Long.parseLong(value));
      case DECIMAL -> json.writeNumber(decimal(value));
      case BOOLEAN -> json.writeBoolean(Boolean.parseBoolean(value));
      case JSON_IN_TEXT -> {
        try (JsonParser text = JSON.createParser(value)) {
          text.nextToken();
          json.copyCurrentStructureExact(text);
        }
      }
      case STRUCTURE -> throw new IllegalStateException(names.get(at) + " is a structure");
    }
  }

  /** As BigDecimal writes it, which of nearly all of them is the text itself. */
  private static String decimal(String text) {
    return text.indexOf('E') >= 0
            || text.indexOf('e') >= 0
            || text.startsWith("-")
            || text.startsWith("0.00000")
        ? new BigDecimal(text).toString()
        : text;
  }
}
