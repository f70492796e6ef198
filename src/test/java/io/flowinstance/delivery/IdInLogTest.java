package io.flowinstance.delivery;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.trace.Traces;
import java.util.List;
import org.apache.camel.Exchange;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.DefaultExchange;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.slf4j.MDC;

class IdInLogTest {
  private final IdInLog idInLog = new IdInLog();

  @AfterEach
  void clear() {
    MDC.clear();
  }

  private static Exchange exchange(String instanceId, int number) {
    Lane lane = new Lane(number, 0, new MockConsumer<>(OffsetResetStrategy.EARLIEST), null, null);
    IdRecord idRecord =
        new IdRecord(
            new TopicPartition("ids", 0),
            0,
            0,
            null,
            null,
            new RecordHeaders(),
            new RecordOrigin(lane, lane.inHand(), 0),
            Traces.off().process("ids", 0, 0, name -> null));
    Exchange exchange = new DefaultExchange(new DefaultCamelContext());
    exchange
        .getMessage()
        .setBody(
            instanceId == null
                ? new IdGroup(null, null, List.of(idRecord))
                : new IdGroup(new InstanceQuery(instanceId, "u", "o"), null, List.of(idRecord)));
    return exchange;
  }

  @Test
  void namesInstanceAndLaneUntilTheIdIsDone() {
    Exchange exchange = exchange("7-1", 1);

    idInLog.onExchangeBegin(null, exchange);
    assertEquals("7-1", MDC.get("instanceId"));
    assertEquals("1", MDC.get("lane"));

    idInLog.onExchangeDone(null, exchange);
    assertNull(MDC.get("instanceId"));
    assertNull(MDC.get("lane"));
  }

  @Test
  void leavesTheNextIdNothingOfTheOneBefore() {
    idInLog.onExchangeBegin(null, exchange("7-1", 1));

    idInLog.onExchangeBegin(null, exchange(null, 0));

    assertNull(MDC.get("instanceId"));
    assertEquals("0", MDC.get("lane"));
  }
}
