package io.flowinstance.trace;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * Begins the spans of this process, or none when tracing is off: then no header is read or written.
 * Names and attributes are those of the OpenTelemetry semantic conventions for messaging and HTTP.
 *
 * @see <a href="https://opentelemetry.io/docs/specs/semconv/messaging/kafka/">Kafka</a>
 * @see <a href="https://opentelemetry.io/docs/specs/semconv/http/http-spans/">HTTP</a>
 */
public final class Tracing implements AutoCloseable {
  private static final TextMapGetter<UnaryOperator<String>> HEADERS =
      (headers, name) -> headers.apply(name);

  private final Tracer tracer;
  private final Runnable onClose;

  private Tracing(Tracer tracer, Runnable onClose) {
    this.tracer = tracer;
    this.onClose = onClose;
  }

  /** No spans at all. */
  public static Tracing off() {
    return new Tracing(null, () -> {});
  }

  /** Spans of an OpenTelemetry, which {@code onClose} ends. */
  public static Tracing of(OpenTelemetry openTelemetry, Runnable onClose) {
    return new Tracing(openTelemetry.getTracer("io.flowinstance"), onClose);
  }

  /**
   * Begins the span of an id record, from its poll to its outcome.
   *
   * @param headers the record's headers by name, null where there is none: their W3C Trace Context,
   *     if it can be read, is the parent
   */
  public RecordSpan process(
      String topic, int partition, long offset, UnaryOperator<String> headers) {
    if (tracer == null) {
      return RecordSpan.NONE;
    }
    return new RecordSpan(
        span("process " + topic, SpanKind.CONSUMER, headers)
            .setAttribute("messaging.system", "kafka")
            .setAttribute("messaging.operation.name", "process")
            .setAttribute("messaging.operation.type", "process")
            .setAttribute("messaging.destination.name", topic)
            .setAttribute("messaging.destination.partition.id", Integer.toString(partition))
            .setAttribute("messaging.kafka.offset", offset)
            .startSpan());
  }

  /**
   * Begins the span of one HTTP call.
   *
   * @param address the server's as {@code https://host:port}
   * @param path the path without its query, which names instances and users
   * @param headers the request's headers by name, null where there is none: their W3C Trace Context
   *     is the parent
   */
  public RecordSpan call(
      String method,
      String address,
      String host,
      int port,
      String path,
      UnaryOperator<String> headers) {
    if (tracer == null) {
      return RecordSpan.NONE;
    }
    return new RecordSpan(
        span(method + " " + path, SpanKind.CLIENT, headers)
            .setAttribute("http.request.method", method)
            .setAttribute("server.address", host)
            .setAttribute("server.port", port)
            .setAttribute("url.full", address + path)
            .setAttribute("url.template", path)
            .startSpan());
  }

  /**
   * Begins the span of one transaction. It belongs to no record's trace and is linked to the
   * records' spans, the first 128 that are sampled, which is what the SDK keeps unless it is told
   * otherwise; none when none is.
   *
   * @param processed the spans of the id records whose outcomes are published
   */
  public RecordSpan publish(Stream<RecordSpan> processed, int messages) {
    if (tracer == null) {
      return RecordSpan.NONE;
    }
    List<SpanContext> links =
        processed.map(RecordSpan::context).filter(SpanContext::isSampled).limit(128).toList();
    if (links.isEmpty()) {
      return RecordSpan.NONE;
    }
    SpanBuilder builder =
        tracer
            .spanBuilder("publish")
            .setSpanKind(SpanKind.PRODUCER)
            .setNoParent()
            .setAttribute("messaging.system", "kafka")
            .setAttribute("messaging.operation.name", "publish")
            .setAttribute("messaging.operation.type", "send")
            .setAttribute("messaging.batch.message_count", messages);
    links.forEach(builder::addLink);
    return new RecordSpan(builder.startSpan());
  }

  private SpanBuilder span(String name, SpanKind kind, UnaryOperator<String> headers) {
    return tracer
        .spanBuilder(name)
        .setSpanKind(kind)
        .setParent(
            W3CTraceContextPropagator.getInstance().extract(Context.root(), headers, HEADERS));
  }

  /** Sends what has ended and was not yet sent, for a few seconds at most. */
  @Override
  public void close() {
    onClose.run();
  }
}
