package io.flowinstance.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.kafka.DoneOffsets.Range;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DoneOffsetsTest {
  @Test
  void namesItsOffsetAndTheRunsBehindIt() {
    DoneOffsets done = new DoneOffsets(100, List.of(new Range(101, 106), new Range(109, 111)));

    assertEquals(new OffsetAndMetadata(100, "1:100:1,5,3,2"), done.toCommit());
  }

  @Test
  void hasNoMetadataWhenNothingBehindTheOffsetIsDone() {
    assertEquals(
        new OffsetAndMetadata(Long.MAX_VALUE),
        new DoneOffsets(Long.MAX_VALUE, List.of()).toCommit());
  }

  @Test
  void readsWhatItWrote() {
    Random random = new Random(1);
    for (int i = 0; i < 1_000; i++) {
      long offset = random.nextLong(1L << 50);
      List<Range> ranges = new ArrayList<>();
      long end = offset;
      for (int n = random.nextInt(20); n > 0; n--) {
        long from = end + 1 + random.nextLong(1_000);
        end = from + 1 + random.nextLong(1_000);
        ranges.add(new Range(from, end));
      }
      DoneOffsets done = new DoneOffsets(offset, ranges);

      assertEquals(done, DoneOffsets.of(done.toCommit()));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "1:99:1,5",
        "2:100:1,5",
        "1:100:",
        "1:100:1",
        "1:100:1,0",
        "1:100:0,5",
        "1:100:-1,5",
        "1:100:1,5,",
        "1:100:1,x",
        "100:1,5",
        "1:100:1,5:",
        "somebody else's",
        "1:0100:1,5",
        "1:100:999999999999999999,999999999999999999,999999999999999999,999999999999999999,"
            + "999999999999999999,999999999999999999,999999999999999999,999999999999999999,"
            + "999999999999999999,999999999999999999",
      })
  void ignoresMetadataThatAreNotOfTheirOffsetOrCannotBeRead(String metadata) {
    OffsetAndMetadata committed = new OffsetAndMetadata(100, metadata);

    assertEquals(new DoneOffsets(100, List.of()), DoneOffsets.of(committed));
    assertTrue(DoneOffsets.isIgnored(committed));
  }

  @Test
  void readsAsManyRunsAsThereAre() {
    int count = 50_000;
    DoneOffsets done =
        DoneOffsets.of(new OffsetAndMetadata(100, "1:100:1,1" + ",1,1".repeat(count - 1)));

    assertEquals(count, done.ranges().size());
  }

  @Test
  void ignoresNothingWhereNothingIsSaid() {
    assertFalse(DoneOffsets.isIgnored(new OffsetAndMetadata(100)));
    assertFalse(DoneOffsets.isIgnored(new OffsetAndMetadata(100, "1:100:1,5")));
  }
}
