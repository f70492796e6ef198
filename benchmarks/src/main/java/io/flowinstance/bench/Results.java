package io.flowinstance.bench;

import java.util.ArrayList;
import java.util.List;

/**
 * What was measured so far.
 *
 * @param machine one line about the machine
 * @param loadBefore the machine's load average over the minute before; negative where not known
 * @param quick whether it was the short form
 */
record Results(
    String machine,
    double loadBefore,
    boolean quick,
    List<Throughput> throughputs,
    List<Trickle> trickles,
    List<Start> starts) {

  /**
   * One run of one variant in one cell.
   *
   * @param round runs of the same cell and round stand beside each other in time
   * @param perSecond ids per second
   * @param cpuMs CPU time of the variant per id, milliseconds
   * @param otherCpuMs CPU time of the broker and the API per id, milliseconds
   * @param compilersPercent share of the JVM's compilers in the CPU time of the variant: how cold
   *     it still was; NaN where it is not known
   * @param pausesPercent share of the time that the JVM stood still to collect garbage
   * @param idlePercent share of the machine's CPU time that nobody used; NaN where it is not known
   * @param peakMib most memory that was resident, MiB
   * @param failure why there are no figures, or null
   */
  record Throughput(
      Cell cell,
      Variant variant,
      int round,
      double perSecond,
      double cpuMs,
      double otherCpuMs,
      double compilersPercent,
      double pausesPercent,
      double idlePercent,
      double peakMib,
      String failure) {
    static Throughput failed(Cell cell, Variant variant, int round, String failure) {
      double none = Double.NaN;
      return new Throughput(
          cell, variant, round, none, none, none, none, none, none, none, failure);
    }
  }

  /**
   * The time from an id's record to the last of its messages, beyond the API's own, under an even
   * trickle at the default settings.
   *
   * @param perSecond ids per second
   * @param cold whether its JVM had just been started
   * @param ids how many were measured
   * @param p50 milliseconds, as p95 and p99
   * @param failure why there are no figures, or null
   */
  record Trickle(
      Variant variant,
      ApiLatency latency,
      int perSecond,
      boolean cold,
      int ids,
      double p50,
      double p95,
      double p99,
      String failure) {
    static Trickle failed(
        Variant variant, ApiLatency latency, int perSecond, boolean cold, String failure) {
      double none = Double.NaN;
      return new Trickle(variant, latency, perSecond, cold, 0, none, none, none, failure);
    }
  }

  /**
   * One start of the pipeline.
   *
   * @param archive whether it was given an archive of its classes
   * @param readySeconds from the start of the process until it is ready
   * @param restMib resident memory 5 s later, MiB; NaN where nobody waited for it
   */
  record Start(boolean archive, double readySeconds, double restMib) {}

  static Results none(String machine, double loadBefore, boolean quick) {
    return new Results(
        machine, loadBefore, quick, new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
  }
}
