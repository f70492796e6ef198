package io.flowinstance.bench.variant;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import org.apache.hc.client5.http.async.methods.SimpleHttpResponse;
import org.apache.hc.client5.http.async.methods.SimpleRequestBuilder;
import org.apache.hc.client5.http.config.TlsConfig;
import org.apache.hc.client5.http.impl.async.CloseableHttpAsyncClient;
import org.apache.hc.client5.http.impl.async.HttpAsyncClients;
import org.apache.hc.client5.http.impl.nio.PoolingAsyncClientConnectionManagerBuilder;
import org.apache.hc.core5.concurrent.FutureCallback;
import org.apache.hc.core5.http2.HttpVersionPolicy;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * The job as a hand-tuned loop on plain clients: poll, call for all of them at once, publish what
 * comes as it comes, flush, commit. At least once, in no order, and the first fault ends it.
 *
 * <p>Its messages are those of {@link PlainEvents}, or, asked for by an argument, the pipeline's
 * own.
 */
public final class PlainClients {
  /** The argument that asks for the pipeline's own messages. */
  public static final String SAME_BYTES = "same-bytes";

  /** Larger batches wait for their slowest call less often. */
  private static final int BATCH_RECORDS = 2000;

  private final JobSettings settings;
  private final Map<String, Object> producerSettings;
  private final MessageWriter events;
  private final CloseableHttpAsyncClient http;
  private final Semaphore inFlight;

  private PlainClients(
      JobSettings settings, Map<String, Object> producerSettings, MessageWriter events) {
    this.settings = settings;
    this.producerSettings = producerSettings;
    this.events = events;
    inFlight = new Semaphore(settings.concurrency());
    http =
        HttpAsyncClients.custom()
            .setConnectionManager(
                PoolingAsyncClientConnectionManagerBuilder.create()
                    .setMaxConnTotal(settings.concurrency())
                    .setMaxConnPerRoute(settings.concurrency())
                    .setDefaultTlsConfig(
                        TlsConfig.custom().setVersionPolicy(HttpVersionPolicy.FORCE_HTTP_1).build())
                    .build())
            .disableAutomaticRetries()
            .disableCookieManagement()
            .disableAuthCaching()
            .build();
    http.start();
  }

  public static void main(String[] args) {
    JobSettings settings = JobSettings.ofEnvironment();
    Map<String, Object> producerSettings = settings.producer();
    MessageWriter events = new PlainEvents(settings);
    if (List.of(args).contains(SAME_BYTES)) {
      events =
          new SameBytes(
              settings.flowInstances(),
              settings.taskStatuses(),
              settings.userId(),
              settings.orgId());
      // Fewer requests while there is much to send; a flush ends it.
      producerSettings.put(ProducerConfig.LINGER_MS_CONFIG, 5);
    }
    PlainClients job = new PlainClients(settings, producerSettings, events);
    for (int consumer = 0; consumer < settings.consumers(); consumer++) {
      new Thread(job::run, "consumer-" + consumer).start();
    }
  }

  private void run() {
    Map<String, Object> consumerSettings = settings.consumer();
    consumerSettings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, BATCH_RECORDS);
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(consumerSettings);
        Producer<byte[], byte[]> producer = new KafkaProducer<>(producerSettings)) {
      consumer.subscribe(List.of(settings.instanceIds()));
      while (true) {
        ConsumerRecords<byte[], byte[]> ids = consumer.poll(Duration.ofMillis(100));
        CountDownLatch open = new CountDownLatch(ids.count());
        for (ConsumerRecord<byte[], byte[]> id : ids) {
          inFlight.acquire();
          http.execute(
              SimpleRequestBuilder.get(settings.instance(new String(id.value(), UTF_8))).build(),
              new Answered(id, producer, open));
        }
        open.await();
        producer.flush();
        if (!ids.isEmpty()) {
          consumer.commitSync();
        }
      }
    } catch (Exception e) {
      end(e);
    }
  }

  private static void end(Exception failure) {
    System.err.println(failure);
    Runtime.getRuntime().halt(1);
  }

  private final class Answered implements FutureCallback<SimpleHttpResponse> {
    private final ConsumerRecord<byte[], byte[]> id;
    private final Instant askedAt = Instant.now();
    private final Producer<byte[], byte[]> producer;
    private final CountDownLatch open;

    Answered(
        ConsumerRecord<byte[], byte[]> id, Producer<byte[], byte[]> producer, CountDownLatch open) {
      this.id = id;
      this.producer = producer;
      this.open = open;
    }

    @Override
    public void completed(SimpleHttpResponse answer) {
      inFlight.release();
      String observationId = id.topic() + "-" + id.partition() + "-" + id.offset();
      Fetch fetch = new Fetch(observationId, askedAt, Instant.now());
      try {
        for (ProducerRecord<byte[], byte[]> message :
            events.messages(answer.getBodyBytes(), fetch)) {
          producer.send(
              message,
              (place, failure) -> {
                if (failure != null) {
                  end(failure);
                }
              });
        }
        open.countDown();
      } catch (Exception e) {
        end(e);
      }
    }

    @Override
    public void failed(Exception failure) {
      end(failure);
    }

    @Override
    public void cancelled() {
      end(new IllegalStateException("A call was cancelled"));
    }
  }
}
