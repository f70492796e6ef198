package io.flowinstance.enos;

import java.io.IOException;

/** What a failed call means for the id that was asked for. */
public enum FailureKind {
  /** The API answered about this id: asking again gives the same. */
  REJECTED,
  /** A 2xx answer that is no FlowInstance: asking again gives the same. */
  UNREADABLE,
  /** May answer differently soon. */
  PASSING,
  /** The access token was not accepted: a new one may be. */
  TOKEN,
  /** The API refuses us, not this id: somebody has to mend the credentials or the address. */
  REFUSED;

  /**
   * The kind of a non-zero code in an answer's envelope, or null for a code that is not known.
   *
   * @see <a href="https://support.envisioniot.com/docs/batch-processing/en/latest/">EnOS, Common
   *     Error Codes</a>
   */
  static FailureKind ofApiCode(int code) {
    return switch (code) {
      case 62101, 62102, 62103, 62104 -> REJECTED;
      case 62105, 62109, 1005 -> PASSING;
      case 1203 -> TOKEN;
      case 1001, 1002, 1003, 1004, 1202, 1204 -> REFUSED;
      default -> null;
    };
  }

  /** The kind of an HTTP status; null for 2xx, which says nothing by itself. */
  static FailureKind ofHttpStatus(int status) {
    return switch (status) {
      case 401 -> TOKEN;
      case 403 -> REFUSED;
      case 408, 425, 429 -> PASSING;
      default -> {
        if (status >= 500) {
          yield PASSING;
        }
        if (status >= 400) {
          yield REJECTED;
        }
        // A redirect is not followed and depends on no id: the base URL is wrong.
        yield status >= 300 ? REFUSED : status >= 200 ? null : UNREADABLE;
      }
    };
  }

  /** The kind of what went wrong before there was an answer; null for what no network does. */
  static FailureKind ofException(Throwable cause) {
    FailureKind kind = null;
    for (Throwable t = cause; t != null; t = t.getCause()) {
      if (t instanceof AnswerTooLargeException) {
        return UNREADABLE;
      }
      if (t instanceof IOException) {
        kind = PASSING;
      }
    }
    return kind;
  }
}
