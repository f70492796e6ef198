package io.flowinstance.bench.variant;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import org.apache.hc.client5.http.classic.methods.HttpGet;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManagerBuilder;
import org.apache.hc.core5.http.io.entity.EntityUtils;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * The job on confluent's parallel-consumer, as its own page writes one: a consumer, a producer, and
 * a function from a record to the messages. At least once, in no order. One consumer feeds all its
 * threads, so that consumers are of no use to it.
 */
public final class ParallelConsumerJob {
  private final JobSettings settings;
  private final MessageWriter events;
  private final CloseableHttpClient http;

  private ParallelConsumerJob(JobSettings settings) {
    this.settings = settings;
    events = new PlainEvents(settings);
    http =
        HttpClients.custom()
            .setConnectionManager(
                PoolingHttpClientConnectionManagerBuilder.create()
                    .setMaxConnTotal(settings.concurrency())
                    .setMaxConnPerRoute(settings.concurrency())
                    .build())
            .disableCookieManagement()
            .build();
  }

  public static void main(String[] args) {
    new ParallelConsumerJob(JobSettings.ofEnvironment()).run();
  }

  private void run() {
    ParallelConsumerOptions<byte[], byte[]> options =
        ParallelConsumerOptions.<byte[], byte[]>builder()
            .ordering(ProcessingOrder.UNORDERED)
            .maxConcurrency(settings.concurrency())
            .consumer(new KafkaConsumer<>(settings.consumer()))
            .producer(new KafkaProducer<>(settings.producer()))
            .build();
    ParallelStreamProcessor<byte[], byte[]> processor =
        ParallelStreamProcessor.createEosStreamProcessor(options);
    processor.subscribe(List.of(settings.instanceIds()));
    processor.pollAndProduceMany(id -> messages(new String(id.value(), UTF_8)));
  }

  private List<ProducerRecord<byte[], byte[]>> messages(String id) {
    try {
      byte[] answer =
          http.execute(
              new HttpGet(settings.instance(id)),
              response -> EntityUtils.toByteArray(response.getEntity()));
      return events.messages(answer, null);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
