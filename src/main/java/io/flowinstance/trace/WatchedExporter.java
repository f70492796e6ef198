package io.flowinstance.trace;

import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.Collection;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says once when spans are no longer taken by the collector, and once when they are again. */
final class WatchedExporter implements SpanExporter {
  private static final Logger LOG = LoggerFactory.getLogger(WatchedExporter.class);

  private final SpanExporter exporter;
  private final AtomicBoolean failing = new AtomicBoolean();

  WatchedExporter(SpanExporter exporter) {
    this.exporter = exporter;
  }

  @Override
  public CompletableResultCode export(Collection<SpanData> spans) {
    CompletableResultCode result = exporter.export(spans);
    result.whenComplete(() -> completed(result));
    return result;
  }

  private void completed(CompletableResultCode result) {
    if (result.isSuccess()) {
      if (failing.compareAndSet(true, false)) {
        LOG.info("The collector accepts spans again.");
      }
    } else if (failing.compareAndSet(false, true)) {
      LOG.warn(
          "The collector accepts no spans, so they are lost. OTEL_EXPORTER_OTLP_ENDPOINT says where"
              + " it is: {}",
          SdkWarnings.lastOfExporter());
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
