package io.flowinstance.delivery;

import java.util.ArrayList;
import java.util.List;
import org.apache.camel.AggregationStrategy;
import org.apache.camel.Exchange;
import org.apache.camel.RuntimeCamelException;
import org.apache.camel.support.DefaultExchange;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Collects the outcomes of a batch. Ids that failed without one fail the whole batch, so that it is
 * polled again.
 */
public final class BatchOutcomes implements AggregationStrategy {
  private static final Logger LOG = LoggerFactory.getLogger(BatchOutcomes.class);

  @Override
  public Exchange aggregate(Exchange collected, Exchange next) {
    if (next.getException() != null) {
      LOG.error("An id came to no outcome; its batch will be polled again.", next.getException());
      throw RuntimeCamelException.wrapRuntimeCamelException(next.getException());
    }
    Exchange into = collected == null ? emptyBatch(next) : collected;
    outcomes(into).addAll(outcomes(next));
    return into;
  }

  /**
   * An exchange of its own: that of an id carries marks of the id's errors ("handled"), which would
   * end the route of the whole batch without a word.
   */
  private static Exchange emptyBatch(Exchange of) {
    Exchange batch = new DefaultExchange(of.getContext());
    batch.getMessage().setBody(new ArrayList<Outcome>());
    return batch;
  }

  @SuppressWarnings("unchecked")
  private static List<Outcome> outcomes(Exchange exchange) {
    return exchange.getMessage().getBody(List.class);
  }
}
