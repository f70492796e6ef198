package io.flowinstance.kafka;

import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KafkaClientsTest {
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
