package io.flowinstance.enos;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Clock;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The one access token of this process. It is fetched when it is first needed, renewed before it
 * expires (10 minutes, or a quarter of a shorter life) and fetched anew when the API refuses it.
 */
public final class AccessTokens {
  private static final long RENEW_AHEAD_MS = 600_000;
  private static final long RENEWAL_PAUSE_MS = 5_000;

  /** A request that another client signed in the same millisecond is "repeated": ask once more. */
  private static final int REPEATED_REQUEST = 1001;

  private static final int MAX_ATTEMPTS = 3;

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
   * An access token.
   *
   * @param text what the API wants to see; a secret
   * @param renewAt when to ask for another, epoch milliseconds
   * @param expiresAt when it ends, epoch milliseconds
   */
  public record Token(String text, long renewAt, long expiresAt) {
    /** Says nothing: a token must not get into a log. */
    @Override
    public String toString() {
      return "Token[hidden]";
    }
  }

  private final String appKey;
  private final String appSecret;
  private final Service service;
  private final Clock clock;
  private final ReentrantLock renewal = new ReentrantLock();
  private volatile Token token;
  private volatile ApiFailure lastFailure;
  private volatile boolean failing;
  private long lastTimestamp;

  public AccessTokens(String appKey, String appSecret, Service service, Clock clock) {
    this.appKey = appKey;
    this.appSecret = appSecret;
    this.service = service;
    this.clock = clock;
  }

  /**
   * A token that is good now. While one thread renews it, the others go on with the old one as long
   * as that is good, and wait otherwise; they share its failure, too, instead of asking one after
   * the other a service that does not answer.
   *
   * @throws ApiFailure the token service gave none
   */
  public Token current() {
    Token known = token;
    ApiFailure knownFailure = lastFailure;
    long now = clock.millis();
    if (known != null && now < known.renewAt) {
      return known;
    }
    if (known != null && now < known.expiresAt) {
      if (!renewal.tryLock()) {
        return known;
      }
    } else {
      renewal.lock();
    }
    try {
      Token latest = token;
      if (latest != known && latest != null && clock.millis() < latest.renewAt) {
        return latest;
      }
      if (lastFailure != knownFailure) {
        throw lastFailure;
      }
      token = latest == null ? get() : renew(latest);
      failing = false;
      return token;
    } catch (ApiFailure e) {
      lastFailure = e;
      failing = true;
      throw e;
    } finally {
      renewal.unlock();
    }
  }

  /** Why there is no token though one was asked for; empty when there is one. */
  public String failure() {
    return failing ? lastFailure.getMessage() : "";
  }

  /** Forgets a token that the API refused, unless it was replaced already. */
  public void refused(Token refusedToken) {
    renewal.lock();
    try {
      if (token != null && token.text.equals(refusedToken.text)) {
        token = null;
      }
    } finally {
      renewal.unlock();
    }
  }

  /** Replaces a token that {@code get} hands out although it is refused. */
  public void renewByRefresh(Token refusedToken) {
    renewal.lock();
    try {
      token = request("refresh", refusedToken.text);
    } finally {
      renewal.unlock();
    }
  }

  private Token renew(Token old) {
    if (clock.millis() >= old.expiresAt) {
      return get();
    }
    try {
      return request("refresh", old.text);
    } catch (ApiFailure refreshFailed) {
      try {
        return get();
      } catch (ApiFailure getFailed) {
        // The old one is still good: no call has to fail because the token service does.
        return new Token(old.text, clock.millis() + RENEWAL_PAUSE_MS, old.expiresAt);
      }
    }
  }

  private Token get() {
    return request("get", null);
  }

  private Token request(String operation, String oldToken) {
    for (int attempt = 1; ; attempt++) {
      try {
        long timestamp = nextTimestamp();
        ObjectNode body = JsonNodeFactory.instance.objectNode().put("appKey", appKey);
        if (oldToken != null) {
          body.put("accessToken", oldToken);
        }
        body.put("encryption", Signature.ofTokenRequest(appKey, timestamp, appSecret))
            .put("timestamp", timestamp);
        return token(service.call(operation, body.toString()));
      } catch (ApiFailure e) {
        if (attempt == MAX_ATTEMPTS || !Integer.valueOf(REPEATED_REQUEST).equals(e.apiCode())) {
          throw e.ofTokenService();
        }
      }
    }
  }

  private Token token(Answer answer) {
    long now = clock.millis();
    JsonNode data = answer.data();
    String text = data.path("accessToken").asText("");
    long life = data.path("expire").asLong(0) * 1000;
    if (text.isEmpty() || life <= 0) {
      throw ApiFailure.of(
          FailureKind.TRANSIENT, "The answer holds no access token.", answer, answer.apiCode());
    }
    return new Token(text, now + life - Math.min(RENEW_AHEAD_MS, life / 4), now + life);
  }

  /** The service takes a timestamp once: two requests never share a millisecond. */
  private long nextTimestamp() {
    lastTimestamp = Math.max(clock.millis(), lastTimestamp + 1);
    return lastTimestamp;
  }
}
