package io.flowinstance.command;

/**
 * What a check found of one thing.
 *
 * @param verdict whether it is as it should be
 * @param subject what was looked at, a few words
 * @param text what there is, or what to mend
 */
record Finding(Verdict verdict, String subject, String text) {
  /** How it is. */
  enum Verdict {
    OK("ok"),
    MEND("mend"),
    /** It was not looked at, because something before it has to be mended. */
    UNKNOWN("?");

    private final String word;

    Verdict(String word) {
      this.word = word;
    }

    String word() {
      return word;
    }
  }

  static Finding ok(String subject, String text) {
    return new Finding(Verdict.OK, subject, text);
  }

  static Finding mend(String subject, String text) {
    return new Finding(Verdict.MEND, subject, text);
  }

  static Finding unknown(String subject, String text) {
    return new Finding(Verdict.UNKNOWN, subject, text);
  }
}
