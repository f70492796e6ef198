package io.flowinstance.simulator;

import java.time.Instant;

/**
 * An instance or a task of it got another status.
 *
 * @param taskInstId empty for the instance itself
 */
public record StatusChange(Instant at, String taskInstId, String status) {}
