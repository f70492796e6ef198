package io.flowinstance.command;

import io.flowinstance.delivery.DeadLetter;
import io.flowinstance.delivery.DeadLetterReason;
import java.time.Instant;
import java.util.EnumSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Which dead letters a replay takes.
 *
 * @param reasons any of these; empty for all
 * @param since the first time of failure, to the millisecond, or null
 * @param until the first time of failure that is no more meant, to the millisecond, or null
 * @param maxReplays dead letters that were replayed so often are left where they are
 */
record ReplayFilter(Set<DeadLetterReason> reasons, Instant since, Instant until, int maxReplays) {
  private static final Pattern TEXT = Pattern.compile("([A-Z_+]*);(-?\\d*);(-?\\d*);(\\d+)");

  /** Whether reason and time are those that are meant. */
  boolean selects(DeadLetter letter) {
    if (!reasons.isEmpty()
        && reasons.stream().noneMatch(reason -> reason.name().equals(letter.reason()))) {
      return false;
    }
    if (since == null && until == null) {
      return true;
    }
    Instant failedAt = letter.failedAt();
    return failedAt != null
        && (since == null || !failedAt.isBefore(since))
        && (until == null || failedAt.isBefore(until));
  }

  /** Whether it is replayed: selected, and below the ceiling. */
  boolean takes(DeadLetter letter) {
    return letter.replays() < maxReplays && selects(letter);
  }

  /** Whether this one takes everything that the other takes. */
  boolean covers(ReplayFilter other) {
    return maxReplays >= other.maxReplays
        && (reasons.isEmpty() || !other.reasons.isEmpty() && reasons.containsAll(other.reasons))
        && (since == null || other.since != null && !since.isAfter(other.since))
        && (until == null || other.until != null && !until.isBefore(other.until));
  }

  /** The filter as ASCII text without blanks. */
  String toText() {
    return "%s;%s;%s;%d"
        .formatted(
            reasons.stream().sorted().map(Enum::name).collect(Collectors.joining("+")),
            since == null ? "" : since.toEpochMilli(),
            until == null ? "" : until.toEpochMilli(),
            maxReplays);
  }

  /**
   * Reads what {@link #toText} wrote.
   *
   * @throws IllegalArgumentException it is something else
   */
  static ReplayFilter of(String text) {
    Matcher matcher = TEXT.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException("No filter: " + text);
    }
    Set<DeadLetterReason> reasons = EnumSet.noneOf(DeadLetterReason.class);
    for (String name : matcher.group(1).split("\\+")) {
      if (!name.isEmpty()) {
        reasons.add(DeadLetterReason.valueOf(name));
      }
    }
    return new ReplayFilter(
        reasons,
        instant(matcher.group(2)),
        instant(matcher.group(3)),
        Integer.parseInt(matcher.group(4)));
  }

  private static Instant instant(String millis) {
    return millis.isEmpty() ? null : Instant.ofEpochMilli(Long.parseLong(millis));
  }
}
