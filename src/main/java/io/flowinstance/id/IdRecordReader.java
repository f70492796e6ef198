package io.flowinstance.id;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.json.Json;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Reads what an id record asks for; the bean of the step {@code read}. */
public final class IdRecordReader {
  private static final String ID = "flowInstId";

  private final String userId;
  private final String orgId;

  /**
   * @param userId the EnOS user where a record names none
   * @param orgId the organization where a record names none
   */
  public IdRecordReader(String userId, String orgId) {
    this.userId = userId;
    this.orgId = orgId;
  }

  /**
   * Reads the value of an id record: the bare id, a JSON string, a JSON object {@code
   * {"flowInstId", "userId", "orgId"}}, or a structured CloudEvent with one of these as data, or a
   * text that holds one. What begins with <code>{</code>, {@code [} or {@code "} is read as JSON,
   * nothing else is.
   *
   * @return an id of 1 to 256 characters without control characters
   * @throws MalformedIdException there is no usable id in it
   */
  public InstanceQuery read(byte[] value) {
    if (value == null) {
      throw new MalformedIdException("The record has no value.");
    }
    return ofText(utf8(value), true, 0);
  }

  /** The value of a record that asks for this id: one that begins like JSON is in an object. */
  public static String value(String id) {
    return beginsLikeJson(Json.trim(id))
        ? new String(Json.write(Map.of(ID, id)), StandardCharsets.UTF_8)
        : id;
  }

  private static boolean beginsLikeJson(String text) {
    return !text.isEmpty() && "{[\"".indexOf(text.charAt(0)) >= 0;
  }

  private InstanceQuery query(String instanceId, String namedUserId, String namedOrgId) {
    return new InstanceQuery(
        instanceId,
        namedUserId == null ? userId : namedUserId,
        namedOrgId == null ? orgId : namedOrgId);
  }

  /**
   * @param texts how many texts it is in
   */
  private InstanceQuery ofText(String text, boolean mayBeCloudEvent, int texts) {
    String trimmed = Json.trim(text);
    if (!beginsLikeJson(trimmed)) {
      return query(usable("The id", trimmed), null, null);
    }
    if (texts == Json.MAX_TEXTS_INSIDE) {
      throw new MalformedIdException(
          "The value is JSON in more than %d texts.".formatted(texts - 1));
    }
    try {
      return ofJson(Json.read(trimmed), mayBeCloudEvent, texts);
    } catch (JsonProcessingException e) {
      throw new MalformedIdException(
          "The value begins like JSON but is not JSON: " + e.getOriginalMessage());
    }
  }

  private InstanceQuery ofJson(JsonNode json, boolean mayBeCloudEvent, int texts) {
    if (json.isTextual()) {
      return ofText(json.textValue(), mayBeCloudEvent, texts + 1);
    }
    if (!json.isObject()) {
      throw new MalformedIdException("The value is JSON, but neither a text nor an object.");
    }
    if (mayBeCloudEvent && json.has("specversion")) {
      if (json.hasNonNull("data")) {
        return ofJson(json.get("data"), false, texts);
      }
      if (json.hasNonNull("data_base64")) {
        return ofBase64(json.get("data_base64"), texts);
      }
    }
    String instanceId = text(json, ID);
    if (instanceId == null) {
      throw new MalformedIdException("The value is a JSON object without a flowInstId.");
    }
    return query(instanceId, text(json, "userId"), text(json, "orgId"));
  }

  private InstanceQuery ofBase64(JsonNode data, int texts) {
    byte[] value;
    try {
      value = data.binaryValue();
    } catch (IOException e) {
      value = null;
    }
    if (value == null) {
      throw new MalformedIdException("The CloudEvent's data_base64 is not Base64.");
    }
    return ofText(utf8(value), false, texts + 1);
  }

  private static String text(JsonNode json, String name) {
    JsonNode value = json.get(name);
    if (value == null || value.isNull()) {
      return null;
    }
    BigInteger whole = value.isNumber() ? Json.whole(value) : null;
    if (!value.isTextual() && whole == null) {
      throw new MalformedIdException("The value's " + name + " is not a text.");
    }
    String text = whole == null ? Json.trim(value.textValue()) : whole.toString();
    return text.isEmpty() ? null : usable("The value's " + name, text);
  }

  private static String usable(String what, String text) {
    String fault = InstanceQuery.fault(text);
    if (!fault.isEmpty()) {
      throw new MalformedIdException("%s %s.".formatted(what, fault));
    }
    return text;
  }

  private static String utf8(byte[] value) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(value)).toString();
    } catch (CharacterCodingException e) {
      throw new MalformedIdException("The value is not UTF-8 text.");
    }
  }
}
