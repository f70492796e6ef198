package io.flowinstance.engines;

import static java.util.stream.Collectors.joining;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.DeploymentOptions;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.ResultKind;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.apache.flink.util.CloseableIterator;
import org.apache.flink.util.IOUtils;

/**
 * A session on a Flink cluster in this process, into which the SQL files of {@code docs/consumers}
 * go as a person would paste them.
 */
final class FlinkSession implements AutoCloseable {
  private static final Path DOCUMENTS = Path.of("..", "docs", "consumers");
  private static final String DEMO_BROKER = "127.0.0.1:19092";
  private static final int PARALLELISM = 2;
  private static final Pattern SET = Pattern.compile("(?s)SET '([^']+)' = '([^']+)'");

  private final String bootstrapServers;
  private final MiniCluster cluster;
  private TableEnvironment environment;

  FlinkSession(String bootstrapServers) {
    this.bootstrapServers = bootstrapServers;
    cluster =
        new MiniCluster(
            new MiniClusterConfiguration.Builder()
                .setConfiguration(new Configuration().set(RestOptions.BIND_PORT, "0"))
                .setNumTaskManagers(1)
                .setNumSlotsPerTaskManager(PARALLELISM)
                .build());
    try {
      cluster.start();
      URI address = cluster.getRestAddress().get();
      Configuration configuration =
          new Configuration()
              .set(DeploymentOptions.TARGET, "remote")
              .set(RestOptions.ADDRESS, address.getHost())
              .set(RestOptions.PORT, address.getPort())
              .set(CoreOptions.DEFAULT_PARALLELISM, PARALLELISM);
      environment = environment(configuration);
    } catch (Exception e) {
      throw new IllegalStateException("The Flink cluster does not start", e);
    }
  }

  /**
   * Runs the statements of a file, with our broker's address in place of the demo's.
   *
   * @return the rows of each query, in the order of the queries
   */
  List<List<Row>> run(String file) {
    List<List<Row>> results = new ArrayList<>();
    for (String statement : statements(file)) {
      Matcher set = SET.matcher(statement);
      if (set.matches()) {
        set(set.group(1), set.group(2));
        continue;
      }
      TableResult result = environment.executeSql(statement);
      if (result.getResultKind() == ResultKind.SUCCESS_WITH_CONTENT) {
        results.add(rows(result));
      }
    }
    return results;
  }

  /** The columns of a table, those of metadata and the computed ones included. */
  List<Column> columns(String table) {
    return environment.from(table).getResolvedSchema().getColumns();
  }

  /** The first so many rows of a query that has no end; then it is cancelled. */
  List<Row> first(int count, String sql) {
    List<Row> rows = new ArrayList<>();
    CloseableIterator<Row> changes = environment.executeSql(sql).collect();
    try {
      while (rows.size() < count) {
        rows.add(changes.next());
      }
      return rows;
    } finally {
      IOUtils.closeQuietly(changes);
    }
  }

  /** The rows of a query at its end: those that were inserted, and neither updated nor deleted. */
  List<Row> query(String sql) {
    return rows(environment.executeSql(sql));
  }

  private List<String> statements(String file) {
    try {
      String sql =
          Files.readAllLines(DOCUMENTS.resolve(file)).stream()
              .filter(line -> !line.stripLeading().startsWith("--"))
              .collect(joining("\n"));
      return Arrays.stream(sql.replace(DEMO_BROKER, bootstrapServers).split(";"))
          .map(String::strip)
          .filter(statement -> !statement.isEmpty())
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What the SQL client does with SET. A table environment has one mode for good. */
  private void set(String key, String value) {
    environment.getConfig().set(key, value);
    if (key.equals("execution.runtime-mode")) {
      if (environment.listTables().length > 0) {
        throw new IllegalStateException("The mode is set after a table was created");
      }
      environment = environment(environment.getConfig().getConfiguration());
    }
  }

  private static TableEnvironment environment(Configuration configuration) {
    return TableEnvironment.create(
        EnvironmentSettings.newInstance().withConfiguration(configuration).build());
  }

  private static List<Row> rows(TableResult result) {
    List<Row> rows = new ArrayList<>();
    CloseableIterator<Row> changes = result.collect();
    try {
      while (changes.hasNext()) {
        Row row = changes.next();
        boolean added = row.getKind() == RowKind.INSERT || row.getKind() == RowKind.UPDATE_AFTER;
        row.setKind(RowKind.INSERT);
        if (added) {
          rows.add(row);
        } else if (!rows.remove(row)) {
          throw new IllegalStateException("Took back a row that it had not given: " + row);
        }
      }
      return rows;
    } finally {
      IOUtils.closeQuietly(changes);
    }
  }

  @Override
  public void close() {
    cluster.closeAsync().join();
  }
}
