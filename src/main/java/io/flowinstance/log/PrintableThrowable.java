package io.flowinstance.log;

import ch.qos.logback.classic.pattern.ThrowableProxyConverter;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.StackTraceElementProxy;
import io.flowinstance.json.Printable;
import java.util.stream.Stream;

/** The conversion word {@code %exception}: a stack trace whose messages steer no terminal. */
public final class PrintableThrowable extends ThrowableProxyConverter {
  @Override
  protected String throwableProxyToString(IThrowableProxy thrown) {
    return super.throwableProxyToString(new Printed(thrown));
  }

  private record Printed(IThrowableProxy thrown) implements IThrowableProxy {
    static IThrowableProxy of(IThrowableProxy thrown) {
      return thrown == null ? null : new Printed(thrown);
    }

    @Override
    public String getMessage() {
      return thrown.getMessage() == null ? null : Printable.of(thrown.getMessage());
    }

    @Override
    public String getClassName() {
      return thrown.getClassName();
    }

    @Override
    public StackTraceElementProxy[] getStackTraceElementProxyArray() {
      return thrown.getStackTraceElementProxyArray();
    }

    @Override
    public int getCommonFrames() {
      return thrown.getCommonFrames();
    }

    @Override
    public IThrowableProxy getCause() {
      return of(thrown.getCause());
    }

    @Override
    public IThrowableProxy[] getSuppressed() {
      return Stream.of(thrown.getSuppressed()).map(Printed::of).toArray(IThrowableProxy[]::new);
    }

    @Override
    public boolean isCyclic() {
      return thrown.isCyclic();
    }
  }
}
