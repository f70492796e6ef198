package io.flowinstance.command;

/**
 * What a check found of one thing.
 *
 * @param verdict whether it can be used
 * @param subject what was checked, a few words
 * @param text what was found, or what to fix
 */
record Finding(Verdict verdict, String subject, String text) {
  /** The word that a line begins with. */
  enum Verdict {
    OK("ok"),
    FIX("fix"),
    /** It was not checked, because something before it must be fixed. */
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

  static Finding fix(String subject, String text) {
    return new Finding(Verdict.FIX, subject, text);
  }

  static Finding unknown(String subject, String text) {
    return new Finding(Verdict.UNKNOWN, subject, text);
  }
}
