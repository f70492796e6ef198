package io.flowinstance.event;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonSchema;
import io.flowinstance.json.Json;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Readers with the released schema read today's messages, and readers with today's schema read
 * those of the release. The folder {@code schemas/released} holds both schemas and a message of
 * each; it changes with a release alone. {@link Schemas#valid} holds every message that a test
 * looks at against the released schema too.
 */
class SchemaEvolutionTest {
  /** What says nothing about a value. */
  private static final Set<String> NOTES = Set.of("description", "examples", "title");

  /** Draft 7, which the readers of registries know; no value is one of a closed set. */
  private static final Set<String> KEYWORDS =
      Set.of(
          "$id",
          "$ref",
          "$schema",
          "additionalProperties",
          "definitions",
          "description",
          "examples",
          "format",
          "items",
          "maximum",
          "minLength",
          "minimum",
          "pattern",
          "properties",
          "required",
          "title",
          "type",
          "uniqueItems");

  @ParameterizedTest
  @ValueSource(strings = {"flow-instance.v1", "task-status.v1", "flow-instance-transition.v1"})
  void everyPromiseOfTheReleaseStandsAndEveryAdditionIsOptional(String name) throws Exception {
    assertStands(
        Schemas.json("/schemas/released/" + name + ".schema.json"),
        Schemas.json("/schemas/" + name + ".schema.json"),
        name);
  }

  /** Fields may be added, and nothing else may change. */
  private static void assertStands(JsonNode released, JsonNode today, String at) {
    assertNotNull(today, at + " is gone");
    assertEquals(keywords(released), keywords(today), at);
    for (Map.Entry<String, JsonNode> keyword : released.properties()) {
      JsonNode then = keyword.getValue();
      JsonNode now = today.get(keyword.getKey());
      switch (keyword.getKey()) {
        case "properties", "definitions" ->
            then.properties()
                .forEach(
                    field ->
                        assertStands(
                            field.getValue(), now.get(field.getKey()), at + "/" + field.getKey()));
        case "items" -> assertStands(then, now, at + "/items");
        case "description", "examples", "title" -> {
          // Words may become better.
        }
        default -> assertEquals(then, now, at + "/" + keyword.getKey());
      }
    }
  }

  private static Set<String> keywords(JsonNode schema) {
    Set<String> keywords = new TreeSet<>();
    schema.fieldNames().forEachRemaining(keywords::add);
    keywords.removeAll(NOTES);
    return keywords;
  }

  @ParameterizedTest
  @ValueSource(strings = {"flow-instance.v1", "task-status.v1", "flow-instance-transition.v1"})
  void readersOfTodayReadTheMessagesOfTheRelease(String name) throws Exception {
    JsonNode message = Schemas.json("/schemas/released/" + name + ".message.json");
    assertEquals(Set.of(), Schemas.schema("/schemas/" + name + ".schema.json").validate(message));
  }

  @ParameterizedTest
  @ValueSource(strings = {"flow-instance.v1", "task-status.v1", "flow-instance-transition.v1"})
  void readersOfTheReleaseReadMessagesWithMoreFieldsAndValues(String name) throws Exception {
    JsonSchema released = Schemas.schema("/schemas/released/" + name + ".schema.json");
    JsonNode message = Schemas.json("/schemas/released/" + name + ".message.json");
    addEverywhere(message);
    message.findParents("state").forEach(parent -> ((ObjectNode) parent).put("state", "RETRYING"));

    assertEquals(Set.of(), released.validate(message));
  }

  private static void addEverywhere(JsonNode value) {
    value.forEach(SchemaEvolutionTest::addEverywhere);
    if (value instanceof ObjectNode object && !object.has("SUCCESS") && !object.has("UNKNOWN")) {
      object.putObject("added").put("more", 1);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"flow-instance.v1", "task-status.v1", "flow-instance-transition.v1"})
  void theSchemaIsOpenAndHasNoKeywordThatACommonReaderDoesNotKnow(String name) throws Exception {
    JsonNode schema = Schemas.json("/schemas/" + name + ".schema.json");
    assertEquals("http://json-schema.org/draft-07/schema#", schema.get("$schema").textValue());
    assertOpen(schema, name);
  }

  private static void assertOpen(JsonNode schema, String at) {
    Set<String> unknown = new TreeSet<>();
    schema.fieldNames().forEachRemaining(unknown::add);
    unknown.removeAll(KEYWORDS);
    assertEquals(Set.of(), unknown, at);
    assertTrue(!schema.has("$ref") || schema.size() == 1, at + ": a reader ignores what is beside");
    if (schema.path("type").asText().equals("object")) {
      JsonNode others = schema.path("additionalProperties");
      assertTrue(others.isObject() || others.asBoolean(), at + " is closed");
    }
    for (String children : Set.of("properties", "definitions")) {
      schema
          .path(children)
          .properties()
          .forEach(child -> assertOpen(child.getValue(), at + "/" + child.getKey()));
    }
    if (schema.has("items")) {
      assertOpen(schema.get("items"), at + "/items");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"flow-instance.v1", "task-status.v1", "flow-instance-transition.v1"})
  void aMessageWithoutARequiredFieldIsRefused(String name) throws Exception {
    JsonSchema schema = Schemas.schema("/schemas/" + name + ".schema.json");
    for (JsonNode required : Schemas.json("/schemas/" + name + ".schema.json").get("required")) {
      ObjectNode message = (ObjectNode) Schemas.json("/schemas/released/" + name + ".message.json");
      message.remove(required.textValue());
      assertFalse(schema.validate(message).isEmpty(), required.textValue());
    }
    assertFalse(schema.validate(Json.read("[]")).isEmpty());
  }
}
