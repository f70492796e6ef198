package io.flowinstance.command;

/** Numbers of things in words. */
final class Count {
  private Count() {}

  /** {@code 1 line}, {@code 2 lines}. */
  static String of(long number, String thing) {
    return number + " " + thing + (number == 1 ? "" : "s");
  }
}
