package io.flowinstance.kafka;

import java.time.Duration;

/**
 * Bounds of what a consumer has in flight.
 *
 * @param batchRecords outcomes that are published at once
 * @param patience from the beginning of a transaction to that of the next, as long as neither holds
 *     a whole batch
 * @param records how many may be in flight, about: partitions share them, and each has a minimum
 * @param recordBytes that all records may take until they are done
 * @param transactionBytes after which outcomes go on in a further transaction
 * @param readyHeap that ready outcomes may hold before they are published, however few they are
 */
public record InFlightLimits(
    int batchRecords,
    Duration patience,
    int records,
    long recordBytes,
    long transactionBytes,
    long readyHeap) {}
