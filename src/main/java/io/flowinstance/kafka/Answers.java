package io.flowinstance.kafka;

import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.common.KafkaException;

/** What the brokers answer, waited for. */
final class Answers {
  private static final long LONGEST_S = 20;

  private Answers() {}

  /**
   * The answer.
   *
   * @throws KafkaException what went wrong, as Kafka says it
   */
  static <T> T await(CompletionStage<T> answer) throws InterruptedException {
    try {
      return answer.toCompletableFuture().get(LONGEST_S, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw failure(e.getCause());
    } catch (TimeoutException e) {
      throw new org.apache.kafka.common.errors.TimeoutException("No answer.", e);
    }
  }

  /** As Kafka says it, without what futures wrap around it. */
  static KafkaException failure(Throwable thrown) {
    Throwable cause = thrown;
    while ((cause instanceof CompletionException || cause instanceof ExecutionException)
        && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause instanceof KafkaException kafka ? kafka : new KafkaException(cause);
  }
}
