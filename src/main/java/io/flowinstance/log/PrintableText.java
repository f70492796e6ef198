package io.flowinstance.log;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.pattern.CompositeConverter;
import io.flowinstance.json.Printable;

/**
 * The conversion word {@code %printable(…)} of a text log: what is in it steers no terminal and
 * begins no line, whatever an answer or a record says.
 */
public final class PrintableText extends CompositeConverter<ILoggingEvent> {
  @Override
  protected String transform(ILoggingEvent event, String text) {
    return Printable.of(text);
  }
}
