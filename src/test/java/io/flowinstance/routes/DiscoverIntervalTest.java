package io.flowinstance.routes;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;

import io.flowinstance.discover.Watermark;
import java.time.Duration;
import java.time.Instant;
import org.apache.camel.CamelContext;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** When a round of {@code discover} is due though the interval is an hour. */
class DiscoverIntervalTest extends DiscoverRoutes {
  @Override
  String interval() {
    return "3600000";
  }

  @Override
  void bindBeans(CamelContext context) throws Exception {
    Instant threeDaysAgo = Instant.now().minus(Duration.ofDays(3));
    kafka.records(new String(Watermark.write(threeDaysAgo), UTF_8));
    super.bindBeans(context);
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
