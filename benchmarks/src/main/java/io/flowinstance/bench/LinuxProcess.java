package io.flowinstance.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;

/** What a process has used, by the kernel's own account. Memory is known on Linux alone. */
record LinuxProcess(ProcessHandle handle) {
  /** USER_HZ, the unit of the kernel's accounts on every architecture that a JDK runs on. */
  private static final double TICKS_PER_SECOND = 100;

  /** CPU time of all its threads so far, seconds. */
  double cpuSeconds() {
    return handle.info().totalCpuDuration().orElse(Duration.ZERO).toMillis() / 1e3;
  }

  /** The most memory that was ever resident, MiB; NaN where it is not known. */
  double peakMib() {
    return status("VmHWM:");
  }

  /** The memory that is resident, MiB; NaN where it is not known. */
  double residentMib() {
    return status("VmRSS:");
  }

  /** CPU time that the JVM's compilers have used so far, seconds; NaN where it is not known. */
  double compilerSeconds() {
    try (Stream<Path> threads = Files.list(Path.of("/proc/" + handle.pid() + "/task"))) {
      return threads.mapToLong(LinuxProcess::compilerTicks).sum() / TICKS_PER_SECOND;
    } catch (IOException notLinuxOrGone) {
      return Double.NaN;
    }
  }

  /** The fields after the name, which may hold blanks, begin with the third, see proc(5). */
  private static long compilerTicks(Path thread) {
    try {
      String stat = Files.readString(thread.resolve("stat"));
      int nameEnd = stat.lastIndexOf(')');
      if (!stat.substring(0, nameEnd).contains(" CompilerThre")) {
        return 0;
      }
      String[] fields = stat.substring(nameEnd + 2).split(" ");
      return Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
    } catch (IOException ended) {
      return 0;
    }
  }

  private double status(String field) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/" + handle.pid() + "/status"))) {
        if (line.startsWith(field)) {
          return Long.parseLong(line.replaceAll("\\D", "")) / 1024.0;
        }
      }
      return Double.NaN;
    } catch (IOException notLinuxOrGone) {
      return Double.NaN;
    }
  }
}
