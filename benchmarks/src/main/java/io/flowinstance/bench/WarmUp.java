package io.flowinstance.bench;

import java.time.Duration;

/**
 * How long a JVM may warm up under load: until its compilers come to rest, within bounds. On few
 * cores that takes a minute, the longer the more code there is.
 *
 * @param atLeast before it is asked whether they rest
 * @param atMost after which it is taken as it is
 */
record WarmUp(Duration atLeast, Duration atMost) {
  private static final Duration LOOK = Duration.ofSeconds(5);

  /** Of a core; the rest is what the odd method that runs rarely takes. */
  private static final double AT_REST = 0.05;

  static WarmUp of(int atLeastSeconds, int atMostSeconds) {
    return new WarmUp(Duration.ofSeconds(atLeastSeconds), Duration.ofSeconds(atMostSeconds));
  }

  /** Returns when it is warm; whether it still runs. */
  boolean of(VariantProcess process) throws InterruptedException {
    long end = System.nanoTime() + atMost.toNanos();
    if (!process.runsFor(atLeast)) {
      return false;
    }
    double before = process.figures().compilerSeconds();
    while (System.nanoTime() < end) {
      if (!process.runsFor(LOOK)) {
        return false;
      }
      double now = process.figures().compilerSeconds();
      if (now - before < AT_REST * LOOK.toSeconds()) {
        return true;
      }
      before = now;
    }
    return true;
  }
}
