package io.flowinstance.simulator;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/**
 * The simulated token service, for one application.
 *
 * <p>A token request that it refuses gets HTTP 200 and a code in {@code status}: 1001 the same
 * encryption a second time, 1002 unknown appKey, 1003 wrong encryption, 1004 a body or a timestamp
 * that cannot be read, 1202 a parameter missing, 1204 a refresh of a token that does not live.
 */
public final class Tokens {
  /** What the service thinks of a token. */
  enum Standing {
    VALID,
    EXPIRED,
    /** The API refuses it; the token service does not know that. */
    REVOKED,
    UNKNOWN
  }

  private static final ObjectMapper JSON = new ObjectMapper();

  private final Map<String, Long> expiryNanosByToken = new HashMap<>();
  private final Set<String> seenEncryptions = new HashSet<>();
  private String appKey = "simulator-key";
  private String appSecret = "simulator-secret";
  private Duration life = Duration.ofSeconds(7200);
  private final Set<String> revoked = new HashSet<>();
  private boolean refreshEndsOldToken;
  private int refusal;
  private String current;

  Tokens() {}

  /** Sets the one application that gets tokens; every token given so far is forgotten. */
  public synchronized void application(String appKey, String appSecret) {
    this.appKey = appKey;
    this.appSecret = appSecret;
    expiryNanosByToken.clear();
    current = null;
  }

  public synchronized String appKey() {
    return appKey;
  }

  public synchronized String appSecret() {
    return appSecret;
  }

  /** How long a token lives that is given from now on; two hours unless set. */
  public synchronized void life(Duration life) {
    this.life = life;
  }

  /** Whether a refresh ends the old token at once. Undocumented; off unless set. */
  public synchronized void refreshEndsOldToken(boolean ends) {
    refreshEndsOldToken = ends;
  }

  /** Answers every token request with this code, until called with 0. */
  public synchronized void refuse(int code) {
    refusal = code;
  }

  /** Ends the life of every token that was given. */
  public synchronized void expireAll() {
    long now = System.nanoTime();
    expiryNanosByToken.replaceAll((token, expiry) -> now);
  }

  /**
   * Makes the API refuse every token given so far. The token service knows nothing of it: a get
   * still hands the refused token out until it expires, a refresh gives a new one.
   */
  public synchronized void revokeAll() {
    revoked.addAll(expiryNanosByToken.keySet());
  }

  synchronized Standing standing(String token) {
    if (!expiryNanosByToken.containsKey(token)) {
      return Standing.UNKNOWN;
    }
    if (revoked.contains(token)) {
      return Standing.REVOKED;
    }
    return lives(token) ? Standing.VALID : Standing.EXPIRED;
  }

  private boolean lives(String token) {
    Long expiry = expiryNanosByToken.get(token);
    return expiry != null && expiry - System.nanoTime() > 0;
  }

  /** Answers a token/get. */
  byte[] get(byte[] body) {
    return answer(body, false);
  }

  /** Answers a token/refresh. */
  byte[] refresh(byte[] body) {
    return answer(body, true);
  }

  private synchronized byte[] answer(byte[] body, boolean refresh) {
    if (refusal != 0) {
      return error(refusal, "refused");
    }
    JsonNode request;
    try {
      request = JSON.readTree(body);
    } catch (IOException e) {
      return error(1004, "invalid parameter");
    }
    String key = request.path("appKey").asText("");
    String encryption = request.path("encryption").asText("");
    // Documented as a number, sent as text by the vendor's own SDK: the service takes both.
    String timestamp = request.path("timestamp").asText("");
    String oldToken = request.path("accessToken").asText("");
    if (key.isBlank()
        || encryption.isBlank()
        || timestamp.isBlank()
        || (refresh && oldToken.isBlank())) {
      return error(1202, "parameter empty");
    }
    if (!timestamp.matches("\\d{1,18}")) {
      return error(1004, "invalid parameter");
    }
    if (!key.equals(appKey)) {
      return error(1002, "appKey does not exist");
    }
    if (!encryption.equals(ApimSignature.ofTokenRequest(appKey, timestamp, appSecret))) {
      return error(1003, "encryption invalid");
    }
    if (!seenEncryptions.add(encryption)) {
      return error(1001, "repeated request");
    }
    if (!refresh) {
      return given();
    }
    if (!lives(oldToken)) {
      return error(1204, "refresh failed");
    }
    if (refreshEndsOldToken) {
      expiryNanosByToken.put(oldToken, System.nanoTime());
    }
    current = null;
    return given();
  }

  /** The token that still lives, with what is left of its life; else a new one. */
  private byte[] given() {
    if (current == null || !lives(current)) {
      current = UUID.randomUUID().toString();
      expiryNanosByToken.put(current, System.nanoTime() + life.toNanos());
    }
    // Rounded up, so that a life of 7200 s does not begin at 7199.
    long leftNanos = expiryNanosByToken.get(current) - System.nanoTime();
    long leftSeconds = Math.max(0, Math.round(Math.ceil(leftNanos / 1e9)));
    ObjectNode answer = envelope(0, "SUCCESS");
    answer.putObject("data").put("accessToken", current).put("expire", leftSeconds);
    return bytes(answer);
  }

  private static byte[] error(int code, String message) {
    return bytes(envelope(code, message).putNull("data"));
  }

  private static ObjectNode envelope(int code, String message) {
    return JSON.createObjectNode()
        .put("status", code)
        .put("msg", message)
        .put("business", "apim-token-service");
  }

  private static byte[] bytes(ObjectNode answer) {
    try {
      return JSON.writeValueAsBytes(answer);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A JSON tree can be written", e);
    }
  }
}
