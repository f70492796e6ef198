package io.flowinstance.trace;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes what the SDK says through {@code java.util.logging}, which would go to standard error in a
 * form of its own and once per export, into our log: each part of the SDK warns once. What its
 * exporter says is kept for {@link WatchedExporter}.
 */
final class SdkWarnings extends Handler {
  private static final org.slf4j.Logger LOG = LoggerFactory.getLogger(SdkWarnings.class);

  /** A field: java.util.logging forgets the handlers of a logger that nobody holds. */
  private static final Logger SDK = Logger.getLogger("io.opentelemetry");

  private static final String EXPORTER = "HttpExporter";

  private static volatile String lastOfExporter = "";

  private final Set<String> heard = ConcurrentHashMap.newKeySet();

  private SdkWarnings() {
    setLevel(Level.WARNING);
  }

  static synchronized void toOurLog() {
    if (SDK.getUseParentHandlers()) {
      SDK.setUseParentHandlers(false);
      SDK.addHandler(new SdkWarnings());
    }
  }

  /** What the exporter said last, one sentence or a few. */
  static String lastOfExporter() {
    return lastOfExporter;
  }

  @Override
  public void publish(LogRecord said) {
    if (!isLoggable(said)) {
      return;
    }
    if (said.getLoggerName().endsWith(EXPORTER)) {
      lastOfExporter =
          said.getThrown() == null ? said.getMessage() : said.getMessage() + " " + said.getThrown();
    } else if (heard.add(said.getLoggerName())) {
      LOG.warn("{} (logged once)", said.getMessage(), said.getThrown());
    }
  }

  @Override
  public void flush() {
    // Nothing is buffered.
  }

  @Override
  public void close() {
    // Nothing is open.
  }
}
