package io.flowinstance.watch;

import java.time.Duration;

/**
 * What the change feed reads, writes and waits for.
 *
 * @param from {@code now}, {@code earliest}, or an instant: observations that were fetched before
 *     it are remembered, and lead to nothing
 * @param interval how soon an instance that changed is asked for again
 * @param longestInterval how soon at the latest, however long nothing changed
 * @param settle how long a settled instance is asked for until it rests
 * @param forget how long it is remembered after that
 * @param giveUp how long an instance is asked for in vain
 * @param maxIdsPerSecond most ids that are sent back, over all processes
 * @param maxInstances most instances that one partition of the topic keeps
 * @param partitions how many partitions the topic of the instances has
 * @param eventSource goes before each CloudEvents source; may be empty
 * @param schemaBaseUri where the schemas are found, a URI that ends with a slash, or empty
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
