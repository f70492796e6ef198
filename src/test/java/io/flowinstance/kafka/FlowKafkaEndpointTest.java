package io.flowinstance.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.apache.camel.Endpoint;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.Test;

class FlowKafkaEndpointTest {
  @Test
  void publishIsTheOnlyStepThatARouteCanSendTo() throws Exception {
    try (DefaultCamelContext context = new DefaultCamelContext()) {
      context.addComponent("flow-kafka", new FlowKafkaComponent(null));

      assertNotNull(context.getEndpoint("flow-kafka:publish").createProducer());
      Endpoint topic = context.getEndpoint("flow-kafka:my-topic");
      Exception refused = assertThrows(IllegalArgumentException.class, topic::createProducer);
      assertEquals(
          "flow-kafka://my-topic has no such step: flow-kafka:publish publishes outcomes, on the"
              + " topics that topic.* names.",
          refused.getMessage());
    }
  }
}
