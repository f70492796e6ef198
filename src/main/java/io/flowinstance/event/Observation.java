package io.flowinstance.event;

import java.time.Instant;
import java.time.temporal.ChronoUnit;

/**
 * One fetch of an instance.
 *
 * @param id names the id record, {@code <topic>-<partition>-<offset>}
 * @param userId on whose behalf the instance was read
 * @param orgId the user's organization
 * @param askedAt when the answered call began, in whole milliseconds
 * @param fetchedAt when the last byte of the answer came, in whole milliseconds
 */
public record Observation(
    String id, String userId, String orgId, Instant askedAt, Instant fetchedAt) {

  public Observation {
    askedAt = askedAt.truncatedTo(ChronoUnit.MILLIS);
    fetchedAt = fetchedAt.truncatedTo(ChronoUnit.MILLIS);
  }
}
