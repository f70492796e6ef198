package io.flowinstance.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** What a process has used, by the kernel's own account. Memory is known on Linux alone. */
record LinuxProcess(ProcessHandle handle) {
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
