package io.flowinstance.command;

import static io.flowinstance.delivery.DeadLetterReason.MALFORMED_ID;
import static io.flowinstance.delivery.DeadLetterReason.REJECTED_BY_API;
import static io.flowinstance.delivery.DeadLetterReason.RETRIES_EXHAUSTED;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.delivery.DeadLetter;
import io.flowinstance.delivery.DeadLetterReason;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.junit.jupiter.api.Test;

class ReplayProgressTest {
  private static final Instant NOON = Instant.parse("2026-02-01T12:00:00Z");
  private static final ReplayFilter ALL = new ReplayFilter(Set.of(), null, null, 3);
  private static final ReplayFilter REJECTED =
      new ReplayFilter(Set.of(REJECTED_BY_API), null, null, 3);

  private static DeadLetter letter(
      long offset, DeadLetterReason reason, Instant failedAt, int replays) {
    ConsumerRecord<byte[], byte[]> stored =
        new ConsumerRecord<>("dead", 0, offset, null, "1-1".getBytes(UTF_8));
    stored.headers().add("dead-letter-reason", reason.name().getBytes(UTF_8));
    stored.headers().add("dead-letter-failed-at", failedAt.toString().getBytes(UTF_8));
    stored.headers().add("dead-letter-replays", Integer.toString(replays).getBytes(UTF_8));
    return new DeadLetter(stored);
  }

  private static DeadLetter rejected(long offset) {
    return letter(offset, REJECTED_BY_API, NOON, 0);
  }

  private static DeadLetter malformed(long offset) {
    return letter(offset, MALFORMED_ID, NOON, 0);
  }

  private static ReplayProgress reread(ReplayProgress progress) {
    return ReplayProgress.of(progress.toOffset());
  }

  @Test
  void filtersByReasonTimeAndReplays() {
    ReplayFilter filter = new ReplayFilter(Set.of(MALFORMED_ID), NOON, NOON.plusSeconds(60), 2);

    assertTrue(filter.takes(letter(0, MALFORMED_ID, NOON, 1)), "since is part of it");
    assertFalse(filter.takes(letter(0, MALFORMED_ID, NOON.plusSeconds(60), 0)), "until is not");
    assertFalse(filter.takes(letter(0, MALFORMED_ID, NOON.minusMillis(1), 0)));
    assertFalse(filter.takes(letter(0, RETRIES_EXHAUSTED, NOON, 0)));
    assertFalse(filter.takes(letter(0, MALFORMED_ID, NOON, 2)), "at the ceiling");
    assertTrue(filter.selects(letter(0, MALFORMED_ID, NOON, 2)), "and still what was meant");
  }

  @Test
  void aDeadLetterWithoutReadableHeadersIsTakenByNoFilterButTheEmptyOne() {
    DeadLetter bare = new DeadLetter(new ConsumerRecord<>("dead", 0, 0, null, null));

    assertTrue(ALL.takes(bare));
    assertFalse(REJECTED.takes(bare));
    assertFalse(new ReplayFilter(Set.of(), NOON, null, 3).takes(bare));
  }

  @Test
  void readsAFilterAsItWasWritten() {
    for (ReplayFilter filter :
        List.of(
            ALL,
            new ReplayFilter(Set.of(MALFORMED_ID, RETRIES_EXHAUSTED), NOON, NOON.plusMillis(1), 12),
            new ReplayFilter(Set.of(), null, Instant.ofEpochMilli(-5), 1))) {
      assertEquals(filter, ReplayFilter.of(filter.toText()));
    }
  }

  @Test
  void whatAFilterSkippedStaysOpenAndWhatItTookDoesNot() {
    ReplayProgress progress = reread(ReplayProgress.none(10).after(REJECTED, 20, 12));

    assertEquals(12, progress.firstOpen());
    assertTrue(progress.holds(malformed(11)), "everything before the first open one is done");
    assertFalse(progress.holds(malformed(12)));
    assertTrue(progress.holds(rejected(15)));
    assertFalse(progress.holds(rejected(20)), "it did not come so far");
  }

  @Test
  void everythingDoneNeedsNoMetadata() {
    ReplayProgress progress = ReplayProgress.none(0).after(REJECTED, 50, 3).after(ALL, 60, 60);

    assertEquals(new OffsetAndMetadata(60), progress.toOffset());
    assertEquals(ReplayProgress.none(60), reread(progress));
  }

  @Test
  void anOrderedRepetitionOfOneFilterTakesNoMoreRoomThanOne() {
    ReplayProgress progress = ReplayProgress.none(0);
    for (int end = 10; end < 10_000; end += 10) {
      progress = progress.after(REJECTED, end, 1);
    }

    assertEquals(List.of(new ReplayProgress.Pass(REJECTED, 9_990)), progress.passes());
  }

  @Test
  void anEarlierReplayThatCameFurtherIsNotForgotten() {
    // A replay that was killed, or had its --max, behind one of the same filter that had not.
    ReplayProgress progress =
        reread(ReplayProgress.none(0).after(REJECTED, 100, 1).after(ALL, 50, 50));

    assertEquals(50, progress.firstOpen());
    assertTrue(progress.holds(rejected(99)));
    assertFalse(progress.holds(malformed(99)));
  }

  @Test
  void aHigherCeilingTakesOnlyWhatTheLowerOneLeft() {
    ReplayProgress progress = reread(ReplayProgress.none(0).after(ALL, 100, 40));

    assertTrue(progress.holds(letter(50, MALFORMED_ID, NOON, 2)));
    assertFalse(progress.holds(letter(50, MALFORMED_ID, NOON, 3)));
    ReplayFilter higher = new ReplayFilter(Set.of(), null, null, 5);
    assertEquals(
        List.of(new ReplayProgress.Pass(higher, 100)),
        progress.after(higher, 100, 41).passes(),
        "the lower one is part of the higher");
  }

  @Test
  void refusesToNoteMoreThanABrokerKeeps() {
    ReplayProgress progress = ReplayProgress.none(0);
    for (int second = 0; second < 200; second++) {
      progress =
          progress.after(
              new ReplayFilter(Set.of(MALFORMED_ID), NOON.plusSeconds(second), null, 3),
              100 + second,
              1);
    }

    ReplayProgress tooMuch = progress;
    assertTrue(
        assertThrows(CommandFailedException.class, tooMuch::toOffset)
            .getMessage()
            .contains("there is no room to note another one"));
  }

  @Test
  void takesAnOffsetThatWasSetByHandAndRefusesForeignMetadata() {
    assertEquals(ReplayProgress.none(7), ReplayProgress.of(new OffsetAndMetadata(7)));
    for (String metadata : List.of("by hand", "v2 1:;;;3", "v1 x", "v1 5:NO_SUCH;;;3")) {
      assertThrows(
          CommandFailedException.class,
          () -> ReplayProgress.of(new OffsetAndMetadata(7, metadata)),
          metadata);
    }
  }
}
