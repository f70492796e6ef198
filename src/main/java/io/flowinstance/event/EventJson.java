package io.flowinstance.event;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.List;

/**
 * The fields of an event: what is null is left out, an instant is ISO 8601 in UTC with three digits
 * of a second.
 */
final class EventJson {
  private EventJson() {}

  static void write(String name, String value, JsonGenerator json) throws IOException {
    if (value != null) {
      json.writeStringField(name, value);
    }
  }

  static void write(String name, Instant value, JsonGenerator json) throws IOException {
    if (value != null) {
      json.writeStringField(name, Times.text(value));
    }
  }

  static void write(String name, Long value, JsonGenerator json) throws IOException {
    if (value != null) {
      json.writeNumberField(name, value);
    }
  }

  static void write(String name, Integer value, JsonGenerator json) throws IOException {
    if (value != null) {
      json.writeNumberField(name, value);
    }
  }

  static void write(String name, BigDecimal value, JsonGenerator json) throws IOException {
    if (value != null) {
      json.writeNumberField(name, value);
    }
  }

  static void write(String name, List<String> values, JsonGenerator json) throws IOException {
    json.writeArrayFieldStart(name);
    for (String value : values) {
      json.writeString(value);
    }
    json.writeEndArray();
  }
}
