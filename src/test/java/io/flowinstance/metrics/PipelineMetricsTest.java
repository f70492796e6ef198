package io.flowinstance.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PipelineMetricsTest {
  private final MeterRegistry registry = new SimpleMeterRegistry();
  private final PipelineMetrics metrics =
      new PipelineMetrics(registry, Set.of("MALFORMED_ID"), Set.of("ok", "passing"));

  @Test
  void everySeriesIsThereBeforeItsFirstIncrement() {
    List<Meter> before = registry.getMeters();

    metrics.deadLetter("MALFORMED_ID");
    metrics.discarded(1);
    metrics.lost(1);
    metrics.messages(1, 2, 3);
    metrics.called("ok", 1);
    metrics.called("passing", 1);

    assertEquals(Set.copyOf(before), Set.copyOf(registry.getMeters()));
    assertEquals(
        3, registry.get("flow.instance.messages").tag("message", "dead_letter").counter().count());
  }
}
