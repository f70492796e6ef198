package io.flowinstance.fetch;

import io.flowinstance.enos.AnswerTooLargeException;
import io.flowinstance.enos.Redaction;
import io.flowinstance.trace.RecordSpan;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.SocketTimeoutException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.hc.client5.http.classic.ExecChain;
import org.apache.hc.client5.http.classic.ExecChainHandler;
import org.apache.hc.core5.concurrent.Cancellable;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.HttpEntity;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.HttpHeaders;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.MessageHeaders;
import org.apache.hc.core5.http.io.entity.ByteArrayEntity;
import org.apache.hc.core5.http.io.entity.HttpEntityWrapper;

/**
 * Bounds a call: in time as a whole, which socket timeouts do not (an answer may trickle for ever),
 * and in the bytes of its answer. The body is read here, after the status is known; a call that
 * breaks a bound loses its connection. It counts the calls under way and takes their spans, from
 * the request to the last byte of the answer.
 */
record CallBounds(EnosHttpClient.Options options, ScheduledExecutorService timer)
    implements ExecChainHandler {
  /** About what one value takes in the JSON of a task, with its name. */
  private static final int BYTES_OF_A_VALUE = 20;

  @Override
  public ClassicHttpResponse execute(
      ClassicHttpRequest request, ExecChain.Scope scope, ExecChain chain) throws IOException {
    RecordSpan span = beginSpan(request, scope.route.getTargetHost());
    span.writeTo(request::setHeader);
    AtomicBoolean late = new AtomicBoolean();
    ScheduledFuture<?> deadline =
        timer.schedule(
            () -> cancel(scope, late), options.timeout().toMillis(), TimeUnit.MILLISECONDS);
    options.inFlight().incrementAndGet();
    try {
      ClassicHttpResponse response = chain.proceed(request, scope);
      span.answered(response.getCode());
      // Camel's unmarshal fails where there is no body; camel-http drops that of a Java object.
      byte[] body =
          AnswerBody.inUtf8(body(response, scope), value(response, HttpHeaders.CONTENT_TYPE));
      response.setEntity(new InMemory(body));
      response.removeHeaders(HttpHeaders.CONTENT_TYPE);
      response.removeHeaders(HttpHeaders.CONTENT_ENCODING);
      response.removeHeaders(HttpHeaders.CONTENT_LENGTH);
      return response;
    } catch (IOException | HttpException | RuntimeException e) {
      scope.execRuntime.discardEndpoint();
      IOException failure = late.get() ? tooLate(e) : failure(e, request);
      span.failed(failure);
      throw failure;
    } finally {
      deadline.cancel(false);
      options.inFlight().decrementAndGet();
      span.end();
    }
  }

  /** Closes the call's connection, so that whatever the call waits for fails. */
  private static void cancel(ExecChain.Scope scope, AtomicBoolean late) {
    late.set(true);
    if (scope.originalRequest instanceof Cancellable cancellable) {
      cancellable.cancel();
    }
  }

  private byte[] body(ClassicHttpResponse response, ExecChain.Scope scope) throws IOException {
    HttpEntity entity = response.getEntity();
    if (entity == null) {
      return new byte[0];
    }
    InputStream in = entity.getContent();
    if (response.getCode() / 100 != 2) {
      byte[] firstPart = AnswerBody.firstPart(in);
      // Without effect on a connection whose answer is read to its end: it is in the pool.
      scope.execRuntime.discardEndpoint();
      return firstPart;
    }
    if (entity.getContentLength() > options.maxResponseBytes()) {
      throw new AnswerTooLargeException(options.maxResponseBytes());
    }
    long length = Math.max(0, entity.getContentLength());
    AnswerHeap.take(length, length / BYTES_OF_A_VALUE);
    return AnswerBody.whole(in, length, options.maxResponseBytes());
  }

  private SocketTimeoutException tooLate(Exception cause) {
    SocketTimeoutException late =
        new SocketTimeoutException(
            "no whole answer within " + options.timeout().toMillis() + " ms");
    late.addSuppressed(cause);
    return late;
  }

  /** The failure of a call, without secrets: HttpClient quotes what it cannot read. */
  private static IOException failure(Exception failure, ClassicHttpRequest request) {
    if (failure instanceof RuntimeException unexpected) {
      throw unexpected;
    }
    String message = failure.getMessage() == null ? "" : failure.getMessage();
    String harmless =
        Redaction.of(value(request, "apim-accesstoken"), value(request, "apim-signature"))
            .text(message);
    return failure instanceof IOException io && harmless.equals(message)
        ? io
        : new IOException(failure.getClass().getSimpleName() + ": " + harmless);
  }

  private RecordSpan beginSpan(ClassicHttpRequest request, HttpHost host) {
    String target = request.getPath();
    int query = target.indexOf('?');
    return options
        .traces()
        .call(
            request.getMethod(),
            host.toURI(),
            host.getHostName(),
            host.getPort(),
            query < 0 ? target : target.substring(0, query),
            name -> value(request, name));
  }

  /** A body in memory: whoever reads all of it gets the array itself. */
  private static final class InMemory extends HttpEntityWrapper {
    private final byte[] body;

    InMemory(byte[] body) {
      super(new ByteArrayEntity(body, null));
      this.body = body;
    }

    @Override
    public InputStream getContent() {
      return new ByteArrayInputStream(body) {
        @Override
        public byte[] readAllBytes() {
          if (pos > 0) {
            return super.readAllBytes();
          }
          pos = count;
          return buf;
        }
      };
    }
  }

  private static String value(MessageHeaders message, String header) {
    return message.containsHeader(header) ? message.getFirstHeader(header).getValue() : null;
  }
}
