package io.flowinstance.simulator;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;

/**
 * A FlowInstance as JSON, with holes for what differs between the instances of a workflow: the
 * suffix of their ids and their times. Filling it is a few copies of bytes, whatever its size.
 *
 * <p>The holes are characters of Unicode's private use area: they pass through any number of
 * escapings unharmed, and what fills them needs none.
 */
final class InstanceTemplate {
  static final char SUFFIX = '\uE000';
  static final char TRIGGER_TIME = '\uE001';
  static final char START_TIME = '\uE002';
  static final char END_TIME = '\uE003';
  static final char CREATION_TIME = '\uE004';
  static final char BUSINESS_DATE = '\uE005';
  private static final int HOLES = 6;
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final int SECONDS_TO_CREATION = -42;
  private static final int SECONDS_TO_START = 12;

  private final int runSeconds;
  private final int status;
  private final String owner;
  private final String name;
  private final List<byte[]> pieces = new ArrayList<>();
  private final List<Integer> holes = new ArrayList<>();

  /** Takes a JSON with holes in it, and how long the instance runs from its start to its end. */
  InstanceTemplate(String json, int runSeconds) {
    this.runSeconds = runSeconds;
    JsonNode instance = read(json);
    status = instance.get("status").asInt();
    owner = instance.get("owner").asText();
    name = instance.get("flowName").asText();
    int from = 0;
    for (int i = 0; i < json.length(); i++) {
      int hole = json.charAt(i) - SUFFIX;
      if (hole >= 0 && hole < HOLES) {
        pieces.add(json.substring(from, i).getBytes(UTF_8));
        holes.add(hole);
        from = i + 1;
      }
    }
    pieces.add(json.substring(from).getBytes(UTF_8));
  }

  int status() {
    return status;
  }

  String owner() {
    return owner;
  }

  String name() {
    return name;
  }

  /** An instance that started soon after it was triggered. */
  byte[] fill(InstanceId id) {
    LocalDateTime start = id.trigger().plusSeconds(SECONDS_TO_START);
    return fill(id, start, start.plusSeconds(runSeconds));
  }

  byte[] fill(InstanceId id, LocalDateTime start, LocalDateTime end) {
    LocalDateTime trigger = id.trigger();
    byte[][] values = {
      id.suffix().getBytes(ISO_8859_1),
      text(trigger),
      text(start),
      text(end),
      text(trigger.plusSeconds(SECONDS_TO_CREATION)),
      trigger.minusDays(1).toLocalDate().toString().getBytes(ISO_8859_1)
    };
    int length = pieces.stream().mapToInt(piece -> piece.length).sum();
    length += holes.stream().mapToInt(hole -> values[hole].length).sum();
    byte[] json = new byte[length];
    int at = 0;
    for (int i = 0; i < pieces.size(); i++) {
      at = copy(pieces.get(i), json, at);
      if (i < holes.size()) {
        at = copy(values[holes.get(i)], json, at);
      }
    }
    return json;
  }

  private static JsonNode read(String json) {
    try {
      return JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("A template is JSON", e);
    }
  }

  private static int copy(byte[] piece, byte[] json, int at) {
    System.arraycopy(piece, 0, json, at, piece.length);
    return at + piece.length;
  }

  /** {@code yyyy-MM-dd HH:mm:ss}; LocalDateTime's own text would drop seconds of zero. */
  private static byte[] text(LocalDateTime time) {
    byte[] text = "0000-00-00 00:00:00".getBytes(ISO_8859_1);
    put(time.getYear(), text, 0, 4);
    put(time.getMonthValue(), text, 5, 2);
    put(time.getDayOfMonth(), text, 8, 2);
    put(time.getHour(), text, 11, 2);
    put(time.getMinute(), text, 14, 2);
    put(time.getSecond(), text, 17, 2);
    return text;
  }

  private static void put(int number, byte[] text, int at, int digits) {
    int rest = number;
    for (int i = at + digits - 1; i >= at; i--, rest /= 10) {
      text[i] = (byte) ('0' + rest % 10);
    }
  }
}
