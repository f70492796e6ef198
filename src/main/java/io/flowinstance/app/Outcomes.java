package io.flowinstance.app;

import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.enos.Answer;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.event.EventZones;
import io.flowinstance.event.FlowInstanceEvent;
import io.flowinstance.event.Observation;
import io.flowinstance.fetch.CancelledException;
import io.flowinstance.fetch.FetchState;
import io.flowinstance.graph.FlowInstance;
import io.flowinstance.graph.FlowInstanceDecoder;
import io.flowinstance.graph.UnreadableResponseException;
import io.flowinstance.id.IdRecord;
import io.flowinstance.id.IdentityNotAllowedException;
import io.flowinstance.id.MalformedIdException;
import io.flowinstance.kafka.SharedCall;
import io.flowinstance.outcome.DeadLetterReason;
import io.flowinstance.outcome.DeadLetters;
import io.flowinstance.outcome.InstanceMessages;
import io.flowinstance.outcome.Outcome;
import io.flowinstance.outcome.OutcomeTooLargeException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import org.apache.camel.Body;
import org.apache.camel.ExchangeException;
import org.apache.camel.Variable;

/**
 * The steps after the fetch, of {@code pipeline} and {@code on-error}: data to instance, instance
 * to events, failure to dead letter.
 */
public final class Outcomes {
  private final FlowInstanceDecoder decoder = new FlowInstanceDecoder();
  private final EventZones zones;
  private final InstanceMessages messages;
  private final DeadLetters deadLetters;

  public Outcomes(EventZones zones, InstanceMessages messages, DeadLetters deadLetters) {
    this.zones = zones;
    this.messages = messages;
    this.deadLetters = deadLetters;
  }

  /**
   * Decodes the answer's data, its {@code graph} and {@code parameters} included.
   *
   * @throws ApiFailure it is not a FlowInstance
   */
  public FlowInstance decode(@Body JsonNode data, @Variable("fetch") FetchState fetch) {
    try {
      return decoder.decode(data, fetch.query().instanceId());
    } catch (UnreadableResponseException e) {
      throw fetch.answer().unreadable(e.getMessage());
    } catch (RuntimeException e) {
      // A fault of this program: it must not stop the other answers.
      throw fetch.answer().unreadable("The answer broke the decoder: " + e);
    }
  }

  /**
   * For each record that asked: one event of the instance, one per task in graph order, one dead
   * letter if a task cannot be read.
   *
   * @throws OutcomeTooLargeException they are larger than those of one instance may be
   */
  public List<Outcome> split(
      @Body FlowInstance instance,
      @Variable("record") SharedCall record,
      @Variable("fetch") FetchState fetch) {
    List<String> unreadable = instance.graph().tasks().faults();
    // Only a dead letter describes the call, and for that the whole answer is read again.
    DeadLetters.Call call = unreadable.isEmpty() ? DeadLetters.Call.NONE : call(fetch);
    Heap heap = new Heap(record);
    List<Outcome> outcomes = new ArrayList<>();
    FlowInstanceEvent event = null;
    for (IdRecord idRecord : record.records()) {
      event =
          event == null
              ? event(instance, idRecord, fetch)
              : event.withObservation(observation(idRecord, fetch));
      outcomes.add(messages.of(event, idRecord, call, heap));
      heap.keep();
    }
    record.records().forEach(each -> endSpan(each, DeadLetterReason.UNREADABLE_TASK, unreadable));
    fetch.forgetBody();
    return outcomes;
  }

  /** What is published of an instance for an id record. */
  public FlowInstanceEvent event(FlowInstance instance, IdRecord idRecord, FetchState fetch) {
    return FlowInstanceEvent.of(instance, zones, observation(idRecord, fetch));
  }

  private static Observation observation(IdRecord idRecord, FetchState fetch) {
    return new Observation(
        idRecord.position(),
        fetch.query().userId(),
        fetch.query().orgId(),
        fetch.askedAt(),
        fetch.fetchedAt());
  }

  /** Takes heap for messages while they are made, in steps. */
  private static final class Heap implements LongConsumer {
    private final SharedCall record;
    private long kept;
    private long current;
    private long asked;

    Heap(SharedCall record) {
      this.record = record;
    }

    @Override
    public void accept(long bytes) {
      current = bytes;
      if (kept + bytes > asked) {
        asked = (kept + bytes) * 5 / 4;
        try {
          record.growTo(asked);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new CancelledException("Interrupted.");
        }
      }
    }

    /** The messages of a record are made; those of the next one are counted from 0 again. */
    void keep() {
      kept += current;
    }
  }

  /** The dead letters of an id whose failure no repeated call would change. */
  public List<Outcome> deadLetter(
      @ExchangeException Exception failure,
      @Variable("record") SharedCall record,
      @Variable("fetch") FetchState fetch) {
    ApiFailure apiFailure = ApiFailure.in(failure);
    DeadLetterReason reason = reason(failure, apiFailure);
    DeadLetters.Call call =
        apiFailure == null
            ? call(fetch)
            : new DeadLetters.Call(
                apiFailure.httpStatus(),
                apiFailure.apiCode(),
                apiFailure.response(),
                fetch.attempts());
    String message = apiFailure == null ? sentence(failure) : apiFailure.getMessage();
    return record.records().stream()
        .map(
            idRecord -> {
              endSpan(idRecord, reason, List.of(message));
              return Outcome.of(idRecord, List.of(deadLetters.of(idRecord, reason, message, call)));
            })
        .toList();
  }

  /** What a failure says; a step that somebody added may throw one that says nothing. */
  private static String sentence(Exception failure) {
    return failure.getMessage() == null ? failure.toString() : failure.getMessage();
  }

  /** Ends the span of a record, as failed for the first of the sentences, if there is one. */
  private static void endSpan(IdRecord idRecord, DeadLetterReason reason, List<String> sentences) {
    if (!sentences.isEmpty()) {
      idRecord.span().failed(reason.name(), sentences.get(0));
    }
    idRecord.span().end();
  }

  private static DeadLetterReason reason(Exception failure, ApiFailure apiFailure) {
    if (failure instanceof MalformedIdException) {
      return DeadLetterReason.MALFORMED_ID;
    }
    if (failure instanceof IdentityNotAllowedException) {
      return DeadLetterReason.IDENTITY_NOT_ALLOWED;
    }
    if (failure instanceof OutcomeTooLargeException) {
      return DeadLetterReason.EVENT_TOO_LARGE;
    }
    if (apiFailure == null) {
      return DeadLetterReason.UNREADABLE_RESPONSE;
    }
    return switch (apiFailure.kind()) {
      case REJECTED, ACCESS_DENIED, ACCESS_TOKEN -> DeadLetterReason.REJECTED_BY_API;
      case UNREADABLE, NOT_UNDERSTOOD -> DeadLetterReason.UNREADABLE_RESPONSE;
      case TRANSIENT, RATE_LIMITED -> DeadLetterReason.RETRIES_EXHAUSTED;
    };
  }

  /** What a dead letter tells of the calls for an instance. */
  public static DeadLetters.Call call(FetchState fetch) {
    if (fetch == null) {
      return DeadLetters.Call.NONE;
    }
    Answer answer = fetch.answer();
    return answer == null
        ? new DeadLetters.Call(null, null, null, fetch.attempts())
        : new DeadLetters.Call(
            answer.httpStatus(), answer.apiCode(), answer.excerpt(), fetch.attempts());
  }
}
