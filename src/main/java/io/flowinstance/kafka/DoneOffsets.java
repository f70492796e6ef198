package io.flowinstance.kafka;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;

/**
 * Where a partition stands: the first offset that is not done, and which offsets behind it are. As
 * the metadata of a committed offset it is {@code 1:<offset>:<run>,<run>,…}: the format's version,
 * the offset that it belongs to, and the lengths of runs that are in turn not done and done. They
 * count offsets and not records: one without a record belongs to the run around it.
 *
 * @param offset the first offset that is not done
 * @param ranges what is done behind it: ascending, not adjacent, each beginning after the offset
 */
public record DoneOffsets(long offset, List<Range> ranges) {
  private static final String VERSION = "1";
  private static final Pattern NUMBER = Pattern.compile("[1-9]\\d{0,17}");

  /** Offsets from the first one, included, to the last one, excluded. */
  public record Range(long from, long to) {}

  /**
   * What a committed offset says. Metadata that name another offset are ignored, as are those that
   * cannot be read: an id that is passed over is lost, one that is asked for again is not.
   */
  static DoneOffsets of(OffsetAndMetadata committed) {
    List<Range> ranges = new ArrayList<>();
    String[] parts = committed.metadata().split(":", -1);
    String[] runs = parts[parts.length - 1].split(",", -1);
    if (parts.length == 3
        && parts[0].equals(VERSION)
        && parts[1].equals(Long.toString(committed.offset()))
        && areRuns(runs)) {
      long end = committed.offset();
      for (int i = 0; i < runs.length; i += 2) {
        long from = end + Long.parseLong(runs[i]);
        end = from + Long.parseLong(runs[i + 1]);
        if (from < 0 || end < 0) {
          return new DoneOffsets(committed.offset(), List.of());
        }
        ranges.add(new Range(from, end));
      }
    }
    return new DoneOffsets(committed.offset(), ranges);
  }

  /**
   * Number by number: one expression for all of them would take a stack as deep as they are many.
   */
  private static boolean areRuns(String[] numbers) {
    return numbers.length % 2 == 0
        && Arrays.stream(numbers).allMatch(number -> NUMBER.matcher(number).matches());
  }

  /** Whether metadata are there that {@link #of} ignores. */
  static boolean isIgnored(OffsetAndMetadata committed) {
    return !committed.metadata().isEmpty() && of(committed).ranges.isEmpty();
  }

  /** As it is committed; without metadata when nothing behind the offset is done. */
  OffsetAndMetadata toCommit() {
    return new OffsetAndMetadata(
        offset, ranges.isEmpty() ? "" : VERSION + ":" + offset + ":" + runs());
  }

  /** The length of the runs as text: what the metadata of a commit is bounded by. */
  int length() {
    return runs().length();
  }

  private String runs() {
    StringBuilder runs = new StringBuilder();
    long end = offset;
    for (Range range : ranges) {
      runs.append(runs.isEmpty() ? "" : ",")
          .append(range.from() - end)
          .append(',')
          .append(range.to() - range.from());
      end = range.to();
    }
    return runs.toString();
  }
}
