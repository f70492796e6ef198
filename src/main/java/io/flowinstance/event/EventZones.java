package io.flowinstance.event;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.annotation.JsonSerialize;
import com.fasterxml.jackson.databind.ser.std.ToStringSerializer;
import java.time.ZoneId;

/**
 * The zones of the API's local times, which its documentation does not name.
 *
 * @param times the zone of {@code startTime}, {@code endTime} and {@code timestamp}
 * @param trigger the zone of {@code triggerTime}, which samples show to differ from the others'
 */
public record EventZones(
    @JsonProperty("timeZone") @JsonSerialize(using = ToStringSerializer.class) ZoneId times,
    @JsonProperty("triggerTimeZone") @JsonSerialize(using = ToStringSerializer.class)
        ZoneId trigger) {}
