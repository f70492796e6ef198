package io.flowinstance.kafka;

import io.flowinstance.outcome.Outcome;
import java.util.List;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.apache.camel.support.DefaultAsyncProducer;

/**
 * The step {@code flow-kafka:publish}: hands the outcomes in the body, one for each record of the
 * variable {@code record}, to the consumer that polled these. The exchange goes on when they are
 * committed, or when their partition has moved and they never will be.
 */
final class OutcomeProducer extends DefaultAsyncProducer {
  OutcomeProducer(FlowKafkaEndpoint endpoint) {
    super(endpoint);
  }

  @Override
  public boolean process(Exchange exchange, AsyncCallback callback) {
    try {
      SharedCall call = exchange.getVariable(SharedCall.VARIABLE, SharedCall.class);
      InFlight inFlight = exchange.getProperty(FlowKafkaConsumer.IN_FLIGHT, InFlight.class);
      List<Outcome> outcomes =
          ((List<?>) exchange.getMessage().getBody()).stream().map(Outcome.class::cast).toList();
      if (!outcomes.stream().map(Outcome::idRecord).toList().equals(call.records())) {
        throw new IllegalStateException("The outcomes are not those of the records.");
      }
      inFlight.ready(call, outcomes, () -> callback.done(false));
      return false;
    } catch (RuntimeException e) {
      exchange.setException(e);
      callback.done(true);
      return true;
    }
  }
}
