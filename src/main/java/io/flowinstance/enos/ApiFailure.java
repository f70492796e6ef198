package io.flowinstance.enos;

import io.flowinstance.json.Printable;
import java.io.IOException;
import java.io.Serializable;

/**
 * A call that brought no FlowInstance. The message is one sentence; it holds nothing of the request
 * but the HTTP status and the API's own words.
 */
public final class ApiFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final FailureKind kind;
  private final Said said;
  private final boolean ofTokenService;

  /** What an answer said; null, all of it, where there was none. */
  private record Said(Integer httpStatus, Integer apiCode, String retryAfter, byte[] response)
      implements Serializable {
    private static final Said NOTHING = new Said(null, null, null, null);
  }

  private ApiFailure(
      FailureKind kind, String message, Throwable cause, Said said, boolean ofTokenService) {
    super(Printable.of(String.valueOf(message)), cause);
    this.kind = kind;
    this.said = said;
    this.ofTokenService = ofTokenService;
  }

  static ApiFailure of(FailureKind kind, String message, Answer answer) {
    Said said =
        new Said(answer.httpStatus(), answer.apiCode(), answer.retryAfter(), answer.excerpt());
    return new ApiFailure(kind, answer.redaction().text(message), null, said, false);
  }

  /**
   * What a throwable says about a call: the failure itself, wherever it is wrapped, or a call that
   * broke off before it was answered; null when it is neither.
   */
  public static ApiFailure in(Throwable thrown) {
    FailureKind kind = null;
    Throwable root = thrown;
    for (Throwable t = thrown; t != null; t = t.getCause()) {
      if (t instanceof ApiFailure known) {
        return known;
      }
      if (t instanceof AnswerTooLargeException) {
        kind = FailureKind.UNREADABLE;
      } else if (t instanceof IOException && kind == null) {
        kind = FailureKind.TRANSIENT;
      }
      root = t;
    }
    if (kind == null) {
      return null;
    }
    String message =
        kind == FailureKind.UNREADABLE
            ? root.getMessage()
            : "The call was not answered: %s: %s."
                .formatted(root.getClass().getSimpleName(), root.getMessage());
    return new ApiFailure(kind, message, thrown, Said.NOTHING, false);
  }

  /**
   * The same failure where the token service was asked, which knows no instances. The answer's body
   * is left out: it may hold a token.
   *
   * @param redaction what must not be quoted
   */
  ApiFailure ofTokenService(Redaction redaction) {
    boolean unreadable = kind == FailureKind.UNREADABLE || kind == FailureKind.NOT_UNDERSTOOD;
    return new ApiFailure(
        kind.mayPass() ? kind : FailureKind.ACCESS_DENIED,
        "The token service gave no token. "
            + (unreadable ? "Its answer cannot be read." : redaction.text(getMessage())),
        getCause(),
        new Said(said.httpStatus, said.apiCode, said.retryAfter, null),
        true);
  }

  /** The same failure of an instance that alone fails, while the API serves others. */
  public ApiFailure whileOthersAreServed() {
    return new ApiFailure(
        kind, getMessage() + " It serves other instances.", this, said, ofTokenService);
  }

  /** Whether it was the token service that failed, so that no call for an instance was made. */
  public boolean isOfTokenService() {
    return ofTokenService;
  }

  /** Whether the service spoke about the instance: it serves this user and organization. */
  public boolean isAboutTheInstance() {
    return kind == FailureKind.REJECTED
        || kind == FailureKind.UNREADABLE && Integer.valueOf(0).equals(said.apiCode);
  }

  /** Whether the service does not know the user, or not in this organization. */
  public boolean isUnknownIdentity() {
    return Integer.valueOf(FailureKind.UNKNOWN_IDENTITY).equals(said.apiCode);
  }

  /** Whether the service itself says that it cannot answer now. */
  public boolean isTroubleOfTheService() {
    return said.apiCode != null && FailureKind.ofApiCode(said.apiCode) == FailureKind.TRANSIENT;
  }

  /** What the failure means. */
  public FailureKind kind() {
    return kind;
  }

  /** The HTTP status, or null when there was no answer. */
  public Integer httpStatus() {
    return said.httpStatus;
  }

  /** The code in the answer's envelope, or null when there was none. */
  public Integer apiCode() {
    return said.apiCode;
  }

  /** The Retry-After header as it came, or null. */
  public String retryAfter() {
    return said.retryAfter;
  }

  /** The first 2 KiB of the answer's body, or null. */
  public byte[] response() {
    return said.response == null ? null : said.response.clone();
  }
}
