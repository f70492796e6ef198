package io.flowinstance.kafka;

import io.flowinstance.id.IdRecord;
import java.util.Map;
import java.util.function.Function;
import org.apache.camel.component.kafka.KafkaComponent;
import org.apache.camel.component.kafka.KafkaEndpoint;
import org.apache.camel.component.kafka.KafkaEndpointConfigurer;
import org.apache.camel.spi.PropertyConfigurer;

/**
 * The scheme {@code flow-kafka}. {@code from: flow-kafka:<topic>} hands each record of a topic to
 * the route, up to four of one key in one exchange. {@code to: flow-kafka:publish} publishes what
 * came of them in one transaction with their offsets. The options are camel-kafka's. Those for its
 * own loop and commits, for serialization and for the connection have no effect.
 */
public final class FlowKafkaComponent extends KafkaComponent {
  public static final String SCHEME = "flow-kafka";

  private final Parts parts;

  /**
   * What the endpoints work with.
   *
   * @param brokers answers about offsets and topics
   * @param order the key by which records keep their order, null for one that has none
   * @param limits of what a consumer has in flight
   * @param heap bounds the heap of answers and outcomes, over all consumers
   * @param target where outcomes go
   * @param transactionalIdPrefix what transactional ids begin with
   */
  public record Parts(
      Brokers brokers,
      Function<IdRecord, Object> order,
      InFlightLimits limits,
      HeapPermits heap,
      KafkaHealth health,
      PublishTarget target,
      String transactionalIdPrefix) {}

  public FlowKafkaComponent(Parts parts) {
    this.parts = parts;
  }

  Parts parts() {
    return parts;
  }

  @Override
  protected KafkaEndpoint createEndpoint(
      String uri, String remaining, Map<String, Object> parameters) throws Exception {
    FlowKafkaEndpoint endpoint = new FlowKafkaEndpoint(uri, this);
    endpoint.setConfiguration(getConfiguration().copy());
    setProperties(endpoint, parameters);
    endpoint.getConfiguration().setTopic(remaining);
    return endpoint;
  }

  @Override
  public PropertyConfigurer getEndpointPropertyConfigurer() {
    return new KafkaEndpointConfigurer();
  }
}
