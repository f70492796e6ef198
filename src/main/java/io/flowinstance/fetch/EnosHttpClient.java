package io.flowinstance.fetch;

import io.flowinstance.trace.Tracing;
import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hc.client5.http.auth.CredentialsProvider;
import org.apache.hc.client5.http.config.ConnectionConfig;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.client5.http.impl.ChainElement;
import org.apache.hc.client5.http.impl.auth.BasicCredentialsProvider;
import org.apache.hc.client5.http.impl.auth.CredentialsProviderBuilder;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClientBuilder;
import org.apache.hc.client5.http.impl.io.ManagedHttpClientConnectionFactory;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManager;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManagerBuilder;
import org.apache.hc.client5.http.ssl.TlsSocketStrategy;
import org.apache.hc.core5.concurrent.DefaultThreadFactory;
import org.apache.hc.core5.http.HttpHeaders;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.config.Http1Config;
import org.apache.hc.core5.http.message.BasicHeader;
import org.apache.hc.core5.util.TimeValue;
import org.apache.hc.core5.util.Timeout;

/**
 * The one pooled HTTP client of all calls to EnOS. It keeps connections alive, follows no redirect,
 * retries nothing but what a kept connection lost (see {@link ConnectionReuse}), and bounds every
 * call in time and bytes.
 */
public final class EnosHttpClient implements Closeable {
  /** No answer may be larger than this part of the heap: it takes several times its bytes. */
  public static final int HEAP_PART_OF_AN_ANSWER = 32;

  /**
   * A connection that was idle for longer is checked before its use, which takes 1 ms. One that was
   * not is in steady use: there the repeat costs less than the checks.
   */
  private static final TimeValue UNCHECKED_IDLE = TimeValue.ofMilliseconds(50);

  /** Shorter than the idle timeouts of common gateways and balancers (60 s and more). */
  private static final TimeValue LONGEST_IDLE = TimeValue.ofSeconds(20);

  private static final long IDLE_SCAN_S = 5;

  /** For probes and token requests: they must not wait behind calls that hang. */
  private static final int SPARE_CONNECTIONS = 8;

  private static final TimeValue LONGEST_USE = TimeValue.ofMinutes(10);

  private static final Http1Config HEADER_BOUNDS =
      Http1Config.custom().setMaxLineLength(16 << 10).setMaxHeaderCount(100).build();

  private final CloseableHttpClient http;
  private final ConnectionReuse reuse;
  private final ScheduledThreadPoolExecutor timer;

  /**
   * How the client calls.
   *
   * @param connections most connections of calls for ids; a few more are there for probes and
   *     tokens
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
      Tracing traces,
      String userAgent,
      TlsSocketStrategy tls,
      Proxy proxy) {}

  /**
   * An HTTP proxy.
   *
   * @param user its login, or empty when it asks for none
   */
  public record Proxy(HttpHost host, String user, String password) {
    private CredentialsProvider credentials() {
      return user.isEmpty()
          ? new BasicCredentialsProvider()
          : CredentialsProviderBuilder.create().add(host, user, password.toCharArray()).build();
    }
  }

  /** Makes the client; to be closed by the caller. */
  public EnosHttpClient(Options options) {
    PoolingHttpClientConnectionManager pool = pool(options);
    reuse = new ConnectionReuse(pool);
    Timeout timeout = Timeout.of(options.timeout());
    timer = new ScheduledThreadPoolExecutor(1, new DefaultThreadFactory("fetch-timeouts", true));
    timer.setRemoveOnCancelPolicy(true);
    timer.scheduleWithFixedDelay(
        () -> pool.closeIdle(LONGEST_IDLE), IDLE_SCAN_S, IDLE_SCAN_S, TimeUnit.SECONDS);
    HttpClientBuilder builder =
        HttpClientBuilder.create()
            .setConnectionManager(pool)
            .setDefaultRequestConfig(
                RequestConfig.custom()
                    .setConnectionRequestTimeout(timeout)
                    .setResponseTimeout(timeout)
                    .setProtocolUpgradeEnabled(false)
                    .build())
            .setRequestExecutor(ConnectionReuse.executor())
            .addExecInterceptorFirst("bounds", new CallBounds(options, timer))
            .addExecInterceptorBefore(ChainElement.CONNECT.name(), "reuse", reuse)
            .setDefaultHeaders(
                List.of(
                    new BasicHeader(HttpHeaders.ACCEPT, "application/json"),
                    new BasicHeader(HttpHeaders.ACCEPT_ENCODING, "gzip")))
            // The bounds unpack: HttpClient would do so before the status is known.
            .disableContentCompression()
            .disableAutomaticRetries()
            .disableRedirectHandling()
            .disableCookieManagement()
            .disableAuthCaching()
            .setUserAgent(options.userAgent());
    if (options.proxy() != null) {
      builder
          .setProxy(options.proxy().host())
          .setDefaultCredentialsProvider(options.proxy().credentials());
    }
    http = builder.build();
  }

  public CloseableHttpClient http() {
    return http;
  }

  /**
   * Closes all idle connections, and those in use with the end of their calls: the next calls
   * resolve the gateway's name anew. For the moment in which an outage begins.
   */
  public void closeConnections() {
    reuse.endGeneration();
  }

  @Override
  public void close() throws IOException {
    timer.shutdownNow();
    http.close();
  }

  private static PoolingHttpClientConnectionManager pool(Options options) {
    int connections = options.connections() + SPARE_CONNECTIONS;
    return PoolingHttpClientConnectionManagerBuilder.create()
        .setMaxConnTotal(connections)
        .setMaxConnPerRoute(connections)
        .setTlsSocketStrategy(options.tls())
        .setConnectionFactory(
            ManagedHttpClientConnectionFactory.builder().http1Config(HEADER_BOUNDS).build())
        .setDefaultConnectionConfig(
            ConnectionConfig.custom()
                // Half of the call's time: where the name has a second address, it gets its turn.
                .setConnectTimeout(Timeout.of(options.timeout().dividedBy(2)))
                .setSocketTimeout(Timeout.of(options.timeout()))
                .setValidateAfterInactivity(UNCHECKED_IDLE)
                .setTimeToLive(LONGEST_USE)
                .build())
        .build();
  }
}
