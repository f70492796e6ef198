package io.flowinstance.trace;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import java.util.function.BiConsumer;

/** A span that has begun and is to be ended, or none. Safe for use by several threads. */
public final class RecordSpan {
  /** No span: nothing is done with it. */
  public static final RecordSpan NONE = new RecordSpan(Span.getInvalid());

  private final Span span;

  RecordSpan(Span span) {
    this.span = span;
  }

  SpanContext context() {
    return span.getSpanContext();
  }

  /**
   * Gives the span's context as the headers {@code traceparent} and, where it is not empty, {@code
   * tracestate}.
   *
   * @see <a href="https://www.w3.org/TR/trace-context/">W3C Trace Context</a>
   */
  public void writeTo(BiConsumer<String, String> headers) {
    if (context().isValid()) {
      W3CTraceContextPropagator.getInstance()
          .inject(Context.root().with(span), headers, (to, name, value) -> to.accept(name, value));
    }
  }

  public void asksFor(String instanceId) {
    span.setAttribute("enos.flow_instance.id", instanceId);
  }

  /** The calls for the instance are in the trace of this span. */
  public void sharesCallsOf(RecordSpan other) {
    span.addLink(other.context());
  }

  /** The HTTP status of the answer; from 400 on, it is an error. */
  public void answered(int httpStatus) {
    span.setAttribute("http.response.status_code", httpStatus);
    if (httpStatus >= 400) {
      span.setAttribute("error.type", Integer.toString(httpStatus));
      span.setStatus(StatusCode.ERROR);
    }
  }

  /**
   * What the span is about failed.
   *
   * @param type one of few words, such as the name of an exception
   * @param reason one sentence
   */
  public void failed(String type, String reason) {
    span.setAttribute("error.type", type);
    span.setStatus(StatusCode.ERROR, reason);
  }

  public void failed(Exception exception) {
    failed(exception.getClass().getName(), exception.getMessage());
  }

  /** Ends it; what is said of it afterwards is not heard. */
  public void end() {
    span.end();
  }
}
