package io.flowinstance.kafka;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class KafkaClientsTest {
  @ParameterizedTest
  @CsvSource({"2, false, 3", "3, false, 3", "1, true, 1"})
  void aCommitThatTimesOutIsAskedForAgainUpToThreeTimes(int timeouts, boolean gaveUp, int commits) {
    AtomicInteger asked = new AtomicInteger();
    MockProducer<byte[], byte[]> producer =
        new MockProducer<>(true, new ByteArraySerializer(), new ByteArraySerializer()) {
          @Override
          public void commitTransaction() {
            if (asked.incrementAndGet() <= timeouts) {
              throw new TimeoutException("slow");
            }
          }
        };
    Executable commit = () -> KafkaClients.commit(producer, () -> gaveUp);
    if (timeouts < commits) {
      assertDoesNotThrow(commit);
    } else {
      assertThrows(TimeoutException.class, commit);
    }

    assertEquals(commits, asked.get());
  }

  @ParameterizedTest
  @ValueSource(strings = {"PLAINTEXT", "SSL"})
  void aMechanismWithoutSaslIsNotUsed(String protocol) {
    KafkaClients clients =
        new KafkaClients(
            () ->
                Map.of(
                    "bootstrap.servers", "localhost:1",
                    "security.protocol", protocol,
                    "sasl.mechanism", "OAUTHBEARER"));

    assertFalse(clients.merged(Map.of()).containsKey("sasl.login.callback.handler.class"));
    try (Admin admin = clients.admin()) {
      admin.metrics();
    }
  }
}
