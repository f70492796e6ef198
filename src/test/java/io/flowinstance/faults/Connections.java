package io.flowinstance.faults;

import static io.flowinstance.faults.AvailabilityBed.MOST_LINES;
import static io.flowinstance.faults.AvailabilityBed.SAME_PARTITION;
import static io.flowinstance.faults.AvailabilityBed.TIMEOUT;
import static io.flowinstance.faults.AvailabilityBed.p99;

import io.flowinstance.faults.Deployment.Feed;
import io.flowinstance.faults.Deployment.SentId;
import io.flowinstance.harness.FreePort;
import io.flowinstance.simulator.Latency;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Scenarios in which the API is well, and connections to it are not. */
final class Connections {
  private static final int BURSTS = 8;
  private static final int BURST = 100;

  /** The age of the slowest id: its call timed out, and was repeated. */
  private static final Duration SLOWEST = TIMEOUT.plusSeconds(2);

  /**
   * From the failure until nothing waits any more. A call may have begun just before the first one
   * timed out; ids of its partition may wait for it.
   */
  private static final Duration SETTLED =
      SAME_PARTITION ? TIMEOUT.plusSeconds(1) : TIMEOUT.multipliedBy(2).plusSeconds(1);

  private final AvailabilityBed bed;

  Connections(AvailabilityBed bed) {
    this.bed = bed;
  }

  /** The server closes each connection after its answer, unannounced; ids come in bursts. */
  AvailabilityResult closedAfterAnswer() throws InterruptedException {
    AvailabilityResult result = new AvailabilityResult("G closed after answer", "bursts");
    Deployment pipeline = bed.shared("busy");
    int linesBefore = pipeline.log().size();
    long began = System.nanoTime();
    List<SentId> ids = new ArrayList<>();
    bed.enos().closeAfterAnswer(true);
    try {
      for (int burst = 0; burst < BURSTS; burst++) {
        ids.addAll(pipeline.feed(BURST, 100_000, AvailabilityBed::anyPartition).join());
        pipeline.awaitOutcomes(ids, Duration.ofSeconds(10));
      }
    } finally {
      bed.enos().closeAfterAnswer(false);
    }
    long calls = ids.stream().mapToLong(id -> bed.enos().traffic().callsOf(id.id())).sum();
    result.calls(calls);
    result.p99(p99(pipeline, ids));
    result.check(calls == ids.size(), "%d ids cost %d calls", ids.size(), calls);
    checkSlowest(result, pipeline, ids);
    result.checkServed("ids", pipeline, ids);
    result.checkAlwaysReady(pipeline.readinessSince(began));
    result.checkLines(pipeline.log().size() - linesBefore, MOST_LINES);
    return result;
  }

  /** The connections that there are get no answer any more; new ones do. */
  AvailabilityResult frozen() throws InterruptedException {
    AvailabilityResult result = new AvailabilityResult("G frozen connections", "silence");
    Deployment pipeline = bed.shared("busy");
    manyConnections(pipeline);
    int linesBefore = pipeline.log().size();
    bed.enos().freezeConnections();
    // So few that each finds another of the frozen connections in the pool.
    checkOneTimeout(result, pipeline, linesBefore, 10);
    return result;
  }

  /**
   * The gateway moves to another address: the old one forgets its connections and takes no new
   * ones, and the name leads to the new one.
   */
  AvailabilityResult moved() throws InterruptedException, IOException {
    AvailabilityResult result = new AvailabilityResult("G address that moves", "silence");
    int port = FreePort.pick();
    Path hosts = Path.of("target", "hosts-" + port).toAbsolutePath();
    String name = "gateway.test";
    Files.writeString(hosts, "127.0.0.2 " + name + "\n127.0.0.1 localhost\n");
    Map<String, String> environment =
        Map.of(
            "ENOS_BASE_URL", "http://" + name + ":" + port,
            // Only an address of this machine needs no TLS.
            "SECURITY_ALLOW_CLEARTEXT", "true",
            "JAVA_TOOL_OPTIONS", "-Djdk.net.hosts.file=" + hosts);
    NetworkCut moved = new NetworkCut(InetAddress.getByName("127.0.0.3"), port, bed.enos().port());
    try (NetworkCut old =
            new NetworkCut(InetAddress.getByName("127.0.0.2"), port, bed.enos().port());
        Deployment pipeline = bed.prepare(environment).start()) {
      pipeline.awaitServing();
      manyConnections(pipeline);
      int linesBefore = pipeline.log().size();
      Files.writeString(hosts, "127.0.0.3 " + name + "\n127.0.0.1 localhost\n");
      old.stall();
      checkOneTimeout(result, pipeline, linesBefore, 50);
    } finally {
      moved.close();
    }
    return result;
  }

  /** So slow that the calls of a burst need a connection each. */
  private void manyConnections(Deployment pipeline) throws InterruptedException {
    bed.enos().faults().latency(Latency.fixed(Duration.ofMillis(200)));
    pipeline.awaitOutcomes(
        pipeline.feed(100, 100_000, AvailabilityBed::anyPartition).join(), Duration.ofSeconds(20));
    bed.enos().faults().latency(Latency.none());
  }

  private void checkOneTimeout(
      AvailabilityResult result, Deployment pipeline, int linesBefore, int perSecond)
      throws InterruptedException {
    long began = System.nanoTime();
    Feed feed =
        pipeline.feed(
            perSecond * (int) SETTLED.plusSeconds(4).toSeconds(),
            perSecond,
            AvailabilityBed::anyPartition);
    List<SentId> ids = feed.join();
    pipeline.awaitOutcomes(ids, Duration.ofSeconds(30));
    result.p99(p99(pipeline, ids));
    result.deadLetters(ids.stream().filter(pipeline::isDeadLetter).count());
    long[] after =
        pipeline.ages(ids.stream().filter(id -> id.sentAt() - began > SETTLED.toNanos()).toList());
    result.recovered(
        ids.stream()
                .filter(pipeline::hasOutcome)
                .filter(id -> pipeline.outcomes(id).get(0).readAt() - id.sentAt() > 1_000_000_000)
                .mapToLong(id -> pipeline.outcomes(id).get(0).readAt() - began)
                .max()
                .orElse(0)
            / 1e9);
    checkSlowest(result, pipeline, ids);
    result.checkTime(
        after.length > 0 && after[after.length - 1] < 1_000,
        "an id that comes after it was noticed still waits %d ms",
        after.length == 0 ? -1 : after[after.length - 1]);
    result.checkServed("ids", pipeline, ids);
    result.checkLines(pipeline.log().size() - linesBefore, MOST_LINES);
  }

  private static void checkSlowest(
      AvailabilityResult result, Deployment pipeline, List<SentId> ids) {
    long[] ages = pipeline.ages(ids);
    long slowest = ages.length == 0 ? 0 : ages[ages.length - 1];
    result.checkTime(slowest <= SLOWEST.toMillis(), "the slowest id takes %d ms", slowest);
  }
}
