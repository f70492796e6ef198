package io.flowinstance.graph;

import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.json.Json;
import io.flowinstance.json.MalformedJsonException;

/**
 * Unpacks the texts of one instance, or of its graph, that hold JSON. Each of them keeps the limit
 * of {@link Json#MAX_TOKENS}, and together they might take all the heap: once so many values were
 * unpacked, further texts stay as they are.
 */
final class Unpacker {
  private int values;

  /** What a text holds, even if it was packed a few times; any other value as it is. */
  JsonNode unpack(JsonNode packed) {
    if (!packed.isTextual() || values > Json.MAX_TOKENS) {
      return packed;
    }
    JsonNode unpacked = packed;
    for (int texts = 0; texts < Json.MAX_TEXTS_INSIDE && unpacked.isTextual(); texts++) {
      try {
        unpacked = Json.read(unpacked.textValue());
      } catch (MalformedJsonException text) {
        break;
      }
    }
    values += values(unpacked);
    return unpacked;
  }

  private static int values(JsonNode of) {
    int values = 1;
    for (JsonNode each : of) {
      values += values(each);
    }
    return values;
  }
}
