package io.flowinstance.delivery;

import io.flowinstance.event.FlowInstanceEvent;
import java.util.List;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Everything that an id record comes to when the API gave its instance. */
public final class InstanceMessages {
  private final EventMessages events;
  private final DeadLetters deadLetters;

  public InstanceMessages(EventMessages events, DeadLetters deadLetters) {
    this.events = events;
    this.deadLetters = deadLetters;
  }

  /**
   * One message of the instance, one per task in graph order, one dead letter per task that cannot
   * be read: in this order.
   *
   * @param source the CloudEvents source, a URI reference
   * @param call the call that brought the instance, for the dead letters
   */
  public List<ProducerRecord<byte[], byte[]>> of(
      FlowInstanceEvent event, IdRecord idRecord, String source, DeadLetters.Call call) {
    List<ProducerRecord<byte[], byte[]>> messages = events.of(event, idRecord, source);
    for (String why : event.unreadableTasks()) {
      messages.add(deadLetters.of(idRecord, DeadLetterReason.UNREADABLE_TASK, why, call));
    }
    return messages;
  }
}
