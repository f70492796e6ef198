package io.flowinstance.kafka;

import io.flowinstance.fetch.CancelledException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.Suspendable;
import org.apache.camel.support.DefaultConsumer;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.producer.Producer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * As many consumers of the id topic as {@code consumersCount} says, each with a poll thread, a
 * publish thread and transactions of its own.
 */
final class FlowKafkaConsumer extends DefaultConsumer implements Suspendable {
  private static final Logger LOG = LoggerFactory.getLogger(FlowKafkaConsumer.class);

  /** The exchange property that says which consumer polled its records. */
  static final String IN_FLIGHT = InFlight.class.getName();

  private static final long THREAD_END_MS = 5_000;

  private final FlowKafkaEndpoint endpoint;
  private final FlowKafkaComponent.Parts parts;
  private final List<Running> running = new ArrayList<>();

  private record Running(
      InFlight inFlight,
      PollLoop polls,
      Thread pollThread,
      PublishLoop publishes,
      Thread publishThread) {}

  FlowKafkaConsumer(
      FlowKafkaEndpoint endpoint, Processor processor, FlowKafkaComponent.Parts parts) {
    super(endpoint, processor);
    this.endpoint = endpoint;
    this.parts = parts;
  }

  @Override
  protected void doStart() throws Exception {
    super.doStart();
    String process = UUID.randomUUID().toString();
    for (int number = 0; number < endpoint.getConfiguration().getConsumersCount(); number++) {
      running.add(start(number, parts.transactionalIdPrefix() + "-" + process + "-" + number));
    }
  }

  private Running start(int number, String transactionalId) {
    InFlight[] self = new InFlight[1];
    InFlight inFlight = new InFlight(parts.limits(), parts.order(), call -> serve(call, self[0]));
    self[0] = inFlight;
    ConsumerHealth health = parts.health().add(number, inFlight);
    PollLoop polls =
        new PollLoop(
            endpoint.getConfiguration().getTopic(), this::newConsumer, parts, inFlight, health);
    PublishLoop publishes =
        new PublishLoop(
            inFlight,
            (timeout, batchBytes) -> newProducer(transactionalId, timeout, batchBytes),
            parts.brokers(),
            parts.target(),
            health,
            polls::restart);
    return new Running(
        inFlight,
        polls,
        thread(polls, "consumer-" + number + "-poll"),
        publishes,
        thread(publishes, "consumer-" + number + "-publish"));
  }

  private static Thread thread(Runnable loop, String name) {
    Thread thread = new Thread(loop, name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  @SuppressWarnings("unchecked")
  private Consumer<byte[], byte[]> newConsumer() {
    return endpoint.getKafkaClientFactory().getConsumer(endpoint.consumerProperties());
  }

  @SuppressWarnings("unchecked")
  private Producer<byte[], byte[]> newProducer(
      String transactionalId, Duration transactionTimeout, int batchBytes) {
    return endpoint
        .getKafkaClientFactory()
        .getProducer(endpoint.producerProperties(transactionalId, transactionTimeout, batchBytes));
  }

  /** Begins the exchange of a call; returns at once. */
  private void serve(SharedCall call, InFlight inFlight) {
    Exchange exchange = createExchange(false);
    exchange.getMessage().setBody(call.first().value());
    exchange.setVariable(SharedCall.VARIABLE, call);
    exchange.setProperty(IN_FLIGHT, inFlight);
    getAsyncProcessor()
        .process(
            exchange,
            doneSync -> {
              Exception failure = exchange.getException();
              if (inFlight.failed(call) && !(failure instanceof CancelledException)) {
                LOG.warn(
                    "{} led to no outcome; it is tried again.", call.first().position(), failure);
              }
              releaseExchange(exchange, false);
            });
  }

  /** Takes no more records, and publishes the outcomes of the calls that are under way. */
  @Override
  protected void doSuspend() throws Exception {
    Duration patience =
        Duration.ofMillis(endpoint.getConfiguration().getShutdownTimeout() * 3L / 4);
    long end = System.nanoTime() + patience.toNanos();
    // All at once: while one waits for a slow call, the others begin no new ones.
    running.forEach(each -> each.inFlight().beginStop());
    for (Running each : running) {
      each.inFlight().stop(Duration.ofNanos(Math.max(0, end - System.nanoTime())));
    }
    super.doSuspend();
  }

  @Override
  protected void doResume() throws Exception {
    doStop();
    doStart();
  }

  @Override
  protected void doStop() throws Exception {
    for (Running each : running) {
      each.inFlight().stop(Duration.ZERO);
      each.publishes().close();
      each.polls().close();
    }
    for (Running each : running) {
      end(each.publishThread());
      end(each.pollThread());
    }
    running.clear();
    parts.health().clear();
    super.doStop();
  }

  private static void end(Thread thread) throws InterruptedException {
    thread.join(THREAD_END_MS);
    if (thread.isAlive()) {
      thread.interrupt();
      thread.join(THREAD_END_MS);
    }
  }
}
