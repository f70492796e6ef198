package io.flowinstance.command;

import static io.flowinstance.outcome.DeadLetterReason.MALFORMED_ID;
import static io.flowinstance.outcome.DeadLetterReason.REJECTED_BY_API;
import static io.flowinstance.outcome.DeadLetterReason.RETRIES_EXHAUSTED;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.outcome.DeadLetter;
import io.flowinstance.outcome.DeadLetterReason;
import java.time.Instant;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;

class ReplayFilterTest {
  private static final Instant NOON = Instant.parse("2026-02-01T12:00:00Z");
  private static final ReplayFilter EMPTY = new ReplayFilter(Set.of(), null, null, null);

  private static DeadLetter letter(DeadLetterReason reason, Instant failedAt, int replays) {
    ConsumerRecord<byte[], byte[]> stored =
        new ConsumerRecord<>("dead", 0, 0, null, "1-1".getBytes(UTF_8));
    stored.headers().add("dead-letter-reason", reason.name().getBytes(UTF_8));
    stored.headers().add("dead-letter-failed-at", failedAt.toString().getBytes(UTF_8));
    stored.headers().add("dead-letter-replays", Integer.toString(replays).getBytes(UTF_8));
    return new DeadLetter(stored);
  }

  @Test
  void matchesByReasonAndTime() {
    ReplayFilter filter = new ReplayFilter(Set.of(MALFORMED_ID), NOON, NOON.plusSeconds(60), null);

    assertTrue(filter.matches(letter(MALFORMED_ID, NOON, 0)), "since is included");
    assertFalse(filter.matches(letter(MALFORMED_ID, NOON.plusSeconds(60), 0)), "until is not");
    assertFalse(filter.matches(letter(MALFORMED_ID, NOON.minusMillis(1), 0)));
    assertFalse(filter.matches(letter(RETRIES_EXHAUSTED, NOON, 0)));
    assertTrue(filter.matches(letter(MALFORMED_ID, NOON, 9)), "replays are another question");
  }

  @Test
  void limitsReplaysWithAndWithoutTheOption() {
    assertFalse(EMPTY.exhausts(letter(MALFORMED_ID, NOON, 2)));
    assertTrue(EMPTY.exhausts(letter(MALFORMED_ID, NOON, 3)));
    ReplayFilter lower = new ReplayFilter(Set.of(), null, null, 1);
    assertFalse(lower.exhausts(letter(MALFORMED_ID, NOON, 0)));
    assertTrue(lower.exhausts(letter(MALFORMED_ID, NOON, 1)));
  }

  @Test
  void anyOptionMakesItASelection() {
    assertTrue(EMPTY.isEmpty());
    assertFalse(new ReplayFilter(Set.of(REJECTED_BY_API), null, null, null).isEmpty());
    assertFalse(new ReplayFilter(Set.of(), NOON, null, null).isEmpty());
    assertFalse(new ReplayFilter(Set.of(), null, NOON, null).isEmpty());
    assertFalse(new ReplayFilter(Set.of(), null, null, 3).isEmpty());
  }

  @Test
  void aDeadLetterWithoutReadableHeadersMatchesOnlyAFilterWithoutReasonAndTime() {
    DeadLetter bare = new DeadLetter(new ConsumerRecord<>("dead", 0, 0, null, null));

    assertTrue(EMPTY.matches(bare));
    assertFalse(new ReplayFilter(Set.of(REJECTED_BY_API), null, null, null).matches(bare));
    assertFalse(new ReplayFilter(Set.of(), NOON, null, null).matches(bare));
  }
}
