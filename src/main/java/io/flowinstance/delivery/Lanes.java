package io.flowinstance.delivery;

import io.flowinstance.metrics.PipelineMetrics;
import io.flowinstance.trace.Traces;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.StringJoiner;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.apache.camel.Body;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;
import org.apache.camel.component.kafka.KafkaClientFactory;
import org.apache.camel.component.kafka.KafkaConfiguration;
import org.apache.camel.component.kafka.KafkaConstants;
import org.apache.camel.support.SynchronizationAdapter;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

/**
 * The lanes of this process: hands camel-kafka its consumers, each with a {@link Lane} that its
 * polls go through, and is the steps of the route {@code pipeline} that take ids in hand.
 */
public final class Lanes implements KafkaClientFactory {
  /** Far more than W3C Trace Context asks to be carried on. */
  private static final int LONGEST_TRACE_HEADER = 8192;

  /** One failure may be a rebalance's; the second one is somebody's to look at. */
  private static final int FAILURES_IN_A_ROW = 2;

  private final LaneWatch clients;
  private final Publisher publisher;
  private final Limits limits;
  private final Duration longestStop;
  private final PipelineMetrics metrics;
  private final Traces traces;
  private final LongSupplier nanoTime;
  private final Map<Integer, Lane> lanes = new ConcurrentSkipListMap<>();
  private volatile boolean stopping;

  /**
   * Bounds of what a lane has in hand.
   *
   * @param batchRecords outcomes that are published at once; half as many ids wait for their calls
   * @param patience between two transactions, as long as neither holds a whole batch
   * @param late time after its poll in which an id is committed by rights
   * @param heldBytes heap that outcomes may take until they are published
   */
  public record Limits(int batchRecords, Duration patience, Duration late, long heldBytes) {}

  /**
   * @param clients makes the consumers
   * @param longestStop time in which the ids in hand are finished when the pipeline stops
   * @param traces begins the span of a record
   * @param nanoTime by which ids are judged to be late
   */
  public Lanes(
      LaneWatch clients,
      Publisher publisher,
      Limits limits,
      Duration longestStop,
      PipelineMetrics metrics,
      Traces traces,
      LongSupplier nanoTime) {
    this.clients = clients;
    this.publisher = publisher;
    this.limits = limits;
    this.longestStop = longestStop;
    this.metrics = metrics;
    this.traces = traces;
    this.nanoTime = nanoTime;
  }

  /** From now on nothing is taken in hand: what is polled stays for the next process. */
  public void stop() {
    stopping = true;
  }

  /**
   * Takes a batch in hand, but for records that do not belong to this process any more.
   *
   * @param exchanges one per record, in the order of the poll; to be called on the poll thread
   */
  public List<IdRecord> take(@Body List<Exchange> exchanges) {
    if (stopping) {
      return List.of();
    }
    List<IdRecord> polled =
        exchanges.stream().map(exchange -> idRecord(exchange.getMessage())).toList();
    List<IdRecord> taken = polled.get(0).origin().lane().take(polled);
    metrics.polled(taken.size());
    return taken;
  }

  /**
   * Watches over an exchange that serves the ids in its body: when it ends, its body is their
   * outcomes. Without these, for whatever reason, all that is in hand is polled again.
   */
  public static Processor settle() {
    return exchange -> {
      IdGroup ids = exchange.getMessage().getBody(IdGroup.class);
      exchange
          .getExchangeExtension()
          .addOnCompletion(
              new SynchronizationAdapter() {
                @Override
                public void onDone(Exchange ended) {
                  ids.settle(ended.getMessage().getBody(), ended.getException());
                }
              });
    };
  }

  /** The lane of a consumer that was made here. */
  static Lane of(Consumer<?, ?> consumer) {
    return ((LaneConsumer) Proxy.getInvocationHandler(consumer)).lane;
  }

  @Override
  @SuppressWarnings("unchecked")
  public Consumer<Object, Object> getConsumer(Properties properties) {
    Consumer<Object, Object> consumer = clients.getConsumer(properties);
    int number = clients.current();
    Lane before = lanes.get(number);
    Lane lane =
        new Lane(number, before == null ? 0 : before.failures(), consumer, publisher, limits);
    lanes.put(number, lane);
    return (Consumer<Object, Object>)
        Proxy.newProxyInstance(
            Consumer.class.getClassLoader(),
            new Class<?>[] {Consumer.class},
            new LaneConsumer(consumer, lane));
  }

  /** Which lanes do not come to a commit, and what to do; empty when all do. */
  public String uncommitted() {
    StringJoiner sentences = new StringJoiner(" ");
    lanes.forEach(
        (number, lane) -> {
          IdRecord oldest = lane.inHand().oldest();
          long age = oldest == null ? 0 : nanoTime.getAsLong() - oldest.origin().polledAt();
          if (age > limits.late().toNanos()) {
            sentences.add(
                "Of the %d ids in hand of lane %d, %s was polled %d s ago and is not committed."
                    .formatted(
                        lane.inHand().size(),
                        number,
                        oldest.position(),
                        TimeUnit.NANOSECONDS.toSeconds(age)));
          }
          if (lane.failures() >= FAILURES_IN_A_ROW) {
            sentences.add(
                "Lane %d came to no commit %d times in a row.".formatted(number, lane.failures()));
          }
        });
    return sentences.length() == 0
        ? ""
        : sentences + " The log says why: look at the EnOS API and at the brokers first.";
  }

  @Override
  @SuppressWarnings("unchecked")
  public Producer<Object, Object> getProducer(Properties properties) {
    return clients.getProducer(properties);
  }

  @Override
  public String getBrokers(KafkaConfiguration configuration) {
    return clients.getBrokers(configuration);
  }

  private IdRecord idRecord(Message message) {
    TopicPartition partition =
        new TopicPartition(
            message.getHeader(KafkaConstants.TOPIC, String.class),
            message.getHeader(KafkaConstants.PARTITION, Integer.class));
    long offset = message.getHeader(KafkaConstants.OFFSET, Long.class);
    Headers headers = message.getHeader(KafkaConstants.HEADERS, Headers.class);
    return new IdRecord(
        partition,
        offset,
        message.getHeader(KafkaConstants.TIMESTAMP, Long.class),
        message.getHeader(KafkaConstants.KEY, byte[].class),
        message.getBody(byte[].class),
        headers,
        message.getHeader(KafkaConstants.MANUAL_COMMIT, RecordOrigin.class),
        traces.process(
            partition.topic(), partition.partition(), offset, name -> traceHeader(headers, name)));
  }

  private static String traceHeader(Headers headers, String name) {
    Header header = headers.lastHeader(name);
    return header == null || header.value() == null || header.value().length > LONGEST_TRACE_HEADER
        ? null
        : new String(header.value(), StandardCharsets.ISO_8859_1);
  }

  /** A consumer whose polls go through its lane, and that is left with nothing in hand. */
  private final class LaneConsumer implements InvocationHandler {
    private final Consumer<Object, Object> consumer;
    private final Lane lane;

    LaneConsumer(Consumer<Object, Object> consumer, Lane lane) {
      this.consumer = consumer;
      this.lane = lane;
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
      try {
        switch (method.getName()) {
          case "poll" -> {
            return lane.poll((Duration) arguments[0]);
          }
          case "unsubscribe" -> lane.finish(stopping ? longestStop : Duration.ZERO);
          case "close" -> lane.finish(Duration.ZERO);
          default -> {
            // As it comes.
          }
        }
      } catch (InterruptedException e) {
        throw new InterruptException(e);
      }
      try {
        return method.invoke(consumer, arguments);
      } catch (InvocationTargetException e) {
        throw e.getCause();
      }
    }
  }
}
