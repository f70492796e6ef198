package io.flowinstance.enos;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The one access token of this process. It is fetched when it is first needed, renewed before it
 * expires (10 minutes, or a quarter of a shorter life) and fetched anew when the API refuses it.
 *
 * <p>One thread asks the token service for all. Lifetimes are elapsed time, so that a clock that is
 * set neither ends a token nor keeps an old one; only signatures hold the time of the clock.
 */
public final class AccessTokens {
  private static final long RENEW_AHEAD = TimeUnit.MINUTES.toNanos(10);

  /** How often a token is asked for again while the one at hand is refused, or still good. */
  private static final long RENEWAL_PAUSE = TimeUnit.SECONDS.toNanos(5);

  private static final long FIRST_PAUSE = TimeUnit.MILLISECONDS.toNanos(200);
  private static final long LONGEST_PAUSE = TimeUnit.SECONDS.toNanos(4);
  private static final long LONGEST_LIFE_S = TimeUnit.DAYS.toSeconds(30);

  /** Timestamps run ahead of the clock by a few requests; by more, the clock was set back. */
  private static final long MOST_AHEAD_MS = 1000;

  /** A request that another client signed in the same millisecond is "repeated": ask once more. */
  private static final int REPEATED_REQUEST = 1001;

  private static final int MAX_ATTEMPTS = 3;
  private static final Pattern TOKEN_IN_ANSWER =
      Pattern.compile("\"accessToken\"\\s*:\\s*\"([^\"]+)\"");

  /** Sends one request to the token service. */
  @FunctionalInterface
  public interface Service {
    /**
     * @param operation {@code get} or {@code refresh}
     * @param body the JSON body; holds no secret, but the old token on refresh
     */
    Answer call(String operation, String body);
  }

  /**
   * An access token; its times are those of {@link System#nanoTime()}.
   *
   * @param text what the API wants to see; a secret
   * @param credentials that it was asked for with
   */
  public record Token(
      String text, Credentials credentials, long askedAt, long renewAt, long expiresAt) {
    /** The secret that calls with it are signed with. */
    public String appSecret() {
      return credentials.appSecret();
    }

    /** The same, to be renewed at this time at the latest. */
    private Token until(long time) {
      return new Token(text, credentials, askedAt, time - renewAt < 0 ? time : renewAt, expiresAt);
    }

    /** Says nothing: a token must not get into a log. */
    @Override
    public String toString() {
      return "Token[hidden]";
    }
  }

  /** The key and the secret of the application. */
  record Credentials(String appKey, String appSecret) {
    @Override
    public String toString() {
      return "Credentials[hidden]";
    }
  }

  private final Supplier<String> appKey;
  private final Supplier<String> appSecret;
  private final Service service;
  private final Clock clock;
  private final LongSupplier nanoTime;

  /** Held by the one that asks. */
  private final ReentrantLock asking = new ReentrantLock();

  private volatile Token token;

  /** The last one that the API refused, or null. */
  private Token refused;

  /**
   * Why the last request gave no token, or null; changed, as what follows, by the one that asks.
   */
  private volatile ApiFailure failure;

  private long pause;
  private long askAgainAt;
  private long refreshAgainAt;
  private long lastTimestamp;

  /**
   * @param appKey asked for with each request, for it may change
   * @param appSecret as the key
   * @param clock tells the timestamps of signatures
   * @param nanoTime tells lifetimes, as {@link System#nanoTime()}
   */
  public AccessTokens(
      Supplier<String> appKey,
      Supplier<String> appSecret,
      Service service,
      Clock clock,
      LongSupplier nanoTime) {
    this.appKey = appKey;
    this.appSecret = appSecret;
    this.service = service;
    this.clock = clock;
    this.nanoTime = nanoTime;
    refreshAgainAt = nanoTime.getAsLong();
  }

  /**
   * A token that is good now. While one thread renews it, the others go on with the old one as long
   * as that is good, and wait otherwise; they share its failure, too. A service that failed is
   * asked again after a pause that grows to 4 s; until then its failure stands.
   *
   * @throws ApiFailure the token service gave none
   */
  public Token current() {
    Token known = token;
    if (isFresh(known)) {
      return known;
    }
    ApiFailure before = failure;
    if (!isGood(known)) {
      lock();
    } else if (!asking.tryLock()) {
      return known;
    }
    try {
      known = token;
      if (isFresh(known)) {
        return known;
      }
      if (failure != null && (failure != before || nanoTime.getAsLong() - askAgainAt < 0)) {
        throw failure;
      }
      return ask(known);
    } finally {
      asking.unlock();
    }
  }

  /** Why there is no token though one was asked for; empty when there is one. */
  public String failure() {
    ApiFailure known = failure;
    return known == null ? "" : known.getMessage();
  }

  /** How long a token still lives; negative when it has ended. */
  public Duration lifeOf(Token of) {
    return Duration.ofNanos(of.expiresAt - nanoTime.getAsLong());
  }

  /**
   * Forgets a token that the API refused, unless it was replaced already. The next call of {@link
   * #current} asks by {@code get}. EnOS hands out the refused one again until it expires; while it
   * does, it is asked every 5 s at most.
   */
  public synchronized void refused(Token refusedToken) {
    boolean handedOutAgain = refused != null && refusedToken.text.equals(refused.text);
    if (isCurrent(refusedToken)
        && (!handedOutAgain || nanoTime.getAsLong() - token.askedAt >= RENEWAL_PAUSE)) {
      refused = refusedToken;
      token = null;
    }
  }

  /**
   * Replaces a token that the API refuses by {@code refresh}, once for all callers and every 5 s at
   * most. To be called only when the API refuses the token for everything: a refresh may end it for
   * other processes, too.
   *
   * @return whether {@link #current} gives another token now than the refused one, or may do so
   */
  public boolean renewByRefresh(Token refusedToken) {
    lock();
    try {
      if (isCurrent(refusedToken) && nanoTime.getAsLong() - refreshAgainAt >= 0) {
        refreshAgainAt = nanoTime.getAsLong() + RENEWAL_PAUSE;
        given(request("refresh", refusedToken.text));
      }
    } catch (ApiFailure refreshFailed) {
      if (!refusesUs(refreshFailed)) {
        // The refused one is still there; this says why, until one is asked for again.
        keep(refusedToken, refreshFailed);
      }
    } finally {
      asking.unlock();
    }
    return !isCurrent(refusedToken);
  }

  /** Goes on with a refused token for a while, unless a new one is due anyway. */
  private synchronized void keep(Token refusedToken, ApiFailure refreshFailed) {
    if (isCurrent(refusedToken)) {
      failure = refreshFailed;
      askAgainAt = nanoTime.getAsLong() + RENEWAL_PAUSE;
      token = token.until(askAgainAt);
    }
  }

  private void lock() {
    try {
      asking.lockInterruptibly();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw ApiFailure.in(new InterruptedIOException("interrupted while waiting for a token"))
          .ofTokenService(Redaction.NONE);
    }
  }

  /**
   * Whether a call whose token was refused is to be made once more: at first with the token that
   * {@code get} gives, and then with a refreshed one, if it is refused for everything.
   *
   * @param attempt how many calls were made
   */
  public boolean isWorthAnotherCall(
      Token refusedToken, int attempt, BooleanSupplier isRefusedForAll) {
    return attempt == 1
        || attempt == 2
            && (!isCurrent(refusedToken)
                || isRefusedForAll.getAsBoolean() && renewByRefresh(refusedToken));
  }

  private boolean isCurrent(Token other) {
    Token known = token;
    return known != null && known.text.equals(other.text);
  }

  /** A token of an earlier key or secret is of no use for calls that are signed with these. */
  private boolean isOfToday(Token known) {
    return known.credentials.equals(credentials());
  }

  private Credentials credentials() {
    return new Credentials(appKey.get(), appSecret.get());
  }

  private boolean isFresh(Token known) {
    return known != null && isOfToday(known) && nanoTime.getAsLong() - known.renewAt < 0;
  }

  private boolean isGood(Token known) {
    return known != null && isOfToday(known) && nanoTime.getAsLong() - known.expiresAt < 0;
  }

  private Token ask(Token old) {
    long began = nanoTime.getAsLong();
    try {
      return given(isGood(old) && !isRefused(old) ? renew(old) : get());
    } catch (ApiFailure e) {
      failure = e;
      askAgainAt = began + growPause();
      throw e;
    }
  }

  private long growPause() {
    pause = Math.min(LONGEST_PAUSE, Math.max(FIRST_PAUSE, 2 * pause));
    return pause;
  }

  private boolean isRefused(Token other) {
    return refused != null && refused.text.equals(other.text);
  }

  private synchronized Token given(Token given) {
    token = given;
    failure = null;
    pause = isRefused(given) ? pause : 0;
    return given;
  }

  /** Whether the token service itself says so, and not what answers in its place. */
  private static boolean refusesUs(ApiFailure failure) {
    return !failure.kind().mayPass()
        && failure.apiCode() != null
        && FailureKind.ofApiCode(failure.apiCode()) != null;
  }

  private Token get() {
    try {
      return request("get", null);
    } catch (ApiFailure getFailed) {
      Token last = refused;
      if (refusesUs(getFailed) || !isGood(last)) {
        throw getFailed;
      }
      // It may have been refused for one instance alone, and serve all others.
      long now = nanoTime.getAsLong();
      return new Token(last.text, last.credentials, now, last.expiresAt, last.expiresAt)
          .until(now + growPause());
    }
  }

  private Token renew(Token old) {
    try {
      return request("refresh", old.text);
    } catch (ApiFailure refreshFailed) {
      try {
        return request("get", null);
      } catch (ApiFailure getFailed) {
        // The old one is still good: no call has to fail because the token service does.
        return new Token(old.text, old.credentials, old.askedAt, old.expiresAt, old.expiresAt)
            .until(nanoTime.getAsLong() + RENEWAL_PAUSE);
      }
    }
  }

  private Token request(String operation, String oldToken) {
    for (int attempt = 1; ; attempt++) {
      long timestamp = nextTimestamp();
      Credentials credentials = credentials();
      String key = credentials.appKey();
      String secret = credentials.appSecret();
      String encryption = Signature.ofTokenRequest(key, timestamp, secret);
      ObjectNode body = JsonNodeFactory.instance.objectNode().put("appKey", key);
      if (oldToken != null) {
        body.put("accessToken", oldToken);
      }
      body.put("encryption", encryption).put("timestamp", timestamp);
      Redaction redaction = Redaction.of(secret, encryption, oldToken);
      try {
        long asked = nanoTime.getAsLong();
        Answer answer = service.call(operation, body.toString());
        redaction = Redaction.of(secret, encryption, oldToken, tokenIn(answer));
        return token(answer, credentials, asked);
      } catch (RuntimeException e) {
        ApiFailure failure = ApiFailure.in(e);
        if (failure == null) {
          throw e;
        }
        if (attempt == MAX_ATTEMPTS
            || !Integer.valueOf(REPEATED_REQUEST).equals(failure.apiCode())) {
          throw failure.ofTokenService(redaction);
        }
      }
    }
  }

  private static Token token(Answer answer, Credentials credentials, long asked) {
    JsonNode data = answer.data();
    String text = data.path("accessToken").asText("");
    long life = TimeUnit.SECONDS.toNanos(Math.min(LONGEST_LIFE_S, data.path("expire").asLong(0)));
    if (text.isEmpty() || life <= 0) {
      throw ApiFailure.of(FailureKind.TRANSIENT, "The answer has no access token.", answer);
    }
    long renewAt = asked + life - Math.min(RENEW_AHEAD, life / 4);
    return new Token(text, credentials, asked, renewAt, asked + life);
  }

  /** The token in an answer, be it broken; or null. */
  private static String tokenIn(Answer answer) {
    byte[] body = answer.body().bytes();
    if (body == null) {
      return null;
    }
    Matcher found = TOKEN_IN_ANSWER.matcher(new String(body, StandardCharsets.ISO_8859_1));
    return found.find() ? found.group(1) : null;
  }

  /**
   * The time of the clock, never the same twice: the service takes a timestamp once. After a clock
   * was set back, timestamps follow it; the service may know one of them, and is asked once more.
   */
  private long nextTimestamp() {
    long now = clock.millis();
    boolean setBack = lastTimestamp - now > MOST_AHEAD_MS;
    lastTimestamp = setBack ? now : Math.max(now, lastTimestamp + 1);
    return lastTimestamp;
  }
}
