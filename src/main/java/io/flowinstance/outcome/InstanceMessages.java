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
   * @param mostBytes that the messages of one record may take
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
   * @param bytes is told, while messages are made, what the heap holds of them
   * @throws OutcomeTooLargeException they take more than one record's may
   */
  public Outcome of(
      FlowInstanceEvent event, IdRecord idRecord, DeadLetters.Call call, LongConsumer bytes) {
    List<String> faults = event.unreadableTasks();
    ProducerRecord<byte[], byte[]> deadLetter =
        faults.isEmpty()
            ? null
            : deadLetters.of(idRecord, DeadLetterReason.UNREADABLE_TASK, unreadable(faults), call);
    InstanceRecords messages =
        events.of(
            event,
            idRecord,
            deadLetter,
            taken -> {
              refuseAbove(taken);
              bytes.accept(taken);
            });
    MessageSize total = messages.total();
    refuseAbove(total.published());
    return new Outcome(idRecord, messages.messages(), deadLetter, total);
  }

  private void refuseAbove(long bytes) {
    if (bytes > mostBytes) {
      throw new OutcomeTooLargeException(mostBytes);
    }
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
