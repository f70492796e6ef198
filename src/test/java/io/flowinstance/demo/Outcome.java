package io.flowinstance.demo;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Optional;

/**
 * What has arrived so far for one id.
 *
 * @param id the value as it was sent
 * @param instance the message of flow-instances
 * @param tasks the messages of task-statuses, in graph order
 */
record Outcome(
    String id, Optional<JsonNode> instance, List<JsonNode> tasks, List<DeadLetter> deadLetters) {

  /** A message of flow-instance-dead-letters: its headers. */
  record DeadLetter(String reason, String message) {
    /** It stands for one task of the instance, not for the id. */
    boolean ofTask() {
      return reason.equals("UNREADABLE_TASK");
    }
  }

  /** Whether nothing more will come: a dead letter for the id, or the instance and its tasks. */
  boolean complete() {
    return instance
        .map(message -> tasks.size() >= message.at("/enrichment/taskCount").asInt())
        .orElse(deadLetters.stream().anyMatch(letter -> !letter.ofTask()));
  }
}
