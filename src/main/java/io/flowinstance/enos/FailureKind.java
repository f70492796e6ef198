package io.flowinstance.enos;

/**
 * How a call failed, by who answered. Only the service, in its envelope and with a code that we
 * know, says anything about an instance. All else comes from the way there, which may be broken for
 * one instance or for all.
 */
public enum FailureKind {
  /** The service will not give this instance: asking again gives the same answer. */
  REJECTED,
  /** The service answered with success, but without a FlowInstance that can be read. */
  UNREADABLE,
  /** May answer differently soon. */
  TRANSIENT,
  /** The gateway limits the rate of calls. */
  RATE_LIMITED,
  /** The access token was refused: a new one may be accepted. */
  ACCESS_TOKEN,
  /** The call was refused, by the gateway or by the service. */
  ACCESS_DENIED,
  /** The answer is not the service's: no JSON, no envelope, or a code that is not known. */
  NOT_UNDERSTOOD;

  /** What a person can do about a call that fails so; empty when it passes by itself. */
  public String remedy() {
    return switch (this) {
      case ACCESS_DENIED, ACCESS_TOKEN ->
          "Check enos.app-key, enos.app-secret, enos.user-id, enos.org-id and enos.base-url, and"
              + " that this address may call the API.";
      case NOT_UNDERSTOOD ->
          "Check enos.base-url and enos.api-version: another server may answer there.";
      case UNREADABLE ->
          "If what answers there is not the API, check enos.base-url and enos.api-version.";
      case RATE_LIMITED ->
          "Set fetch.rate-limit-per-second below the quota of this application, or ask for more.";
      case REJECTED, TRANSIENT -> "";
    };
  }

  /** The service's code for a user that does not exist, or does not match the organization. */
  static final int UNKNOWN_IDENTITY = 62101;

  /**
   * The kind of a non-zero code in an answer's envelope, or null for a code that is not known.
   *
   * @see <a href="https://support.envisioniot.com/docs/batch-processing/en/latest/">EnOS, Common
   *     Error Codes</a>
   */
  static FailureKind ofApiCode(int code) {
    return switch (code) {
      case 62102, 62103, 62104 -> REJECTED;
      case 62105, 62109, 1005 -> TRANSIENT;
      case 1203 -> ACCESS_TOKEN;
      case UNKNOWN_IDENTITY, 1001, 1002, 1003, 1004, 1202, 1204 -> ACCESS_DENIED;
      default -> null;
    };
  }

  /** Whether the same call may succeed a little later, without anybody fixing anything. */
  public boolean mayPass() {
    return this == TRANSIENT || this == RATE_LIMITED;
  }

  /** The kind of an HTTP status; null for 2xx, which says nothing by itself. */
  static FailureKind ofHttpStatus(int status) {
    return switch (status) {
      case 401 -> ACCESS_TOKEN;
      case 408, 425 -> TRANSIENT;
      case 429 -> RATE_LIMITED;
      default -> {
        if (status >= 500) {
          yield TRANSIENT;
        }
        if (status >= 300) {
          yield ACCESS_DENIED;
        }
        yield status >= 200 ? null : NOT_UNDERSTOOD;
      }
    };
  }
}
