package io.flowinstance.routes;

import io.flowinstance.app.MessageSettings;
import io.flowinstance.app.Outcomes;
import io.flowinstance.enos.Identity;
import io.flowinstance.id.AllowedIdentities;
import io.flowinstance.id.IdRecord;
import io.flowinstance.id.IdRecordReader;
import io.flowinstance.kafka.FlowKafkaComponent;
import io.flowinstance.kafka.PolledRecord;
import io.flowinstance.kafka.SharedCall;
import io.flowinstance.outcome.DeadLetters;
import io.flowinstance.outcome.EventMessages;
import io.flowinstance.outcome.InstanceMessages;
import io.flowinstance.outcome.Outcome;
import java.time.Clock;
import java.util.List;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.component.mock.MockComponent;
import org.apache.camel.component.mock.MockEndpoint;
import org.apache.camel.spi.Registry;
import org.apache.camel.test.junit5.CamelContextConfiguration;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;

/** Runs {@code pipeline} and {@code on-error}, with mocks in the place of Kafka. */
abstract class PublishingRoutes extends RouteTestSupport {
  private static final int MOST_BYTES = 1 << 20;

  @Override
  List<String> routes() {
    return List.of("pipeline", "on-error", "call-api", "probe-clock");
  }

  @Override
  public void configureContext(CamelContextConfiguration configuration) {
    super.configureContext(configuration);
    configuration.replaceRouteFromWith("pipeline", "direct:id-records");
  }

  @Override
  void bindBeans(CamelContext context) throws Exception {
    super.bindBeans(context);
    context.addComponent(FlowKafkaComponent.SCHEME, new MockComponent(context));
    Registry registry = context.getRegistry();
    registry.bind("id-record-reader", new IdRecordReader("user", "org"));
    registry.bind("allowed-identities", new AllowedIdentities(new Identity("user", "org"), "u/o"));
    DeadLetters deadLetters =
        new DeadLetters("dead-letters", new IdRecordReader(null, null), Clock.systemUTC());
    registry.bind(
        "outcomes",
        new Outcomes(
            MessageSettings.of(settings(), Clock.systemUTC()).zones(),
            new InstanceMessages(
                new EventMessages("instances", "tasks", "", ""), deadLetters, MOST_BYTES),
            deadLetters));
  }

  /** Where outcomes go. */
  MockEndpoint publish() {
    return context.getEndpoint("flow-kafka:publish", MockEndpoint.class);
  }

  /** A record that was polled. */
  static SharedCall idRecord(byte[] value) {
    return PolledRecord.of(
        new IdRecord(new TopicPartition("ids", 0), 5, 1, null, value, new RecordHeaders()));
  }

  /** Sends a record through the pipeline and waits for its end. */
  Exchange send(byte[] value) {
    SharedCall call = idRecord(value);
    return template.request(
        "direct:id-records",
        exchange -> {
          exchange.setVariable(SharedCall.VARIABLE, call);
          exchange.getMessage().setBody(value);
        });
  }

  /** The messages of the one outcome that was published. */
  List<ProducerRecord<byte[], byte[]>> published() throws InterruptedException {
    publish().expectedMessageCount(1);
    publish().assertIsSatisfied();
    List<?> outcomes = publish().getExchanges().get(0).getMessage().getBody(List.class);
    return ((Outcome) outcomes.get(0)).messages();
  }
}
