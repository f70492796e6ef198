package io.flowinstance.enos;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.SortedMap;

/** The documented v2 signing scheme of the EnOS API gateway. All hashes are lowercase hex. */
public final class Signature {
  private Signature() {}

  /**
   * Signs one call: SHA-256 of the token, every query parameter as name and decoded value in ASCII
   * order of the names, the body, the timestamp and the secret, all joined without separators.
   *
   * @param body the JSON body as sent, or an empty text
   * @param timestamp epoch milliseconds, the same as in the header {@code apim-timestamp}
   */
  public static String ofCall(
      String accessToken,
      SortedMap<String, String> parameters,
      String body,
      long timestamp,
      String appSecret) {
    StringBuilder text = new StringBuilder(accessToken);
    parameters.forEach((name, value) -> text.append(name).append(value));
    return sha256(text.append(body).append(timestamp).append(appSecret));
  }

  /**
   * The {@code encryption} field of a token request.
   *
   * @param timestamp epoch milliseconds, the same as in the request
   */
  public static String ofTokenRequest(String appKey, long timestamp, String appSecret) {
    return sha256(new StringBuilder(appKey).append(timestamp).append(appSecret));
  }

  private static String sha256(CharSequence text) {
    try {
      return HexFormat.of()
          .formatHex(
              MessageDigest.getInstance("SHA-256")
                  .digest(text.toString().getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
