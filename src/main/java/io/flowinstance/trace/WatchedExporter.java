package io.flowinstance.trace;

import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.Collection;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.StreamHandler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says once when spans are no longer taken by the collector, and once when they are again. */
record WatchedExporter(SpanExporter exporter, AtomicBoolean failing) implements SpanExporter {
  private static final Logger LOG = LoggerFactory.getLogger(WatchedExporter.class);

  /** A field: java.util.logging forgets the handlers of a logger that nobody holds. */
  private static final java.util.logging.Logger SDK =
      java.util.logging.Logger.getLogger("io.opentelemetry");

  private static volatile String lastOfExporter = "";

  WatchedExporter(SpanExporter exporter) {
    this(exporter, new AtomicBoolean());
  }

  /** Takes what the SDK says through {@code java.util.logging} into our log. */
  static synchronized void takeWarnings() {
    if (SDK.getUseParentHandlers()) {
      SDK.setUseParentHandlers(false);
      SDK.addHandler(new Warnings());
    }
  }

  /**
   * Not jul-to-slf4j: that repeats a warning with each export, and cannot keep the words of the
   * SDK's exporter for the one line that says what to do.
   */
  private static final class Warnings extends StreamHandler {
    private final Set<String> heard = ConcurrentHashMap.newKeySet();

    @Override
    public void publish(LogRecord said) {
      if (said.getLevel().intValue() < Level.WARNING.intValue()) {
        return;
      }
      Throwable thrown = said.getThrown();
      if (said.getLoggerName().endsWith("HttpExporter")) {
        lastOfExporter = thrown == null ? said.getMessage() : said.getMessage() + " " + thrown;
      } else if (heard.add(said.getLoggerName())) {
        LOG.warn("{} (logged once)", said.getMessage(), thrown);
      }
    }
  }

  @Override
  public CompletableResultCode export(Collection<SpanData> spans) {
    CompletableResultCode result = exporter.export(spans);
    result.whenComplete(
        () -> {
          if (failing.getAndSet(!result.isSuccess()) == result.isSuccess()) {
            say(result.isSuccess());
          }
        });
    return result;
  }

  private static void say(boolean accepted) {
    if (accepted) {
      LOG.info("The collector accepts spans again.");
    } else {
      LOG.warn(
          "The collector accepts no spans, so they are lost. OTEL_EXPORTER_OTLP_ENDPOINT says where"
              + " it is: {}",
          lastOfExporter);
    }
  }

  @Override
  public CompletableResultCode flush() {
    return exporter.flush();
  }

  @Override
  public CompletableResultCode shutdown() {
    return exporter.shutdown();
  }
}
