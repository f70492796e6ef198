package io.flowinstance.simulator;

import java.time.DateTimeException;
import java.time.LocalDateTime;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An id that the simulated API knows: {@code {flowId}-{suffix}}.
 *
 * @param suffix 10, 12 or 14 digits, normally the trigger time as {@code yyyyMMddHH[mm[ss]]}
 */
record InstanceId(int flowId, String suffix) {
  private static final Pattern FORM = Pattern.compile("(\\d{1,9})-(\\d{10}|\\d{12}|\\d{14})");
  private static final LocalDateTime EPOCH = LocalDateTime.of(2026, 1, 1, 0, 0);
  private static final int SECONDS_OF_A_YEAR = 365 * 24 * 60 * 60;

  static Optional<InstanceId> parse(String text) {
    Matcher matcher = FORM.matcher(text);
    return matcher.matches()
        ? Optional.of(new InstanceId(Integer.parseInt(matcher.group(1)), matcher.group(2)))
            .filter(id -> Workflows.exists(id.flowId()))
        : Optional.empty();
  }

  /** The time in the suffix; for a suffix that is a mere number, a second of 2026 by its value. */
  LocalDateTime trigger() {
    try {
      return LocalDateTime.of(
          digits(0, 4),
          digits(4, 6),
          digits(6, 8),
          digits(8, 10),
          suffix.length() >= 12 ? digits(10, 12) : 0,
          suffix.length() == 14 ? digits(12, 14) : 0);
    } catch (DateTimeException noTime) {
      return EPOCH.plusSeconds(Long.parseLong(suffix) % SECONDS_OF_A_YEAR);
    }
  }

  private int digits(int from, int to) {
    return Integer.parseInt(suffix, from, to, 10);
  }

  @Override
  public String toString() {
    return flowId + "-" + suffix;
  }
}
