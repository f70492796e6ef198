package io.flowinstance.delivery;

import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.enos.MalformedIdException;
import java.util.List;

/**
 * The records of one batch that ask for the same instance on the same behalf: one call serves them
 * all.
 *
 * @param query what they ask for, or null when that cannot be read
 * @param unreadable why it cannot, or null
 * @param records at least one, in the order of the batch
 */
public record IdGroup(
    InstanceQuery query, MalformedIdException unreadable, List<IdRecord> records) {}
