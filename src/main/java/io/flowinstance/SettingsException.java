package io.flowinstance;

/** The configuration cannot be used; the message says what to mend. */
public final class SettingsException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  SettingsException(String message) {
    super(message);
  }
}
