package io.flowinstance;

import static io.flowinstance.SignedPipeline.newId;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.flowinstance.fetch.ApiAvailability;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

class LogTest {
  @Test
  void aLineAboutAnIdNamesItAndTheThreadForgetsIt() throws Exception {
    ListAppender<ILoggingEvent> log = new ListAppender<>();
    log.start();
    Logger logger = (Logger) LoggerFactory.getLogger(ApiAvailability.class);
    logger.addAppender(log);
    try (SignedPipeline pipeline = SignedPipeline.start(Map.of("fetch.concurrency", "1"))) {
      String id = newId();
      pipeline.enos().faults().set(Fault.status(403), FaultScope.ids(id).times(1));

      pipeline.sendAndAwait(id);

      assertEquals(
          List.of(Map.of("instanceId", id)),
          log.list.stream().map(ILoggingEvent::getMDCPropertyMap).toList());
      ExecutorService threads =
          pipeline
              .application()
              .context()
              .getRegistry()
              .lookupByNameAndType("fetch-threads", ExecutorService.class);
      assertEquals(null, threads.submit(() -> MDC.get("instanceId")).get());
    } finally {
      logger.detachAppender(log);
    }
  }
}
