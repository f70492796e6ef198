package io.flowinstance.event;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.databind.annotation.JsonSerialize;
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
@JsonPropertyOrder({"userId", "orgId"})
public record Observation(
    @JsonProperty("observationId") String id,
    String userId,
    String orgId,
    @JsonSerialize(converter = InstantText.class) Instant askedAt,
    @JsonSerialize(converter = InstantText.class) Instant fetchedAt) {

  public Observation {
    askedAt = askedAt.truncatedTo(ChronoUnit.MILLIS);
    fetchedAt = fetchedAt.truncatedTo(ChronoUnit.MILLIS);
  }
}
