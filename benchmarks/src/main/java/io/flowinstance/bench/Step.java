package io.flowinstance.bench;

import java.nio.file.Path;
import java.time.Duration;

/** One thing to measure. */
interface Step {
  /** What {@code bench.only} chooses by, and what the terminal shows. */
  String title();

  /** About how long it takes. */
  Duration length();

  /**
   * Measures, and adds to the results.
   *
   * @param logs where the processes write what they have to say
   * @return what came of it, in half a line
   */
  String perform(TestBed bed, Path logs, Results results) throws InterruptedException;
}
