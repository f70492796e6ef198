package io.flowinstance.trace;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.StreamHandler;
import org.slf4j.LoggerFactory;

/**
 * Takes what the SDK says through {@code java.util.logging} into our log. Not jul-to-slf4j: that
 * repeats a warning with each export, and has no way to give the exporter's own words to {@link
 * WatchedExporter}, which says them once.
 */
final class SdkWarnings extends StreamHandler {
  private static final org.slf4j.Logger LOG = LoggerFactory.getLogger(SdkWarnings.class);

  /** A field: java.util.logging forgets the handlers of a logger that nobody holds. */
  private static final Logger SDK = Logger.getLogger("io.opentelemetry");

  private static volatile String lastOfExporter = "";

  private final Set<String> heard = ConcurrentHashMap.newKeySet();

  private SdkWarnings() {}

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
    if (said.getLevel().intValue() < Level.WARNING.intValue()) {
      return;
    }
    if (said.getLoggerName().endsWith("HttpExporter")) {
      lastOfExporter =
          said.getThrown() == null ? said.getMessage() : said.getMessage() + " " + said.getThrown();
    } else if (heard.add(said.getLoggerName())) {
      LOG.warn("{} (logged once)", said.getMessage(), said.getThrown());
    }
  }
}
