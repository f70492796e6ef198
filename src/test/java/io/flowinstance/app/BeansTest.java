package io.flowinstance.app;

import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.camel.CamelContext;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.Test;

class BeansTest {
  @Test
  void aLookThatFailsIsNotTheLast() throws Exception {
    AtomicInteger looks = new AtomicInteger();
    CamelContext context = new DefaultCamelContext();
    context.start();
    try {
      Beans.look(
          context,
          "look",
          () -> {
            if (looks.incrementAndGet() == 1) {
              throw new OutOfMemoryError("On purpose.");
            }
          },
          1);

      await().atMost(Duration.ofSeconds(10)).until(() -> looks.get() > 1);
    } finally {
      context.stop();
    }
  }
}
