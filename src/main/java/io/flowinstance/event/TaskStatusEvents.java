package io.flowinstance.event;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.graph.TaskInstance;
import io.flowinstance.json.Json;
import java.util.AbstractList;
import java.util.Arrays;
import java.util.List;
import java.util.RandomAccess;
import java.util.function.LongConsumer;

/**
 * The events of an instance's readable tasks, in graph order. What they share is most of each, and
 * is kept once; what is their own stands in one array. An event is put together whenever somebody
 * asks for its JSON, so a large instance takes a fraction of the heap that its messages would.
 */
public final class TaskStatusEvents extends AbstractList<TaskStatusEvent> implements RandomAccess {
  /** Of each event: the ends of its key, its beginning and its end in {@code own}, its index. */
  private static final int PLACES = 4;

  /** Each event's own bytes; behind them, in brackets of which the first is a comma, the shared. */
  private final byte[] own;

  private final int[] places;

  private TaskStatusEvents(byte[] own, int[] places) {
    this.own = own;
    this.places = places;
  }

  /**
   * The events of the instance of an event.
   *
   * @param bytes is told after each task what the heap holds of all; what it throws ends the work
   */
  static TaskStatusEvents of(FlowInstanceEvent event, LongConsumer bytes) {
    List<TaskInstance> tasks = event.instance().graph().tasks().readable();
    int[] places = new int[PLACES * tasks.size()];
    byte[] own =
        Json.write(
            (json, written) -> {
              int at = 0;
              for (TaskInstance task : tasks) {
                written.write(task.taskInstId().getBytes(UTF_8));
                places[at++] = written.size();
                TaskStatusEvent.begin(task, event.edges(), json);
                json.flush();
                places[at++] = written.size();
                TaskStatusEvent.end(task, json);
                json.flush();
                places[at++] = written.size();
                places[at++] = task.index();
                bytes.accept(written.size() + (long) Integer.BYTES * places.length);
              }
              TaskStatusEvent.writeShared(
                  event.instance(), event.enrichment(), event.observation(), json);
            });
    TaskStatusEvents events = new TaskStatusEvents(own, places);
    // It goes on behind the fields that are an event's own.
    own[events.start(events.size())] = ',';
    return events;
  }

  @Override
  public int size() {
    return places.length / PLACES;
  }

  @Override
  public TaskStatusEvent get(int at) {
    return new TaskStatusEvent(this, at);
  }

  /** The heap that all of them take, about. */
  public long bytes() {
    return own.length + (long) Integer.BYTES * places.length;
  }

  /** The bytes of an event's key. */
  public int keyLength(int at) {
    return keyEnd(at) - start(at);
  }

  /** The bytes of an event's JSON. */
  public int jsonLength(int at) {
    return end(at) - keyEnd(at) + sharedLength();
  }

  byte[] key(int at) {
    return Arrays.copyOfRange(own, start(at), keyEnd(at));
  }

  int index(int at) {
    return places[PLACES * at + 3];
  }

  byte[] json(int at) {
    byte[] json = new byte[jsonLength(at)];
    int from = keyEnd(at);
    int middle = places[PLACES * at + 1];
    System.arraycopy(own, from, json, 0, middle - from);
    System.arraycopy(own, start(size()), json, middle - from, sharedLength());
    int end = end(at);
    System.arraycopy(own, middle, json, json.length - (end - middle), end - middle);
    return json;
  }

  /** Without the bracket that ends it. */
  private int sharedLength() {
    return own.length - 1 - start(size());
  }

  private int start(int at) {
    return at == 0 ? 0 : end(at - 1);
  }

  private int keyEnd(int at) {
    return places[PLACES * at];
  }

  private int end(int at) {
    return places[PLACES * at + 2];
  }
}
