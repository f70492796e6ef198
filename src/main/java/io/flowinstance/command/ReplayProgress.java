package io.flowinstance.command;

import io.flowinstance.delivery.DeadLetter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;

/**
 * What of one partition of dead letters is replayed: everything before an offset, and behind it
 * what some earlier replay took. Of an earlier replay two things are known, its filter and how far
 * it came; whether it took a dead letter follows from these and the dead letter, which never
 * changes. So the skipped ones of any number need no list.
 *
 * <p>It is kept as the committed offset of the replay's consumer group and its metadata: {@code v1}
 * and, per earlier replay, the offset after the last dead letter that it looked at and its filter.
 *
 * @param firstOpen the offset of the first dead letter that may still be replayed
 * @param passes earlier replays that came further
 */
record ReplayProgress(long firstOpen, List<Pass> passes) {
  /** Brokers refuse more than 4096 bytes ({@code offset.metadata.max.bytes}). */
  private static final int MOST_METADATA = 4_000;

  private static final String VERSION = "v1";

  /**
   * An earlier replay.
   *
   * @param filter what it took
   * @param end the offset after the last dead letter that it looked at
   */
  record Pass(ReplayFilter filter, long end) {
    private boolean covers(Pass other) {
      return end >= other.end && filter.covers(other.filter);
    }

    private static Pass of(String text) {
      String[] parts = text.split(":", 2);
      return new Pass(ReplayFilter.of(parts[1]), Long.parseLong(parts[0]));
    }
  }

  /** Nothing is replayed. */
  static ReplayProgress none(long beginning) {
    return new ReplayProgress(beginning, List.of());
  }

  /**
   * Reads what {@link #toOffset} wrote. An offset without metadata, as Kafka's own tools set it,
   * says that everything before it needs no replay.
   *
   * @throws CommandFailedException the metadata are somebody else's
   */
  static ReplayProgress of(OffsetAndMetadata committed) {
    String metadata = committed.metadata();
    if (metadata.isEmpty()) {
      return none(committed.offset());
    }
    String[] words = metadata.split(" ");
    if (!words[0].equals(VERSION)) {
      throw foreign(metadata, null);
    }
    try {
      return new ReplayProgress(
          committed.offset(), Arrays.stream(words).skip(1).map(Pass::of).toList());
    } catch (IllegalArgumentException | ArrayIndexOutOfBoundsException e) {
      throw foreign(metadata, e);
    }
  }

  private static CommandFailedException foreign(String metadata, Exception cause) {
    return new CommandFailedException(
        "The offsets of the replay's consumer group were committed by something else: their"
            + " metadata are \"%s\". Use another version of this program, or set the offsets anew"
                .formatted(Printable.of(metadata))
            + " with kafka-consumer-groups --reset-offsets.",
        cause);
  }

  /** The offset after the last dead letter that any replay looked at. */
  long furthest() {
    return passes.stream().mapToLong(Pass::end).reduce(firstOpen, Math::max);
  }

  /** Whether an earlier replay took it. */
  boolean holds(DeadLetter letter) {
    long offset = letter.stored().offset();
    return offset < firstOpen
        || passes.stream().anyMatch(pass -> offset < pass.end && pass.filter.takes(letter));
  }

  /**
   * The progress after a further replay.
   *
   * @param filter what it takes
   * @param end the offset after the last dead letter that it looked at
   * @param nextOpen the offset of the first one that nothing took, or {@code end}
   */
  ReplayProgress after(ReplayFilter filter, long end, long nextOpen) {
    List<Pass> kept = new ArrayList<>();
    Pass latest = new Pass(filter, end);
    Stream.concat(passes.stream(), Stream.of(latest))
        .filter(pass -> pass.end > nextOpen)
        .forEach(
            pass -> {
              if (kept.stream().noneMatch(other -> other.covers(pass))) {
                kept.removeIf(pass::covers);
                kept.add(pass);
              }
            });
    return new ReplayProgress(nextOpen, List.copyOf(kept));
  }

  /**
   * What to commit.
   *
   * @throws CommandFailedException there were too many replays with filters of too many kinds
   */
  OffsetAndMetadata toOffset() {
    if (passes.isEmpty()) {
      return new OffsetAndMetadata(firstOpen);
    }
    String metadata =
        VERSION
            + passes.stream()
                .map(pass -> " " + pass.end + ":" + pass.filter.toText())
                .collect(Collectors.joining());
    if (metadata.length() > MOST_METADATA) {
      throw new CommandFailedException(
          ("After %d replays with as many filters there is no room to note another one. Replay what"
                  + " is left without --reason, --since and --until, or pass it over with"
                  + " kafka-consumer-groups --reset-offsets.")
              .formatted(passes.size() - 1));
    }
    return new OffsetAndMetadata(firstOpen, metadata);
  }
}
