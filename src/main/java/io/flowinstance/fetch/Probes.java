package io.flowinstance.fetch;

import io.flowinstance.enos.Answer;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
import io.flowinstance.enos.InstanceQuery;
import org.apache.camel.Exchange;
import org.apache.camel.ProducerTemplate;

/** Asks the API, past its circuit breaker, whether it answers. */
public final class Probes {
  private final ProducerTemplate template;

  public Probes(ProducerTemplate template) {
    this.template = template;
  }

  /** Whether the API answers about this instance, be it that it rejects it. */
  public boolean answersAbout(InstanceQuery query) {
    Exchange exchange =
        template.request(
            "direct:call-api", request -> request.setVariable("fetch", new Fetch(query)));
    return exchange.getException() == null || isAnswer(exchange.getException());
  }

  /** Whether the API tells its time, or at least that it has no clock. */
  public boolean tellsTheTime() {
    Exchange exchange = template.request("direct:probe-clock", request -> {});
    if (exchange.getException() != null) {
      return isAnswer(exchange.getException());
    }
    try {
      answer(exchange).data();
      return true;
    } catch (ApiFailure failure) {
      return isAnswer(failure);
    }
  }

  static Answer answer(Exchange exchange) {
    return new Answer(
        exchange.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE, Integer.class),
        exchange.getMessage().getBody(byte[].class),
        exchange.getMessage().getHeader(ApiHeaders.RETRY_AFTER, String.class));
  }

  private static boolean isAnswer(Throwable thrown) {
    ApiFailure failure = ApiFailure.in(thrown);
    return failure != null
        && (failure.kind() == FailureKind.REJECTED || failure.kind() == FailureKind.UNREADABLE);
  }
}
