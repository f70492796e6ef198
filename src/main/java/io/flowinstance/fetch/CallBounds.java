package io.flowinstance.fetch;

import io.flowinstance.enos.AnswerTooLargeException;
import io.flowinstance.trace.OpenSpan;
import io.flowinstance.trace.Traces;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hc.client5.http.classic.ExecChain;
import org.apache.hc.client5.http.classic.ExecChainHandler;
import org.apache.hc.core5.concurrent.Cancellable;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.HttpEntity;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.io.entity.HttpEntityWrapper;

/**
 * Bounds a call: in time as a whole, which socket timeouts do not (an answer may trickle for ever),
 * and in the bytes of its answer. A call that breaks a bound loses its connection; the rest of its
 * answer is never read. It counts the calls under way and takes their spans, from the request to
 * the last byte of the answer, for it sees both.
 */
final class CallBounds implements ExecChainHandler {
  private final Duration timeout;
  private final long maxResponseBytes;
  private final AtomicInteger inFlight;
  private final Traces traces;
  private final ScheduledThreadPoolExecutor timer;

  CallBounds(Duration timeout, long maxResponseBytes, AtomicInteger inFlight, Traces traces) {
    this.inFlight = inFlight;
    this.traces = traces;
    this.timeout = timeout;
    this.maxResponseBytes = maxResponseBytes;
    timer =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread thread = new Thread(task, "fetch-timeouts");
              thread.setDaemon(true);
              return thread;
            });
    timer.setRemoveOnCancelPolicy(true);
  }

  @Override
  public ClassicHttpResponse execute(
      ClassicHttpRequest request, ExecChain.Scope scope, ExecChain chain)
      throws IOException, HttpException {
    OpenSpan span = beginSpan(request, scope.route.getTargetHost());
    span.writeTo(request::setHeader);
    Deadline deadline = new Deadline(scope, span);
    try {
      ClassicHttpResponse response = chain.proceed(request, scope);
      span.answered(response.getCode());
      HttpEntity entity = response.getEntity();
      if (entity == null) {
        deadline.met();
        return response;
      }
      if (entity.getContentLength() > maxResponseBytes) {
        AnswerTooLargeException tooLarge = new AnswerTooLargeException(maxResponseBytes);
        deadline.brokenOff(tooLarge);
        scope.execRuntime.discardEndpoint();
        throw tooLarge;
      }
      response.setEntity(new BoundedEntity(entity, scope, deadline));
      return response;
    } catch (AnswerTooLargeException e) {
      throw e;
    } catch (IOException e) {
      throw deadline.explain(e);
    } catch (RuntimeException | HttpException e) {
      deadline.brokenOff(e);
      throw e;
    }
  }

  private OpenSpan beginSpan(ClassicHttpRequest request, HttpHost host) {
    String target = request.getPath();
    int query = target.indexOf('?');
    return traces.call(
        request.getMethod(),
        host.toURI(),
        host.getHostName(),
        host.getPort(),
        query < 0 ? target : target.substring(0, query),
        name -> request.containsHeader(name) ? request.getFirstHeader(name).getValue() : null);
  }

  /** Cancels a call that is not over in time. */
  private final class Deadline implements Runnable {
    private final ExecChain.Scope scope;
    private final OpenSpan span;
    private final ScheduledFuture<?> task;
    private final AtomicBoolean over = new AtomicBoolean();
    private volatile boolean missed;

    Deadline(ExecChain.Scope scope, OpenSpan span) {
      inFlight.incrementAndGet();
      this.scope = scope;
      this.span = span;
      task = timer.schedule(this, timeout.toMillis(), TimeUnit.MILLISECONDS);
    }

    @Override
    public void run() {
      missed = true;
      if (scope.originalRequest instanceof Cancellable cancellable) {
        cancellable.cancel();
      }
    }

    void met() {
      if (over.compareAndSet(false, true)) {
        inFlight.decrementAndGet();
        task.cancel(false);
        span.end();
      }
    }

    void brokenOff(Exception failure) {
      span.failed(failure);
      met();
    }

    IOException explain(IOException failure) {
      IOException explained = missed ? late(failure) : failure;
      brokenOff(explained);
      return explained;
    }

    private IOException late(IOException failure) {
      SocketTimeoutException late =
          new SocketTimeoutException("no whole answer within " + timeout.toMillis() + " ms");
      late.addSuppressed(failure);
      return late;
    }
  }

  private final class BoundedEntity extends HttpEntityWrapper {
    private final ExecChain.Scope scope;
    private final Deadline deadline;
    private InputStream content;

    BoundedEntity(HttpEntity entity, ExecChain.Scope scope, Deadline deadline) {
      super(entity);
      this.scope = scope;
      this.deadline = deadline;
    }

    @Override
    public InputStream getContent() throws IOException {
      if (content == null) {
        content = new BoundedStream(super.getContent(), getContentLength(), scope, deadline);
      }
      return content;
    }
  }

  private final class BoundedStream extends FilterInputStream {
    private final ExecChain.Scope scope;
    private final Deadline deadline;
    private final long contentLength;
    private long count;
    private boolean ended;

    BoundedStream(InputStream in, long contentLength, ExecChain.Scope scope, Deadline deadline) {
      super(in);
      this.contentLength = contentLength;
      this.scope = scope;
      this.deadline = deadline;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      if (ended) {
        return -1;
      }
      try {
        int read = in.read(buffer, offset, length);
        if (read < 0) {
          ended = true;
          deadline.met();
          return read;
        }
        count += read;
        if (count > maxResponseBytes) {
          throw new AnswerTooLargeException(maxResponseBytes);
        }
        return read;
      } catch (AnswerTooLargeException e) {
        deadline.brokenOff(e);
        abandon();
        throw e;
      } catch (IOException e) {
        IOException explained = deadline.explain(e);
        abandon();
        throw explained;
      }
    }

    /**
     * Closing a stream that is not at its end would read on to there: cut it off instead. A reader
     * that counts bytes has not seen the end that follows them, and may keep the connection.
     */
    @Override
    public void close() throws IOException {
      if (!ended && (count != contentLength || read() >= 0)) {
        abandon();
      }
    }

    @Override
    public boolean markSupported() {
      return false;
    }

    private void abandon() {
      ended = true;
      deadline.met();
      scope.execRuntime.discardEndpoint();
    }
  }
}
