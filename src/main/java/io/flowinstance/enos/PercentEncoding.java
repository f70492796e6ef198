package io.flowinstance.enos;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;

/** RFC 3986 percent-encoding of one component: no text can end it or add another. */
public final class PercentEncoding {
  private PercentEncoding() {}

  /** Encodes everything but letters, digits and {@code - . _ ~}. */
  public static String encode(String text) {
    if (text.chars().allMatch(PercentEncoding::isUnreserved)) {
      // Nearly every id and organization.
      return text;
    }
    // URLEncoder writes forms: a blank is "+", "*" stays and "~" does not.
    return URLEncoder.encode(text, StandardCharsets.UTF_8)
        .replace("+", "%20")
        .replace("*", "%2A")
        .replace("%7E", "~");
  }

  private static boolean isUnreserved(int c) {
    return c >= 'a' && c <= 'z'
        || c >= 'A' && c <= 'Z'
        || c >= '0' && c <= '9'
        || "-._~".indexOf(c) >= 0;
  }
}
