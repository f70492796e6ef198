package io.flowinstance.watch;

import java.time.Duration;

/**
 * What the change feed reads, writes and waits for.
 *
 * @param from {@code now}, {@code earliest}, or an instant: observations that were fetched before
 *     it are remembered, but neither published nor asked for again
 * @param interval wait until an instance that changed is asked for again
 * @param longestInterval longest such wait, when nothing has changed for a long time
 * @param settle how long a settled instance is still asked for; then it rests
 * @param forget how long it is remembered after that
 * @param giveUp how long an instance is asked for without an observation
 * @param maxIdsPerSecond most ids that are sent per second, over all processes
 * @param maxInstances most instances that are remembered per partition of the topic
 * @param partitions how many partitions the topic of the instances has
 * @param eventSource prefix of each CloudEvents source; may be empty
 * @param schemaBaseUri base URI of the schemas, which ends with a slash; may be empty
 */
public record WatchSettings(
    String flowInstanceTopic,
    String instanceIdTopic,
    String transitionTopic,
    String from,
    Duration interval,
    Duration longestInterval,
    Duration settle,
    Duration forget,
    Duration giveUp,
    int maxIdsPerSecond,
    int maxInstances,
    int partitions,
    String eventSource,
    String schemaBaseUri) {}
