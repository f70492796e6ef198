package io.flowinstance.outcome;

import io.flowinstance.event.TaskStatusEvent;
import io.flowinstance.event.TaskStatusEvents;
import java.util.AbstractList;
import java.util.List;
import java.util.Objects;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;

/**
 * The messages of an instance: its event, those of its tasks, and a dead letter if there is one. A
 * task's is made anew whenever somebody asks for it, and lives no longer than its send.
 *
 * @param instance the message of the instance
 * @param tasks the events of its tasks
 * @param taskHeaders the headers that these share
 * @param idPrefix goes before a task's index in its {@code ce_id}
 * @param deadLetter the last message, or null
 */
record InstanceRecords(
    ProducerRecord<byte[], byte[]> instance,
    TaskStatusEvents tasks,
    String taskTopic,
    List<Header> taskHeaders,
    String idPrefix,
    ProducerRecord<byte[], byte[]> deadLetter) {
  /** The digits of the longest index of a task. */
  private static final int INDEX_LENGTH = 10;

  /** In the order in which they are published. */
  List<ProducerRecord<byte[], byte[]>> messages() {
    return new AbstractList<>() {
      @Override
      public int size() {
        return 1 + tasks.size() + (deadLetter == null ? 0 : 1);
      }

      @Override
      public ProducerRecord<byte[], byte[]> get(int at) {
        Objects.checkIndex(at, size());
        if (at == 0) {
          return instance;
        }
        return at <= tasks.size() ? message(tasks.get(at - 1)) : deadLetter;
      }
    };
  }

  private ProducerRecord<byte[], byte[]> message(TaskStatusEvent task) {
    byte[] key = task.key();
    ProducerRecord<byte[], byte[]> message =
        new ProducerRecord<>(
            taskTopic, null, instance.timestamp(), key, task.toJson(), taskHeaders);
    CloudEvents.addOwn(message.headers(), idPrefix + task.index(), key);
    return message;
  }

  /** What they take, counted without a message of a task being made. */
  MessageSize total() {
    long headers =
        MessageSize.ofHeaders(taskHeaders)
            + MessageSize.ofHeader("ce_id", idPrefix.length() + INDEX_LENGTH)
            + MessageSize.ofHeader("ce_subject", 0);
    long published = 0;
    long largest = 0;
    for (int at = 0; at < tasks.size(); at++) {
      int json = tasks.jsonLength(at);
      published += MessageSize.published(json);
      // The key is the header ce_subject too.
      largest = Math.max(largest, MessageSize.ofRecord(2L * tasks.keyLength(at), json, headers));
    }
    MessageSize ofTasks = new MessageSize(tasks.bytes(), published, largest);
    MessageSize ofEvents = MessageSize.of(instance).and(ofTasks);
    return deadLetter == null ? ofEvents : ofEvents.and(MessageSize.of(deadLetter));
  }
}
