package io.flowinstance.event;

import com.fasterxml.jackson.databind.util.StdConverter;
import java.time.Instant;

/** An instant as {@link Times#text} spells it. */
final class InstantText extends StdConverter<Instant, String> {
  @Override
  public String convert(Instant instant) {
    return Times.text(instant);
  }
}
