package io.flowinstance.fetch;

import io.flowinstance.trace.Traces;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hc.client5.http.config.ConnectionConfig;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.client5.http.impl.ChainElement;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClientBuilder;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManagerBuilder;
import org.apache.hc.client5.http.ssl.TlsSocketStrategy;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.util.TimeValue;
import org.apache.hc.core5.util.Timeout;

/**
 * The one pooled HTTP client of all calls to EnOS. It keeps connections alive, retries nothing and
 * follows no redirect by itself, and bounds every call in time and bytes.
 */
public final class EnosHttpClient {
  private static final TimeValue IDLE_CHECK = TimeValue.ofSeconds(2);
  private static final TimeValue LONGEST_USE = TimeValue.ofMinutes(10);

  private EnosHttpClient() {}

  /**
   * How the client calls.
   *
   * @param connections most connections, and so calls in flight
   * @param timeout longest time of a call, from its start to the last byte of the answer
   * @param maxResponseBytes most bytes of an answer, after decompression
   * @param inFlight counts the calls that are under way
   * @param traces takes a span of each call
   * @param userAgent what the gateway's log will name
   * @param tls TLS with its trust store, or null for the JDK's
   * @param proxy an HTTP proxy, or null
   */
  public record Options(
      int connections,
      Duration timeout,
      long maxResponseBytes,
      AtomicInteger inFlight,
      Traces traces,
      String userAgent,
      TlsSocketStrategy tls,
      HttpHost proxy) {}

  /** Makes the client; to be closed by the caller. */
  public static CloseableHttpClient create(Options options) {
    Timeout timeout = Timeout.of(options.timeout());
    return HttpClientBuilder.create()
        .setConnectionManager(
            PoolingHttpClientConnectionManagerBuilder.create()
                .setMaxConnTotal(options.connections())
                .setMaxConnPerRoute(options.connections())
                .setTlsSocketStrategy(options.tls())
                .setDefaultConnectionConfig(
                    ConnectionConfig.custom()
                        .setConnectTimeout(timeout)
                        .setSocketTimeout(timeout)
                        .setValidateAfterInactivity(IDLE_CHECK)
                        .setTimeToLive(LONGEST_USE)
                        .build())
                .build())
        .setDefaultRequestConfig(
            RequestConfig.custom()
                .setConnectionRequestTimeout(timeout)
                .setResponseTimeout(timeout)
                .setRedirectsEnabled(false)
                .build())
        // Outermost but for the protocol: it sees the answer decompressed.
        .addExecInterceptorBefore(
            ChainElement.COMPRESS.name(),
            "bounds",
            new CallBounds(
                options.timeout(),
                options.maxResponseBytes(),
                options.inFlight(),
                options.traces()))
        .disableAutomaticRetries()
        .disableRedirectHandling()
        .disableCookieManagement()
        .disableAuthCaching()
        .setUserAgent(options.userAgent())
        .setProxy(options.proxy())
        .build();
  }
}
