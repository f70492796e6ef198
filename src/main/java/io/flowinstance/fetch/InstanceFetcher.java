package io.flowinstance.fetch;

import io.flowinstance.enos.InstanceQuery;
import java.util.concurrent.Executor;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.support.AsyncProcessorSupport;
import org.slf4j.MDC;

/**
 * The step {@code instance-fetcher}: the instance query in the body becomes the data of the API's
 * answer, on a thread of the fetches.
 */
public final class InstanceFetcher extends AsyncProcessorSupport {
  private static final String INSTANCE_ID = "instanceId";

  private final Executor threads;
  private final ProducerTemplate template;

  public InstanceFetcher(Executor threads, ProducerTemplate template) {
    this.threads = threads;
    this.template = template;
  }

  @Override
  public boolean process(Exchange exchange, AsyncCallback callback) {
    FetchScope scope = exchange.getVariable("record", FetchScope.class);
    threads.execute(() -> fetch(exchange, scope, callback));
    return false;
  }

  private void fetch(Exchange exchange, FetchScope scope, AsyncCallback callback) {
    if (!scope.tryAcquire(() -> threads.execute(() -> fetch(exchange, scope, callback)))) {
      return;
    }
    MDC.put(INSTANCE_ID, exchange.getMessage().getBody(InstanceQuery.class).instanceId());
    try {
      template.send("direct:fetch-instance", exchange);
      if (exchange.getException() != null) {
        scope.release();
      }
      callback.done(false);
    } finally {
      MDC.remove(INSTANCE_ID);
    }
  }
}
