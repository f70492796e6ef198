package io.flowinstance.enos;

import java.io.IOException;

/** An answer has more bytes than are read; the rest of it was left unread. */
public final class AnswerTooLargeException extends IOException {
  private static final long serialVersionUID = 1L;

  public AnswerTooLargeException(long limit) {
    super("The answer has more than " + limit + " bytes.");
  }
}
