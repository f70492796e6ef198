package io.flowinstance.fetch;

import java.util.Locale;
import java.util.Set;
import org.apache.camel.Exchange;
import org.apache.camel.spi.HeaderFilterStrategy;

/** Lets only our headers out to the API, and only what we read of the answer in. */
public final class ApiHeaders implements HeaderFilterStrategy {
  static final String RETRY_AFTER = "Retry-After";

  /** W3C Trace Context. */
  private static final Set<String> TRACE = Set.of("traceparent", "tracestate");

  /** Whether a header is kept from the request. */
  @Override
  public boolean applyFilterToCamelHeaders(String name, Object value, Exchange exchange) {
    return !name.toLowerCase(Locale.ROOT).startsWith("apim-")
        && !name.equalsIgnoreCase(Exchange.CONTENT_TYPE)
        && !TRACE.contains(name);
  }

  /** Whether a header of the answer is kept from the message. */
  @Override
  public boolean applyFilterToExternalHeaders(String name, Object value, Exchange exchange) {
    return !name.equalsIgnoreCase(RETRY_AFTER);
  }
}
