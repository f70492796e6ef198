package io.flowinstance.delivery;

import org.apache.camel.Exchange;
import org.apache.camel.Route;
import org.apache.camel.support.RoutePolicySupport;
import org.slf4j.MDC;

/**
 * Names the instance and the lane in every log line that is written while the route {@code
 * serve-id} works on it, and in none after: its threads serve one id after the other.
 */
public final class IdInLog extends RoutePolicySupport {
  /** The lane's number. */
  static final String LANE = "lane";

  private static final String INSTANCE_ID = "instanceId";

  @Override
  public void onExchangeBegin(Route route, Exchange exchange) {
    IdGroup ids = exchange.getMessage().getBody(IdGroup.class);
    if (ids.query() == null) {
      MDC.remove(INSTANCE_ID);
    } else {
      MDC.put(INSTANCE_ID, ids.query().instanceId());
    }
    MDC.put(LANE, Integer.toString(ids.lane()));
  }

  @Override
  public void onExchangeDone(Route route, Exchange exchange) {
    MDC.remove(INSTANCE_ID);
    MDC.remove(LANE);
  }
}
