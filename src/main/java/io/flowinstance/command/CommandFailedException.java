package io.flowinstance.command;

import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
import io.flowinstance.kafka.KafkaFaults;
import org.apache.kafka.common.KafkaException;

/** A command could not do what it was asked; the message is for the person who asked. */
final class CommandFailedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  CommandFailedException(String message) {
    super(message);
  }

  CommandFailedException(String message, Throwable cause) {
    super(message, cause);
  }

  /**
   * A failure in a sentence that says what to fix; null for what no command expects: that is a
   * fault of its own.
   */
  static String sentence(Throwable failure) {
    if (failure instanceof CommandFailedException) {
      return failure.getMessage();
    }
    if (failure instanceof ApiFailure api) {
      String remedy =
          api.kind() == FailureKind.TRANSIENT && api.httpStatus() == null
              ? "Check enos.base-url and enos.proxy."
              : api.kind().remedy();
      String message = api.getMessage();
      return (message + (message.endsWith(".") ? " " : ". ") + remedy).strip();
    }
    if (!(failure instanceof KafkaException)) {
      return null;
    }
    return KafkaFaults.isFenced(failure)
        ? "Another replay was started meanwhile, or a transaction took longer than"
            + " kafka.transaction-timeout-ms, so this one has stopped."
        : KafkaFaults.sentence(failure);
  }
}
