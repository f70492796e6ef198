package io.flowinstance.fetch;

import io.flowinstance.enos.AccessTokens;
import io.flowinstance.enos.Answer;
import io.flowinstance.enos.Redaction;
import io.flowinstance.json.JsonBody;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.ProducerTemplate;

/** Asks for access tokens through the route {@code fetch-token}. */
public record TokenService(ProducerTemplate template) implements AccessTokens.Service {
  @Override
  public Answer call(String operation, String body) {
    Message answer =
        EnosClient.answered(
            template.request(
                "direct:fetch-token",
                request -> {
                  request.getMessage().setHeader(Exchange.HTTP_PATH, "/" + operation);
                  request.getMessage().setHeader(Exchange.CONTENT_TYPE, "application/json");
                  request.getMessage().setBody(body);
                }));
    return new Answer(
        answer.getHeader(Exchange.HTTP_RESPONSE_CODE, Integer.class),
        answer.getBody(JsonBody.class),
        answer.getHeader(ApiHeaders.RETRY_AFTER, String.class),
        Redaction.NONE);
  }
}
