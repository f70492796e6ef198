package io.flowinstance.app;

import static io.flowinstance.harness.SignedPipeline.newId;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.flowinstance.harness.SignedPipeline;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import java.util.List;
import java.util.Map;
import org.apache.camel.component.http.HttpProducer;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class LogTest {
  @Test
  void everyLineAboutAnIdNamesItWhicheverThreadCalls() {
    ListAppender<ILoggingEvent> log = new ListAppender<>();
    log.start();
    Logger logger = (Logger) LoggerFactory.getLogger(HttpProducer.class);
    logger.setLevel(Level.DEBUG);
    logger.addAppender(log);
    try (SignedPipeline pipeline = SignedPipeline.start(Map.of("fetch.concurrency", "1"))) {
      String id = newId();
      pipeline.enos().faults().set(Fault.status(403), FaultScope.ids(id).times(1));

      pipeline.sendAndAwait(id);

      List<ILoggingEvent> ofTheId =
          log.list.stream().filter(line -> line.getFormattedMessage().contains(id)).toList();
      assertFalse(ofTheId.isEmpty());
      for (ILoggingEvent line : ofTheId) {
        assertEquals(Map.of("instanceId", id), line.getMDCPropertyMap());
      }
      for (ILoggingEvent line : log.list) {
        if (line.getThreadName().endsWith("probe")) {
          assertEquals(Map.of(), line.getMDCPropertyMap(), line::getFormattedMessage);
        }
      }
    } finally {
      logger.detachAppender(log);
      logger.setLevel(null);
    }
  }
}
