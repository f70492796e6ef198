package io.flowinstance.faults;

import static io.flowinstance.faults.AvailabilityBed.p99;

import io.flowinstance.faults.Deployment.Feed;
import io.flowinstance.faults.Deployment.SentId;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Scenarios in which the calls of some ids take long, and all others are served at once. */
final class SlowIds {
  private static final int PER_SECOND = 100;
  private static final Duration SLOW = Duration.ofSeconds(9);
  private static final int PAIRS = 3;

  private final AvailabilityBed bed;

  SlowIds(AvailabilityBed bed) {
    this.bed = bed;
  }

  /**
   * Six ids, one in each partition, whose calls take 9 s, and six more when they are done, among
   * 100 ids per second: the same traffic beside it, in another pipeline, has none.
   *
   * @param length of each of three runs
   */
  AvailabilityResult six(Duration length) throws InterruptedException {
    AvailabilityResult result = new AvailabilityResult("G six slow ids", "9 s");
    Map<String, String> settings = Map.of("FETCH_TIMEOUT_MS", "10000");
    List<Long> differences = new ArrayList<>();
    List<Long> others = new ArrayList<>();
    try (Deployment slow = bed.prepare(settings).start();
        Deployment control = bed.prepare(settings).start()) {
      slow.warmUp();
      control.warmUp();
      for (int i = 0; i < PAIRS; i++) {
        pair(result, slow, control, length, others, differences);
      }
    }
    result.p99Without(median(others));
    result.p99(median(others) + median(differences));
    result.check(
        median(differences) <= Math.max(25, median(others) / 5),
        "the p99 of the others is %s ms more than without",
        differences);
    return result;
  }

  private void pair(
      AvailabilityResult result,
      Deployment slow,
      Deployment control,
      Duration length,
      List<Long> others,
      List<Long> differences)
      throws InterruptedException {
    Set<String> ids = ConcurrentHashMap.newKeySet();
    bed.enos()
        .faults()
        .set(
            Fault.late(SLOW),
            FaultScope.all()
                .where(call -> call.parameter("flowInstId").filter(ids::contains).isPresent()));
    long end = System.nanoTime() + length.toNanos();
    Feed feed =
        slow.feedUntil(
            () -> System.nanoTime() - end > 0, PER_SECOND, AvailabilityBed::anyPartition);
    Feed controlFeed =
        control.feedUntil(
            () -> System.nanoTime() - end > 0, PER_SECOND, AvailabilityBed::anyPartition);
    List<SentId> sent = new ArrayList<>();
    while (System.nanoTime() - end + SLOW.toNanos() < 0) {
      List<SentId> round = new ArrayList<>();
      for (int i = 0; i < Topics.PARTITIONS; i++) {
        String id = Deployment.newId();
        ids.add(id);
        round.add(slow.send(id, i));
      }
      slow.awaitOutcomes(round, Duration.ofSeconds(15));
      sent.addAll(round);
    }
    List<SentId> good = feed.join();
    List<SentId> beside = controlFeed.join();
    slow.awaitOutcomes(good, Duration.ofSeconds(10));
    control.awaitOutcomes(beside, Duration.ofSeconds(10));
    result.checkServed("good ids", slow, good);
    result.checkServed("slow ids", slow, sent);
    long without = p99(control, beside);
    others.add(without);
    differences.add(p99(slow, good) - without);
  }

  private static long median(List<Long> values) {
    return values.stream().sorted().skip(values.size() / 2).findFirst().orElseThrow();
  }
}
