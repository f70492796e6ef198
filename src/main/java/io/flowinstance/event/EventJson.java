package io.flowinstance.event;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.List;

/** The fields of an event: what is null is left out. */
final class EventJson {
  private EventJson() {}

  /** Writes a text, a number or an instant. */
  static void write(String name, Object value, JsonGenerator json) throws IOException {
    if (value == null) {
      return;
    }
    json.writeFieldName(name);
    if (value instanceof BigDecimal decimal) {
      json.writeNumber(decimal);
    } else if (value instanceof Number whole) {
      json.writeNumber(whole.longValue());
    } else {
      json.writeString(value instanceof Instant instant ? Times.text(instant) : (String) value);
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
