package io.flowinstance.engines;

import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.sink.SinkConnector;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;

/** A sink that keeps what Connect gives it, in this process. */
public final class CollectingSink extends SinkConnector {
  private static final Map<String, List<SinkRecord>> RECORDS = new ConcurrentHashMap<>();
  private static final String CONNECTOR = "name";

  private Map<String, String> properties = Map.of();

  /** The records that the connector of this name has been given so far. */
  static List<SinkRecord> recordsOf(String connector) {
    return Collections.unmodifiableList(kept(connector));
  }

  private static List<SinkRecord> kept(String connector) {
    return RECORDS.computeIfAbsent(connector, name -> new CopyOnWriteArrayList<>());
  }

  @Override
  public void start(Map<String, String> connectorProperties) {
    properties = Map.copyOf(connectorProperties);
  }

  @Override
  public Class<? extends Task> taskClass() {
    return CollectingTask.class;
  }

  @Override
  public List<Map<String, String>> taskConfigs(int maxTasks) {
    return List.of(properties);
  }

  @Override
  public void stop() {
    // Nothing is open.
  }

  @Override
  public ConfigDef config() {
    return new ConfigDef();
  }

  @Override
  public String version() {
    return "1";
  }

  /** The one task of a connector. */
  public static final class CollectingTask extends SinkTask {
    private String connector = "";

    @Override
    public void start(Map<String, String> properties) {
      connector = properties.get(CONNECTOR);
    }

    @Override
    public void put(Collection<SinkRecord> records) {
      kept(connector).addAll(records);
    }

    @Override
    public void stop() {
      // Nothing is open.
    }

    @Override
    public String version() {
      return "1";
    }
  }
}
