package io.flowinstance.event;

import java.time.ZoneId;

/**
 * The zones of the API's local times, which its documentation does not name.
 *
 * @param times the zone of {@code startTime}, {@code endTime} and {@code timestamp}
 * @param trigger the zone of {@code triggerTime}, which samples show to differ from the others'
 */
public record EventZones(ZoneId times, ZoneId trigger) {}
