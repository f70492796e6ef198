package io.flowinstance.app;

import static io.flowinstance.harness.SignedPipeline.newId;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.joran.spi.JoranException;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.flowinstance.harness.SignedPipeline;
import io.flowinstance.json.Printable;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.apache.camel.component.http.HttpProducer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

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

  @ParameterizedTest
  @ValueSource(strings = {"logback.xml", "logback-command.xml"})
  void aLineShowsWhatATerminalWouldObeyAndNothingThatIsSaidBeginsOne(String file) throws Exception {
    String line = line(file, "text");

    assertTrue(line.contains("It said a\uFFFD]52;b\uFFFD\uFFFDc\uFFFDd\uFFFDe.\n"), line);
    assertTrue(line.contains("IllegalStateException: a\uFFFD]52;b\uFFFDc\uFFFDd\n\tat "), line);
    assertTrue(line.contains("\nCaused by: java.io.IOException: e\uFFFDf\n"), line);
  }

  @Test
  void aLineOfJsonEscapesWhatATerminalWouldObey() throws Exception {
    String line = line("logback.xml", "json");

    assertEquals(line.length() - 1, line.indexOf('\n'));
    assertTrue(line.contains("d\\u2028e."), line);
    assertEquals(line.strip(), Printable.of(line.strip()));
    assertEquals(
        "It said a\u001b]52;b\r\nc\u202ed\u2028e.",
        new ObjectMapper().readTree(line).get("formattedMessage").textValue());
  }

  private static String line(String file, String appender) throws JoranException {
    LoggerContext context = new LoggerContext();
    context.setMDCAdapter(MDC.getMDCAdapter());
    context.putProperty("LOG_FORMAT", appender);
    JoranConfigurator configurator = new JoranConfigurator();
    configurator.setContext(context);
    configurator.doConfigure("src/main/resources/" + file);
    ConsoleAppender<ILoggingEvent> console =
        (ConsoleAppender<ILoggingEvent>)
            context.getLogger(Logger.ROOT_LOGGER_NAME).iteratorForAppenders().next();
    byte[] line =
        console
            .getEncoder()
            .encode(
                new LoggingEvent(
                    "test",
                    context.getLogger("test"),
                    Level.WARN,
                    "It said {}.",
                    new IllegalStateException("a\u001b]52;b\u2028c\nd", new IOException("e\nf")),
                    new Object[] {"a\u001b]52;b\r\nc\u202ed\u2028e"}));
    context.stop();
    return new String(line, UTF_8);
  }
}
