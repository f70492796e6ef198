package io.flowinstance.kafka;

import io.flowinstance.metrics.PipelineMetrics;
import io.flowinstance.outcome.DeadLetters;
import io.flowinstance.outcome.EventMessages;
import io.flowinstance.trace.Tracing;
import java.time.Clock;
import java.time.Duration;
import java.util.List;

/**
 * Where outcomes go, and who is told.
 *
 * @param deadLetters takes the place of what Kafka refuses
 * @param maxRecordBytes largest record that the producer sends, uncompressed
 * @param transactionTimeout how long a transaction may take, if none has taken longer
 */
public record PublishTarget(
    EventMessages events,
    DeadLetters deadLetters,
    int maxRecordBytes,
    Duration transactionTimeout,
    PipelineMetrics metrics,
    Tracing traces,
    Clock clock) {

  List<String> topics() {
    return List.of(events.flowInstanceTopic(), events.taskStatusTopic(), deadLetters.topic());
  }
}
