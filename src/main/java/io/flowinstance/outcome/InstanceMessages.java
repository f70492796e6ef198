package io.flowinstance.outcome;

import io.flowinstance.event.FlowInstanceEvent;
import io.flowinstance.id.IdRecord;
import java.util.List;
import java.util.function.LongConsumer;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Everything that an id record comes to when the API gave its instance. */
public final class InstanceMessages {
  private static final int NAMED_TASKS = 3;

  private final EventMessages events;
  private final DeadLetters deadLetters;
  private final long mostBytes;

  /**
   * @param mostBytes the heap that the messages of one record may take
   */
  public InstanceMessages(EventMessages events, DeadLetters deadLetters, long mostBytes) {
    this.events = events;
    this.deadLetters = deadLetters;
    this.mostBytes = mostBytes;
  }

  /**
   * One message of the instance, one per task in graph order, one dead letter if a task cannot be
   * read: in this order.
   *
   * @param call the call that brought the instance, for the dead letter
   * @param bytes is told, while messages are made, what all of them take
   * @throws OutcomeTooLargeException they take more than one record's may
   */
  public List<ProducerRecord<byte[], byte[]>> of(
      FlowInstanceEvent event, IdRecord idRecord, DeadLetters.Call call, LongConsumer bytes) {
    List<ProducerRecord<byte[], byte[]>> messages =
        events.of(
            event,
            idRecord,
            taken -> {
              if (taken > mostBytes) {
                throw new OutcomeTooLargeException(mostBytes);
              }
              bytes.accept(taken);
            });
    List<String> faults = event.unreadableTasks();
    if (!faults.isEmpty()) {
      messages.add(
          deadLetters.of(idRecord, DeadLetterReason.UNREADABLE_TASK, unreadable(faults), call));
    }
    return messages;
  }

  /** How many tasks cannot be read, and why the first of them cannot. */
  static String unreadable(List<String> sentences) {
    return sentences.size() == 1
        ? sentences.get(0)
        : "%d tasks cannot be read%s %s"
            .formatted(
                sentences.size(),
                sentences.size() > NAMED_TASKS ? ", among them:" : ":",
                String.join(" ", sentences.subList(0, Math.min(NAMED_TASKS, sentences.size()))));
  }
}
