package io.flowinstance.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.Set;
import javax.security.auth.login.LoginException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.GroupAuthorizationException;
import org.apache.kafka.common.errors.SaslAuthenticationException;
import org.apache.kafka.common.errors.SslAuthenticationException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.streams.errors.StreamsException;
import org.junit.jupiter.api.Test;

class KafkaFaultsTest {
  private static KafkaException notMade(Throwable cause) {
    return new KafkaException("Failed to construct kafka consumer", cause);
  }

  @Test
  void namesTheLoginOfAClientThatCannotBeMadeAndQuotesNothingOfIt() {
    assertEquals(
        "Kafka's client does not accept kafka.security.*: run check to see why.",
        KafkaFaults.sentence(notMade(new IllegalArgumentException("Value password is not one"))));
    assertEquals(
        "The login cannot begin: no token",
        KafkaFaults.sentence(notMade(new KafkaException(new LoginException("no token")))));
    assertEquals(
        "Kafka does not accept the settings: Invalid value",
        KafkaFaults.sentence(notMade(new ConfigException("Invalid value"))));
  }

  @Test
  void namesWhatALoginMayNotUseOrWhoTells() {
    assertEquals(
        "This login may not use topic a: grant it Read or Write there.",
        KafkaFaults.sentence(new TopicAuthorizationException(Set.of("a"))));
    assertEquals(
        "This login may not use a topic: run check to see which.",
        KafkaFaults.sentence(new TopicAuthorizationException("Not authorized.")));
    assertEquals(
        "This login may not use the consumer group g: grant it Read there.",
        KafkaFaults.sentence(GroupAuthorizationException.forGroupId("g")));
    assertEquals(
        "This login may not use a consumer group: run check to see which.",
        KafkaFaults.sentence(new GroupAuthorizationException("Not authorized.")));
  }

  @Test
  void blamesNoSettingForAFaultOfAnythingElse() {
    IllegalArgumentException ours = new IllegalArgumentException("ours");

    assertEquals("Kafka: ours", KafkaFaults.sentence(ours));
    assertEquals("Kafka: ours", KafkaFaults.sentence(new StreamsException("a processor", ours)));
    assertEquals(
        "Kafka: ours",
        KafkaFaults.sentence(new KafkaException("User rebalance callback throws an error", ours)));
    assertEquals("Kafka: ours", KafkaFaults.sentence(Answers.failure(ours)));
    assertFalse(KafkaFaults.isKnown(new StreamsException("a processor", ours)));
    assertTrue(KafkaFaults.isKnown(new SslAuthenticationException("no", new IOException("no"))));
    assertTrue(KafkaFaults.isKnown(notMade(new SaslAuthenticationException("no"))));
  }
}
