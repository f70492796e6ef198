package io.flowinstance.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The machine that everything is measured on. */
final class Machine {
  /** USER_HZ, the unit of the kernel's accounts on every architecture that a JDK runs on. */
  static final double TICKS_PER_SECOND = 100;

  private static final Path CPUS = Path.of("/proc/cpuinfo");

  private Machine() {}

  static int processors() {
    return Runtime.getRuntime().availableProcessors();
  }

  /** The name of its processors, where it is known. */
  static String processorName() throws IOException {
    if (Files.exists(CPUS)) {
      for (String line : Files.readAllLines(CPUS)) {
        if (line.startsWith("model name")) {
          return line.substring(line.indexOf(':') + 1).strip();
        }
      }
    }
    return System.getProperty("os.arch");
  }

  /**
   * CPU time that nobody has used so far, of all processors, seconds: the fourth figure of the
   * first line, see proc(5). NaN where it is not known.
   */
  static double idleSeconds() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/stat"))) {
      return Long.parseLong(lines.findFirst().orElseThrow().split(" +")[4]) / TICKS_PER_SECOND;
    } catch (IOException notLinux) {
      return Double.NaN;
    }
  }
}
