package io.flowinstance.routes;

import io.flowinstance.app.DiscoverBeans;
import io.flowinstance.config.Settings;
import io.flowinstance.harness.WatermarkKafka;
import io.flowinstance.metrics.PipelineMetrics;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.camel.CamelContext;

/** Runs {@code discover}, with mocks in the place of Kafka. */
abstract class DiscoverRoutes extends RouteTestSupport {
  final WatermarkKafka kafka = new WatermarkKafka("flow-instance-discover-watermark");
  final MeterRegistry meters = new SimpleMeterRegistry();

  /** The setting {@code discover.interval-ms}. */
  abstract String interval();

  @Override
  List<String> routes() {
    return List.of("discover", "search-instances");
  }

  @Override
  Settings settings() {
    Map<String, String> settings = new HashMap<>(super.settings().asMap());
    settings.put("discover.enabled", "true");
    settings.put("discover.interval-ms", interval());
    settings.put("discover.types", "PERIODIC");
    return Settings.resolve(Map.of(), settings);
  }

  @Override
  void bindBeans(CamelContext context) throws Exception {
    super.bindBeans(context);
    PipelineMetrics metrics = new PipelineMetrics(meters, Set.of(), Set.of());
    new DiscoverBeans(settings(), kafka, metrics).configure(context);
  }
}
