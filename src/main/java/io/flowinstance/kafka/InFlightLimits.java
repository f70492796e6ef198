package io.flowinstance.kafka;

import java.time.Duration;

/**
 * Bounds of what a consumer has in flight.
 *
 * @param batchRecords outcomes that are published at once
 * @param patience between two transactions, as long as neither holds a whole batch
 * @param recordBytes that all records may take until they are done
 */
public record InFlightLimits(int batchRecords, Duration patience, long recordBytes) {}
