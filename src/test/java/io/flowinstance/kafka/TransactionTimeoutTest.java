package io.flowinstance.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.TimeoutException;
import org.junit.jupiter.api.Test;

class TransactionTimeoutTest {
  private static final KafkaException ENDED =
      new KafkaException(new InvalidProducerEpochException("ended"));

  private final TransactionTimeout timeout = new TransactionTimeout(Duration.ofSeconds(4));

  @Test
  void whatOutlastsItsTimeIsGivenMoreAndHoldsLess() {
    for (long seconds : new long[] {4, 8, 16, 32, 60, 60, 60}) {
      assertEquals(Duration.ofSeconds(seconds), timeout.duration());
      assertTrue(timeout.failed(ENDED, 70_000));
    }

    assertEquals(7, timeout.halvings());
  }

  @Test
  void onlyWhatTheBrokersEndedAfterItsTimeOutlastedIt() {
    assertFalse(timeout.failed(ENDED, 3_999));
    assertFalse(timeout.failed(new TimeoutException("expired"), 30_000));

    assertEquals(0, timeout.halvings());
  }

  @Test
  void aQuickTransactionGivesTheTimeBack() {
    timeout.failed(ENDED, 14_000);
    timeout.failed(ENDED, 14_000);

    assertFalse(timeout.committed(4_000), "half of eight seconds is too close");
    assertTrue(timeout.committed(3_999));
    assertTrue(timeout.committed(100));
    assertFalse(timeout.committed(100));
    assertEquals(Duration.ofSeconds(4), timeout.duration());
  }

  @Test
  void aSettingAboveAMinuteIsKept() {
    TransactionTimeout quarter = new TransactionTimeout(Duration.ofMinutes(15));
    assertTrue(quarter.failed(ENDED, 910_000));

    assertEquals(Duration.ofMinutes(15), quarter.duration());
    assertEquals(1, quarter.halvings());
    assertFalse(quarter.committed(100), "the same producer goes on");
    assertEquals(0, quarter.halvings());
  }

  @Test
  void whatTheBrokersRefuseIsNotAskedForAgain() {
    timeout.failed(ENDED, 14_000);
    timeout.failed(ENDED, 14_000);
    assertTrue(timeout.refused());
    assertEquals(Duration.ofSeconds(8), timeout.duration());
    timeout.failed(ENDED, 14_000);
    assertEquals(Duration.ofSeconds(8), timeout.duration());

    assertTrue(timeout.refused());
    assertEquals(Duration.ofSeconds(4), timeout.duration());
    assertFalse(timeout.refused(), "then the setting is to be changed");
  }
}
