package io.flowinstance.simulator;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/** The two versions of the batch API that are in use: where they stand and how they wrap data. */
enum ApiVersion {
  V2_0("/dataflow-batch-service/v2.0", "status", " Success", 0),
  V2_1("/batch-processing-service/v2.1", "code", "OK", 1);

  private final String root;
  private final String codeField;
  private final byte[] okHead;
  private final int firstPage;

  ApiVersion(String root, String codeField, String okMessage, int firstPage) {
    this.root = root;
    this.codeField = codeField;
    this.okHead = utf8("{\"" + codeField + "\":0,\"msg\":\"" + okMessage + "\",\"data\":");
    this.firstPage = firstPage;
  }

  /** The version whose paths begin so. */
  static Optional<ApiVersion> ofPath(String path) {
    return Arrays.stream(values()).filter(v -> path.startsWith(v.root + "/")).findFirst();
  }

  /** What follows the version's root in a path, such as {@code flowInstances}. */
  String resource(String path) {
    return path.substring(root.length() + 1);
  }

  /** The number that a search gives its first page. */
  int firstPage() {
    return firstPage;
  }

  /** Wraps an answer's data, which are JSON. */
  byte[] ok(byte[] data) {
    byte[] body = Arrays.copyOf(okHead, okHead.length + data.length + 1);
    System.arraycopy(data, 0, body, okHead.length, data.length);
    body[body.length - 1] = '}';
    return body;
  }

  byte[] error(int code) {
    return utf8(
        "{\"" + codeField + "\":" + code + ",\"msg\":\"" + message(code) + "\",\"data\":null}");
  }

  private static String message(int code) {
    return switch (code) {
      case 1203 -> "access token expired";
      case 62101 -> "userId does not exist or does not match orgId";
      case 62102 -> "invalid parameter";
      case 62103 -> "user has no privilege";
      case 62105 -> "account locked";
      case 62109 -> "server internal exception";
      default -> "error " + code;
    };
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
