package io.flowinstance.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/** The machine that everything is measured on. */
final class Machine {
  private static final Path CPUS = Path.of("/proc/cpuinfo");

  private Machine() {}

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
   * CPU time of all its processors since its start, in ticks: the first line of {@code /proc/stat},
   * see proc(5).
   *
   * @param idle that nobody used, not even to wait for a disk
   */
  record CpuTime(long idle, long all) {
    private static final int IDLE = 3;

    /** What the fields behind these count is in them already. */
    private static final int FIELDS = 8;

    /** Zeros where it is not known. */
    static CpuTime now() {
      try (Stream<String> lines = Files.lines(Path.of("/proc/stat"))) {
        String[] fields = lines.findFirst().orElseThrow().split(" +");
        long[] ticks = Stream.of(fields).skip(1).limit(FIELDS).mapToLong(Long::parseLong).toArray();
        return new CpuTime(ticks[IDLE], LongStream.of(ticks).sum());
      } catch (IOException notLinux) {
        return new CpuTime(0, 0);
      }
    }

    /** The share that nobody used since then; NaN where it is not known. */
    double idleSince(CpuTime before) {
      return (idle - before.idle) / (double) (all - before.all);
    }
  }
}
