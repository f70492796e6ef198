package io.flowinstance.watch;

import static com.fasterxml.jackson.annotation.JsonFormat.Shape.ARRAY;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.List;

/**
 * What is remembered of an instance: statuses, not the graph. It is stored as an array in this
 * order, so a new component goes behind the last. Times are epoch milliseconds, 0 is none.
 *
 * @param userId on whose behalf it was observed last
 * @param since when the status was seen first
 * @param seenAt when the instance was observed last
 * @param changedAt when it or a task of it changed last
 * @param startedAt the last start that EnOS named
 * @param rerun which sign of a re-run is expected, because the other was seen
 * @param attempt counts the runs that were seen, from 1
 * @param sequence how many transitions were published
 * @param sentAt when its id was sent last since the last observation
 * @param sent how often its id was sent since the last observation
 */
@JsonFormat(shape = ARRAY)
@JsonIgnoreProperties(ignoreUnknown = true)
record WatchedInstance(
    String userId,
    String orgId,
    String status,
    boolean settled,
    long since,
    long seenAt,
    long changedAt,
    long startedAt,
    @JsonFormat(shape = JsonFormat.Shape.NUMBER) Rerun rerun,
    int attempt,
    long sequence,
    long sentAt,
    int sent,
    List<Task> tasks) {

  /** A re-run shows as a new start and as a status that is no longer settled, in either order. */
  enum Rerun {
    NONE,
    NEW_START_EXPECTED,
    UNSETTLED_EXPECTED
  }

  /**
   * A task of it.
   *
   * @param since when the status was seen first
   * @param seenAt when it was seen last, or 0 if that is when the instance was
   */
  @JsonFormat(shape = ARRAY)
  @JsonIgnoreProperties(ignoreUnknown = true)
  record Task(String id, String status, long since, int attempt, long seenAt) {}

  WatchedInstance withSent(long now) {
    return new WatchedInstance(
        userId, orgId, status, settled, since, seenAt, changedAt, startedAt, rerun, attempt,
        sequence, now, sent + 1, tasks);
  }
}
