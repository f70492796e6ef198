package io.flowinstance.command;

import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
import io.flowinstance.graph.UnreadableResponseException;
import io.flowinstance.kafka.KafkaFaults;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;

/** What went wrong, in a sentence that says what to fix. */
final class Failures {
  private Failures() {}

  /** The sentence, or null for what no command expects: that is a fault of its own. */
  static String sentence(Throwable failure) {
    Throwable known = failure instanceof ExecutionException ? failure.getCause() : failure;
    if (known instanceof CommandFailedException || known instanceof UnreadableResponseException) {
      return known.getMessage();
    }
    if (known instanceof ApiFailure api) {
      return api(api);
    }
    for (Throwable cause = known; cause != null; cause = cause.getCause()) {
      if (cause instanceof ProducerFencedException
          || cause instanceof InvalidProducerEpochException) {
        return "Another replay was started meanwhile, so this one has stopped.";
      }
    }
    return known instanceof KafkaException ? KafkaFaults.sentence(known) : null;
  }

  private static String api(ApiFailure failure) {
    String remedy =
        failure.kind() == FailureKind.TRANSIENT && failure.httpStatus() == null
            ? "Check enos.base-url and enos.proxy."
            : failure.kind().remedy();
    return (failure.getMessage() + " " + remedy).strip();
  }
}
