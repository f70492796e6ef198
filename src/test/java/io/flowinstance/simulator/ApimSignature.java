package io.flowinstance.simulator;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/**
 * The gateway's signature scheme, as its documentation gives it.
 *
 * <p>It is written a second time on purpose: had the simulator checked signatures with the code
 * that makes them, a mistake in that code would have gone unseen.
 */
final class ApimSignature {
  private ApimSignature() {}

  /** What an {@code encryption} of a token request must be: 64 lower-case hex digits. */
  static String ofTokenRequest(String appKey, String timestamp, String appSecret) {
    return hex(sha256().digest(utf8(appKey + timestamp + appSecret)));
  }

  /** What an {@code apim-signature} must be: 64 lower-case hex digits. */
  static String ofCall(
      String accessToken,
      List<ApiRequest.Parameter> sortedParameters,
      byte[] body,
      String timestamp,
      String appSecret) {
    StringBuilder query = new StringBuilder();
    sortedParameters.forEach(p -> query.append(p.name()).append(p.value()));
    MessageDigest digest = sha256();
    digest.update(utf8(accessToken + query));
    digest.update(body);
    digest.update(utf8(timestamp + appSecret));
    return hex(digest.digest());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every JDK has SHA-256", e);
    }
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }
}
