package io.flowinstance.delivery;

import org.apache.camel.Exchange;
import org.apache.camel.spi.HeaderFilterStrategy;

/**
 * Lets no header of a polled record become a header of the exchange: one named {@code CamelHttpUri}
 * would steer the call. The raw headers stay with the {@link IdRecord}, for its dead letter.
 */
public final class NoHeaders implements HeaderFilterStrategy {
  @Override
  public boolean applyFilterToCamelHeaders(String name, Object value, Exchange exchange) {
    return true;
  }

  @Override
  public boolean applyFilterToExternalHeaders(String name, Object value, Exchange exchange) {
    return true;
  }
}
