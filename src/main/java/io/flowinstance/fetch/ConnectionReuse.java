package io.flowinstance.fetch;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.hc.client5.http.classic.ExecChain;
import org.apache.hc.client5.http.classic.ExecChainHandler;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.Method;
import org.apache.hc.core5.http.impl.io.HttpRequestExecutor;
import org.apache.hc.core5.http.io.HttpClientConnection;
import org.apache.hc.core5.http.io.HttpResponseInformationCallback;
import org.apache.hc.core5.http.protocol.HttpContext;
import org.apache.hc.core5.pool.ConnPoolControl;
import org.apache.hc.core5.util.TimeValue;

/**
 * Uses connections again without paying for it. A server may close a kept connection at any moment,
 * and a balancer may forget all of them without a word.
 *
 * <ul>
 *   <li>A GET on a reused connection that ends before any byte came is sent once more, on a new
 *       connection. Never after a byte, a timeout, or on a new connection.
 *   <li>When a reused connection stays silent until the timeout, and no other reused connection
 *       brought an answer meanwhile, all of them are closed. A pool opens a new connection only
 *       when none is idle, so an answer tells that no forgotten one is left in it.
 *   <li>A POST is never repeated: it always goes on a new connection.
 * </ul>
 *
 * <p>The pool gives a connection only to calls of the generation in which it was made, for it is
 * leased and returned with the generation as its state. So what is in use when a generation ends is
 * not used again, either.
 */
final class ConnectionReuse implements ExecChainHandler {
  private final ConnPoolControl<?> pool;
  private final AtomicLong generation = new AtomicLong();
  private volatile long reusedAnsweredAt = System.nanoTime();

  ConnectionReuse(ConnPoolControl<?> pool) {
    this.pool = pool;
  }

  /** Closes all idle connections, and those in use with the end of their calls. */
  void endGeneration() {
    generation.incrementAndGet();
    pool.closeIdle(TimeValue.ZERO_MILLISECONDS);
  }

  @Override
  public ClassicHttpResponse execute(
      ClassicHttpRequest request, ExecChain.Scope scope, ExecChain chain)
      throws IOException, HttpException {
    if (scope.execRuntime.isEndpointAcquired()) {
      // The same call once more, with what a proxy asked for.
      return chain.proceed(request, scope);
    }
    long began = System.nanoTime();
    acquireConnection(scope);
    boolean repeatable = Method.GET.isSame(request.getMethod());
    if (!repeatable) {
      scope.execRuntime.disconnectEndpoint();
    }
    boolean reused = scope.execRuntime.isEndpointConnected();
    try {
      ClassicHttpResponse response = chain.proceed(request, scope);
      if (reused) {
        reusedAnsweredAt = System.nanoTime();
      }
      return response;
    } catch (NoByteException e) {
      boolean timedOut =
          e.failure instanceof SocketTimeoutException || scope.execRuntime.isExecutionAborted();
      if (reused && timedOut && reusedAnsweredAt - began < 0) {
        endGeneration();
      }
      if (!reused || timedOut) {
        throw e.failure;
      }
    }
    acquireConnection(scope);
    scope.execRuntime.disconnectEndpoint();
    try {
      return chain.proceed(request, scope);
    } catch (NoByteException e) {
      throw e.failure;
    }
  }

  private void acquireConnection(ExecChain.Scope scope) throws IOException {
    Long current = generation.get();
    scope.clientContext.setUserToken(current);
    scope.execRuntime.acquireEndpoint(scope.exchangeId, scope.route, current, scope.clientContext);
  }

  /** Sends requests, and tells a connection that broke off from one that broke off in silence. */
  static HttpRequestExecutor executor() {
    return new HttpRequestExecutor() {
      @Override
      public ClassicHttpResponse execute(
          ClassicHttpRequest request,
          HttpClientConnection connection,
          HttpResponseInformationCallback information,
          HttpContext context)
          throws IOException, HttpException {
        var traffic = connection.getEndpointDetails();
        long before = traffic.getReceivedBytesCount();
        try {
          return super.execute(request, connection, information, context);
        } catch (IOException e) {
          throw traffic.getReceivedBytesCount() == before ? new NoByteException(e) : e;
        }
      }
    };
  }

  /** A call failed before any byte of its answer came. */
  private static final class NoByteException extends IOException {
    private static final long serialVersionUID = 1L;
    private final IOException failure;

    NoByteException(IOException failure) {
      super(failure);
      this.failure = failure;
    }
  }
}
