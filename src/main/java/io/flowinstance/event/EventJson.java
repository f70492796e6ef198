package io.flowinstance.event;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.List;

/** The fields of an event: what is null is left out. */
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

  static void write(String name, Number value, JsonGenerator json) throws IOException {
    if (value instanceof BigDecimal decimal) {
      json.writeNumberField(name, decimal);
    } else if (value != null) {
      json.writeNumberField(name, value.longValue());
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
