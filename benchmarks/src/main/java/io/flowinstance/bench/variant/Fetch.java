package io.flowinstance.bench.variant;

import java.time.Instant;

/**
 * Which call brought an answer.
 *
 * @param observationId the place of the id record, {@code <topic>-<partition>-<offset>}
 * @param askedAt when the call began
 * @param fetchedAt when the answer was there
 */
public record Fetch(String observationId, Instant askedAt, Instant fetchedAt) {}
