package io.flowinstance.log;

import static java.nio.charset.StandardCharsets.UTF_8;

import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import io.flowinstance.json.Printable;

/** A log as JSON lines, in which what steers a terminal is escaped. */
public final class PrintableJson extends JsonEncoder {
  @Override
  public byte[] encode(ILoggingEvent event) {
    return (Printable.escaped(new String(super.encode(event), UTF_8).stripTrailing()) + '\n')
        .getBytes(UTF_8);
  }
}
