package io.flowinstance.routes;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;

import io.flowinstance.app.DiscoverBeans;
import io.flowinstance.config.Settings;
import io.flowinstance.discover.Watermark;
import io.flowinstance.harness.WatermarkKafka;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.camel.CamelContext;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** When a round of {@code discover} is due though the interval is an hour. */
class DiscoverIntervalTest extends RouteTestSupport {
  private final WatermarkKafka kafka = new WatermarkKafka("flow-instance-discover-watermark");

  @Override
  List<String> routes() {
    return List.of("discover", "search-instances");
  }

  @Override
  Settings settings() {
    Map<String, String> settings = new HashMap<>(super.settings().asMap());
    settings.put("discover.enabled", "true");
    settings.put("discover.interval-ms", "3600000");
    settings.put("discover.types", "PERIODIC");
    return Settings.resolve(Map.of(), settings);
  }

  @Override
  void bindBeans(CamelContext context) throws Exception {
    super.bindBeans(context);
    Instant threeDaysAgo = Instant.now().minus(Duration.ofDays(3));
    kafka.records(new String(Watermark.write(threeDaysAgo), UTF_8));
    new DiscoverBeans(settings(), kafka, new SimpleMeterRegistry()).configure(context);
  }

  @BeforeEach
  void findNothing() {
    answer(INSTANCES, 200, "{\"status\":0,\"data\":{\"flowInsts\":[],\"count\":0}}");
  }

  private void awaitRounds(int count) {
    await().atMost(Duration.ofSeconds(20)).until(() -> rounds() == count);
  }

  private int rounds() {
    return kafka.producer().history().size();
  }

  @Test
  void whoeverIsBehindOrTakesOverBeginsAtOnce() {
    // Three of a day each, and one for what has passed meanwhile.
    awaitRounds(4);
    await().during(Duration.ofSeconds(2)).until(() -> rounds() == 4);

    kafka.lose();
    kafka.regain();
    awaitRounds(8);
  }
}
