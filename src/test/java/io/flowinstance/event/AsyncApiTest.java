package io.flowinstance.event;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class AsyncApiTest {
  private final JsonNode document = Schemas.asyncApi();

  @Test
  void namesTheTopicsOfTheContract() {
    assertEquals(
        Set.of(
            "flow-instance-ids",
            "flow-instances",
            "task-statuses",
            "flow-instance-transitions",
            "flow-instance-dead-letters"),
        names("/channels"));
    for (var channel : document.get("channels").properties()) {
      assertEquals(channel.getKey(), channel.getValue().get("address").textValue());
      assertEquals(channel.getKey(), channel.getValue().at("/bindings/kafka/topic").textValue());
    }
  }

  @Test
  void namesTheTypesThatTheEventsCarry() {
    JsonNode types = document.at("/components/schemas/cloudEventHeaders/properties/ce_type/enum");
    List<String> names = new ArrayList<>();
    types.forEach(type -> names.add(type.textValue()));
    assertEquals(
        List.of(FlowInstanceEvent.TYPE, TaskStatusEvent.TYPE, TransitionEvent.TYPE), names);
  }

  @Test
  void requiresOnlyHeadersThatItDescribes() {
    for (String headers : List.of("cloudEventHeaders", "deadLetterHeaders")) {
      Set<String> described = names("/components/schemas/" + headers + "/properties");
      for (JsonNode required : document.at("/components/schemas/" + headers + "/required")) {
        assertTrue(described.contains(required.textValue()), required.textValue());
      }
    }
  }

  @Test
  void refersOnlyToWhatIsThere() {
    for (JsonNode reference : document.findValues("$ref")) {
      String target = reference.textValue();
      assertTrue(
          target.startsWith("#")
              ? !document.at(target.substring(1)).isMissingNode()
              : Files.exists(Path.of(target)),
          target);
    }
  }

  private Set<String> names(String pointer) {
    Set<String> names = new TreeSet<>();
    document.at(pointer).fieldNames().forEachRemaining(names::add);
    return names;
  }
}
