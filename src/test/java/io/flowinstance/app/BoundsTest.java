package io.flowinstance.app;

import static io.flowinstance.harness.SignedPipeline.DEAD_LETTERS;
import static io.flowinstance.harness.SignedPipeline.FLOW_INSTANCES;
import static io.flowinstance.harness.SignedPipeline.awaitThat;
import static io.flowinstance.harness.SignedPipeline.header;
import static io.flowinstance.harness.SignedPipeline.newId;
import static io.flowinstance.harness.SignedPipeline.newIds;
import static java.util.stream.Collectors.toSet;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.flowinstance.harness.SignedPipeline;
import io.flowinstance.simulator.EnosSimulator;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whatever the API sends, and however many ids come: bytes, time, calls and their rate have bounds.
 */
class BoundsTest {
  private static final int MAX_BYTES = 256 * 1024;

  static Stream<Named<Fault>> tooLarge() {
    return Stream.of(
        Named.of("without an end", Fault.endlessBody()),
        Named.of("10 MB by its Content-Length", Fault.hugeBody(10_000_000)));
  }

  @ParameterizedTest
  @MethodSource("tooLarge")
  void anAnswerThatIsTooLargeIsCutOffAndADeadLetter(Fault fault) {
    List<String> bad = newIds(8);
    String good = newId();
    try (SignedPipeline pipeline =
        SignedPipeline.start(Map.of("fetch.max-response-bytes", String.valueOf(MAX_BYTES)))) {
      pipeline.warmUp();
      pipeline.enos().faults().set(fault, FaultScope.ids(bad.toArray(String[]::new)));
      long allocated = allocatedByFetches();
      bad.forEach(pipeline::send);
      pipeline.sendAndAwait(good);

      pipeline.assertServedOnce(List.of(good));
      for (String id : bad) {
        ProducerRecord<byte[], byte[]> deadLetter = pipeline.deadLetters(id).get(0);
        assertEquals("UNREADABLE_RESPONSE", header(deadLetter, "dead-letter-reason"));
        assertEquals(
            "The answer has more than 262144 bytes.", header(deadLetter, "dead-letter-message"));
        assertEquals(1, pipeline.enos().traffic().callsOf(id));
      }
      assertEquals(bad.size(), pipeline.published(DEAD_LETTERS).size());
      // A write to a client that reads no more, but has not cut the connection, never ends.
      awaitThat("every connection is cut", () -> pipeline.enos().traffic().inFlight() == 0);
      long bytes = allocatedByFetches() - allocated;
      // Room for the copies that a growing buffer makes.
      assertTrue(bytes < 10L * bad.size() * MAX_BYTES, bytes + " bytes of heap were taken");
    }
  }

  /** Bytes that the threads of the fetches took from the heap since they began. */
  private static long allocatedByFetches() {
    long[] fetches =
        Thread.getAllStackTraces().keySet().stream()
            .filter(thread -> thread.getName().endsWith("- fetch"))
            .mapToLong(Thread::getId)
            .toArray();
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    return LongStream.of(threads.getThreadAllocatedBytes(fetches)).sum();
  }

  @Test
  void anAnswerThatTricklesIsATimeout() {
    String id = newId();
    try (SignedPipeline pipeline =
        SignedPipeline.start(Map.of("fetch.timeout-ms", "400", "fetch.retry-budget-ms", "300"))) {
      pipeline.warmUp();
      pipeline.enos().faults().set(Fault.tricklingBody(Duration.ofMillis(20)), FaultScope.ids(id));

      pipeline.sendAndAwait(id);

      ProducerRecord<byte[], byte[]> deadLetter = pipeline.deadLetters(id).get(0);
      assertEquals("RETRIES_EXHAUSTED", header(deadLetter, "dead-letter-reason"));
      assertTrue(
          header(deadLetter, "dead-letter-message").contains("no whole answer within 400 ms"),
          header(deadLetter, "dead-letter-message"));
      assertEquals("2", header(deadLetter, "dead-letter-attempts"));
      assertEquals(2, pipeline.enos().traffic().callsOf(id));
      long[] times = pipeline.enos().traffic().callTimesOf(id);
      long first = (times[1] - times[0]) / 1_000_000;
      assertTrue(first >= 399 && first < 800, first + " ms");
      awaitThat("both connections are cut", () -> pipeline.enos().traffic().inFlight() == 0);
    }
  }

  @Test
  void asManyCallsAreInFlightAsTheConcurrencySaysOnConnectionsThatAreKept() {
    List<String> ids = newIds(30 * 7);
    // No call gets its answer before seven are in flight.
    CyclicBarrier sevenInFlight = new CyclicBarrier(7);
    try (SignedPipeline pipeline =
        SignedPipeline.start(
            Map.of(
                "fetch.concurrency",
                "7",
                "batch.max-records",
                "70",
                "batch.max-wait-ms",
                "5000"))) {
      pipeline
          .enos()
          .faults()
          .latency(
              () -> {
                try {
                  return sevenInFlight.await() * 0L;
                } catch (InterruptedException | BrokenBarrierException e) {
                  throw new IllegalStateException(e);
                }
              });
      pipeline.sendAndAwait(ids.toArray(String[]::new));

      pipeline.assertServedOnce(ids);
      assertEquals(ids.size(), pipeline.enos().traffic().calls());
      assertEquals(7, pipeline.enos().traffic().maxInFlight());
      assertTrue(
          pipeline.enos().connectionsMade() <= 7,
          pipeline.enos().connectionsMade() + " connections");
    }
  }

  @Test
  void noTwoSecondsHoldMoreCallsThanTheLimitNorMuchFewer() {
    try (SignedPipeline pipeline =
        SignedPipeline.start(Map.of("fetch.rate-limit-per-second", "50"))) {
      pipeline.serve(10);
      String wrong = wrongRate(pipeline);
      // A machine that stands still lets calls that left evenly arrive together; a limit that does
      // not hold is wrong each time.
      for (int again = 0; !wrong.isEmpty() && again < 2; again++) {
        wrong = wrongRate(pipeline);
      }
      assertEquals("", wrong);
    }
  }

  /** What is wrong with the times of 150 calls under a limit of 50 per second; or nothing. */
  private static String wrongRate(SignedPipeline pipeline) {
    pipeline.enos().traffic().clear();
    List<String> ids = newIds(150);
    pipeline.sendAndAwait(ids.toArray(String[]::new));

    pipeline.assertServedOnce(ids);
    long[] times = pipeline.enos().traffic().callTimes();
    assertEquals(ids.size(), times.length);
    Arrays.sort(times);
    // Not one second: a machine that stands still for 50 ms lets calls that left evenly arrive
    // together.
    for (int i = 0; i + 100 < times.length; i++) {
      if (times[i + 100] - times[i] < 2000) {
        return "101 calls within two seconds from the call " + i + " on";
      }
    }
    double perSecond = 1000.0 * (times.length - 1) / (times[times.length - 1] - times[0]);
    return perSecond >= 0.9 * 50 ? "" : perSecond + " calls per second";
  }

  @Test
  void theSameIdSeveralTimesInABatchCostsOneCallAndHasEachItsOutcome() {
    String id = newId();
    try (SignedPipeline pipeline = SignedPipeline.start(Map.of(), Collections.nCopies(4, id))) {
      pipeline.awaitDone(3);

      assertEquals(1, pipeline.enos().traffic().callsOf(id));
      assertEquals(8, pipeline.kafka().published().size());
      assertEquals(
          Stream.of(0, 1, 2, 3).map(offset -> "flow-instance-ids-0-" + offset).toList(),
          pipeline.published(FLOW_INSTANCES).stream().map(m -> header(m, "ce_id")).toList());
      assertEquals(
          8,
          pipeline.kafka().published().stream()
              .map(m -> header(m, "ce_id"))
              .collect(toSet())
              .size());
    }
  }

  @Test
  void aRedirectIsNotFollowed() {
    String id = newId();
    try (EnosSimulator elsewhere = EnosSimulator.start();
        SignedPipeline pipeline = SignedPipeline.start(Map.of())) {
      pipeline
          .enos()
          .faults()
          .set(
              Fault.redirect(
                  elsewhere.baseUrl()
                      + "/dataflow-batch-service/v2.0/flowInstances?action=get&userId=u&orgId=o"
                      + "&flowInstId="
                      + id),
              FaultScope.ids(id).times(1));

      pipeline.sendAndAwait(id);

      pipeline.assertServedOnce(List.of(id));
      assertEquals(2, pipeline.enos().traffic().callsOf(id));
      assertEquals(0, pipeline.outages());
      assertEquals(0, elsewhere.connectionsMade());
    }
  }
}
