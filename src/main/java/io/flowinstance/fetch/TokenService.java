package io.flowinstance.fetch;

import io.flowinstance.enos.AccessTokens;
import io.flowinstance.enos.Answer;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.Redaction;
import io.flowinstance.json.JsonBody;
import org.apache.camel.Exchange;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.RuntimeCamelException;

/** Asks for access tokens through the route {@code fetch-token}. */
public final class TokenService implements AccessTokens.Service {
  private final ProducerTemplate template;

  public TokenService(ProducerTemplate template) {
    this.template = template;
  }

  @Override
  public Answer call(String operation, String body) {
    Exchange exchange =
        template.request(
            "direct:fetch-token",
            request -> {
              request.getMessage().setHeader(Exchange.HTTP_PATH, "/" + operation);
              request.getMessage().setHeader(Exchange.CONTENT_TYPE, "application/json");
              request.getMessage().setBody(body);
            });
    Exception failure = exchange.getException();
    if (failure != null) {
      ApiFailure known = ApiFailure.in(failure);
      throw known != null ? known : RuntimeCamelException.wrapRuntimeCamelException(failure);
    }
    return answer(exchange);
  }

  static Answer answer(Exchange exchange) {
    return new Answer(
        exchange.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE, Integer.class),
        exchange.getMessage().getBody(JsonBody.class),
        exchange.getMessage().getHeader(ApiHeaders.RETRY_AFTER, String.class),
        Redaction.NONE);
  }
}
