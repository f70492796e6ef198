package io.flowinstance.kafka;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.UnsupportedCallbackException;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.config.SaslConfigs;
import org.apache.kafka.common.security.auth.AuthenticateCallbackHandler;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerTokenCallback;

/**
 * Gets tokens for OAUTHBEARER as Kafka's own handler does. Why there is none is said without the
 * endpoint's answer, which Kafka's handler quotes, tokens included.
 */
public final class TokenLogin implements AuthenticateCallbackHandler {
  private static final Pattern STATUS = Pattern.compile("response code (\\d{3})");

  private static final int ANSWER_MS = 5_000;
  private static final int RETRIES_MS = 100;

  private final AuthenticateCallbackHandler kafkas = new OAuthBearerLoginCallbackHandler();

  /** Lets a client log in so. */
  static void configure(Map<String, Object> client) {
    // Kafka's default makes tokens of its own, without a signature.
    client.put(SaslConfigs.SASL_LOGIN_CALLBACK_HANDLER_CLASS, TokenLogin.class.getName());
    // Whoever makes a client waits for its token, and tries again by itself.
    client.put(SaslConfigs.SASL_LOGIN_CONNECT_TIMEOUT_MS, ANSWER_MS);
    client.put(SaslConfigs.SASL_LOGIN_READ_TIMEOUT_MS, ANSWER_MS);
    client.put(SaslConfigs.SASL_LOGIN_RETRY_BACKOFF_MAX_MS, RETRIES_MS);
    // Without it, Kafka 3.9 asks any address (CVE-2025-27817).
    System.setProperty(
        "org.apache.kafka.sasl.oauthbearer.allowed.urls",
        (String) client.get(SaslConfigs.SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL));
  }

  @Override
  public void configure(
      Map<String, ?> configs, String mechanism, List<AppConfigurationEntry> login) {
    kafkas.configure(configs, mechanism, login);
  }

  @Override
  public void handle(Callback[] callbacks) throws UnsupportedCallbackException {
    String fault = "gives no JWT: use one that does.";
    try {
      kafkas.handle(callbacks);
    } catch (IOException | RuntimeException e) {
      fault = fault(e);
    }
    for (Callback callback : callbacks) {
      if (callback instanceof OAuthBearerTokenCallback token && token.token() == null) {
        token.error("no_token", "kafka.security.oauth-token-endpoint " + fault, null);
      }
    }
  }

  private static String fault(Exception failure) {
    Throwable root = KafkaFaults.root(failure);
    Matcher status = STATUS.matcher(String.valueOf(root.getMessage()));
    return status.find()
        ? "answers %s: check kafka.security.oauth-client-id, its secret and the scope."
            .formatted(status.group(1))
        : "cannot be used (%s): check that it is reachable and trusted, and gives tokens as JSON."
            .formatted(root.getClass().getSimpleName());
  }

  @Override
  public void close() {
    kafkas.close();
  }
}
