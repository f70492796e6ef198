package io.flowinstance.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class TransactionTimeoutsTest {
  private final TransactionTimeouts timeouts = new TransactionTimeouts(Duration.ofSeconds(4));

  private void expect(int seconds, String clientId) {
    assertEquals(Duration.ofSeconds(seconds), timeouts.of(clientId));
  }

  @Test
  void twoInARowThatAreLostAfterTheirTimeDoubleIt() {
    assertFalse(timeouts.lost("one", 4_000));
    expect(4, "one");

    assertTrue(timeouts.lost("one", 4_000));
    expect(8, "one");
    assertTrue(timeouts.lost("one", 9_000));
    expect(16, "one");
    assertEquals(Duration.ofSeconds(16), timeouts.longest());
  }

  @Test
  void oneBetweenTwoThatAreCommittedDoesNot() {
    timeouts.lost("one", 4_000);
    timeouts.committed("one");

    assertFalse(timeouts.lost("one", 4_000));
    expect(4, "one");
  }

  @Test
  void oneThatIsLostWithinItsTimeWasNotEndedForThat() {
    timeouts.lost("one", 4_000);

    assertFalse(timeouts.lost("one", 3_999));
    expect(4, "one");
  }

  @Test
  void eachProducerHasItsOwn() {
    timeouts.lost("one", 4_000);
    timeouts.committed("another");
    timeouts.lost("one", 4_000);

    expect(8, "one");
    expect(4, "another");
  }

  @Test
  void aNewStartBeginsWithWhatIsConfigured() {
    timeouts.lost("one", 4_000);
    timeouts.lost("one", 4_000);
    timeouts.clear();

    expect(4, "one");
    assertEquals(Duration.ofSeconds(4), timeouts.longest());
  }
}
