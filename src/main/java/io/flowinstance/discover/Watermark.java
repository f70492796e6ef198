package io.flowinstance.discover;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.flowinstance.json.Json;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Map;

/**
 * How far EnOS has been searched, as the last record of its topic says.
 *
 * @param time the trigger time up to which every instance was found; null before the first round
 * @param offset of the record; -1 while there is none
 */
public record Watermark(Instant time, long offset) {
  /** Nothing has been searched yet. */
  public static final Watermark NONE = new Watermark(null, -1);

  private static final String FIELD = "watermark";

  /** The value of a record: {@code {"watermark":"2026-01-31T10:00:00Z"}}. */
  public static byte[] write(Instant time) {
    return Json.write(Map.of(FIELD, time.toString()));
  }

  /** The time in such a record, or null if there is none. */
  public static Instant read(byte[] value) {
    try {
      return value == null
          ? null
          : Instant.parse(
              Json.read(new String(value, StandardCharsets.UTF_8)).path(FIELD).asText());
    } catch (JsonProcessingException | DateTimeException e) {
      return null;
    }
  }
}
