package io.flowinstance.demo;

import static io.flowinstance.config.Settings.Part.KAFKA;
import static io.flowinstance.config.Settings.Part.WATCH;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.app.Application;
import io.flowinstance.app.ChangeFeed;
import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.config.Settings;
import io.flowinstance.harness.FreePort;
import io.flowinstance.simulator.EnosSimulator;
import io.flowinstance.simulator.Instances;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.apache.camel.health.HealthCheck;
import org.apache.camel.health.HealthCheckHelper;
import org.apache.camel.main.Main;
import org.awaitility.core.ConditionTimeoutException;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.reader.impl.completer.StringsCompleter;
import org.slf4j.LoggerFactory;

/**
 * The pipeline at work on this machine alone, with a broker of its own and a simulated EnOS: sends
 * it some ids, shows what comes of each, shows what the change feed says of workflows that run,
 * then takes ids that are typed in.
 *
 * <p>With {@code -Ddemo.once=true} it ends before those, with code 0 when each id had its outcome
 * and no transition is missing, else 1. What the libraries have to say goes to {@code
 * target/demo/demo.log}.
 */
public final class Demo {
  private static final int KAFKA_PORT = 19092;
  private static final int PARTITIONS = 3;
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final int LOG_TAIL_LINES = 20;
  private static final Path LOG = Path.of("target", "demo", "demo.log");
  private static final String WATERMARK = "flow-instance-discover-watermark";
  private static final Duration WATCH_INTERVAL = Duration.ofSeconds(1);

  /** A status that lasts for two intervals is seen, and some time goes by on the way. */
  private static final Duration SEEN_IF_LASTING = WATCH_INTERVAL.multipliedBy(3);

  private static final int STEADY_FLOW = 1001;
  private static final int FAILING_FLOW = 1005;
  private static final int STEPS_OF_FAILING = 6;
  private static final Duration STEP = Duration.ofMillis(1_600);
  private static final String SUGGESTION = "1003-20260101120000";

  /** A value to send, and how many steps the simulated instance has behind it by then. */
  private record Sample(String value, int steps) {}

  private static final List<Sample> SAMPLES =
      List.of(
          new Sample("1001-20260101020000", Integer.MAX_VALUE),
          new Sample("1002-20260101130500", 3),
          new Sample("1003-20260101033000", Integer.MAX_VALUE),
          new Sample("1004-20260101060000", Integer.MAX_VALUE),
          new Sample("1005-20260101121500", Integer.MAX_VALUE),
          new Sample("2438-201907261239", 0),
          new Sample("404-20260101000000", 0),
          new Sample("{\"flowInstId\": 17", 0));

  private final Screen screen;
  private final OutcomeView view;
  private final Deque<AutoCloseable> running = new ArrayDeque<>();

  private Demo(Screen screen) {
    this.screen = screen;
    this.view = new OutcomeView(screen);
  }

  public static void main(String[] args) {
    System.exit(run(Boolean.getBoolean("demo.once")));
  }

  /** Returns the process's exit code. */
  private static int run(boolean once) {
    // Before anything logs: the screen belongs to the demo.
    System.setProperty("logback.configurationFile", "demo/logback-demo.xml");
    System.setProperty("demo.log", LOG.toString());
    try (Screen screen = new Screen()) {
      return new Demo(screen).show(once);
    }
  }

  private int show(boolean once) {
    screen.print(
        "\n"
            + screen.strong("flow-instance-routes")
            + ": workflow-instance ids in, events out"
            + "\n");
    try {
      KafkaBroker broker = started("Kafka", this::startBroker, KafkaBroker::bootstrapServers);
      EnosSimulator enos = started("EnOS, simulated", this::startEnos, EnosSimulator::baseUrl);
      Map<String, String> settings = settings(broker, enos);
      started(
          "Pipeline", () -> Application.start(settings)::stop, p -> "reads " + Conversation.IDS);
      Conversation conversation = new Conversation(broker.bootstrapServers());
      running.push(conversation);
      screen.print("");

      List<String> unanswered = converse(conversation, values());
      if (!unanswered.isEmpty()) {
        screen.print(
            screen.bad("Without an outcome after " + PATIENCE.toSeconds() + " s: ")
                + String.join(", ", unanswered)
                + ". See "
                + LOG
                + ".");
      }

      screen.print("");
      started("Change feed", () -> startFeed(settings), feed -> "writes " + Transitions.TOPIC);
      Transitions transitions = new Transitions(broker.bootstrapServers());
      running.push(transitions);
      List<String> missing = follow(enos.instances(), transitions);
      if (!missing.isEmpty()) {
        screen.print(screen.bad("Not seen: ") + String.join(", ", missing) + ". See " + LOG + ".");
      }
      if (!once) {
        explain(broker);
        takeIds(conversation);
      }
      return unanswered.isEmpty() && missing.isEmpty() ? 0 : 1;
    } catch (Exception e) {
      complain(e);
      return 1;
    } finally {
      stop();
    }
  }

  private static List<String> values() {
    return SAMPLES.stream().map(Sample::value).toList();
  }

  /** Starts something behind a progress line, to be stopped in the end. */
  private <T extends AutoCloseable> T started(
      String name, Callable<T> start, Function<T, String> where) throws Exception {
    long begin = System.nanoTime();
    T thing = screen.during(name, start);
    running.push(thing);
    double seconds = (System.nanoTime() - begin) / 1e9;
    screen.print(
        screen.good(screen.sign("✔", "+"))
            + String.format(" %-16s %-26s ", name, where.apply(thing))
            + screen.faint(String.format("%.1f s", seconds)));
    return thing;
  }

  private KafkaBroker startBroker() {
    KafkaBroker broker = KafkaBroker.launch(FreePort.pick(KAFKA_PORT));
    broker.createTopics(
        PARTITIONS,
        Conversation.IDS,
        Conversation.INSTANCES,
        Conversation.TASKS,
        Conversation.DEAD_LETTERS,
        Transitions.TOPIC);
    broker.createTopics(1, WATERMARK);
    return broker;
  }

  /** Waits until it runs: what is observed before that is history to it. */
  private static AutoCloseable startFeed(Map<String, String> settings) {
    Map<String, String> ofFeed = new HashMap<>(settings);
    ofFeed.put("management.port", String.valueOf(FreePort.pick()));
    Main feed =
        ChangeFeed.start(Settings.resolve(System.getenv(), ofFeed, EnumSet.of(KAFKA, WATCH)));
    try {
      await().atMost(PATIENCE).until(() -> complaints(feed), List::isEmpty);
      return feed::stop;
    } catch (ConditionTimeoutException e) {
      String complaints = String.join(" ", complaints(feed));
      feed.stop();
      throw new IllegalStateException("The change feed is not ready: " + complaints);
    }
  }

  private static List<String> complaints(Main main) {
    return HealthCheckHelper.invokeReadiness(main.getCamelContext()).stream()
        .filter(result -> result.getState() != HealthCheck.State.UP)
        .map(HealthCheck.Result::getMessage)
        .map(message -> message.orElse(""))
        .toList();
  }

  private EnosSimulator startEnos() {
    EnosSimulator enos = EnosSimulator.start();
    enos.requireSignature(true);
    SAMPLES.forEach(sample -> enos.instances().advance(sample.value(), sample.steps()));
    return enos;
  }

  private static Map<String, String> settings(KafkaBroker broker, EnosSimulator enos) {
    return Map.ofEntries(
        Map.entry("kafka.bootstrap-servers", broker.bootstrapServers()),
        Map.entry("topic.instance-ids", Conversation.IDS),
        Map.entry("topic.flow-instances", Conversation.INSTANCES),
        Map.entry("topic.task-statuses", Conversation.TASKS),
        Map.entry("topic.dead-letters", Conversation.DEAD_LETTERS),
        Map.entry("enos.base-url", enos.baseUrl()),
        Map.entry("enos.auth", "signed"),
        Map.entry("enos.app-key", enos.tokens().appKey()),
        Map.entry("enos.app-secret", enos.tokens().appSecret()),
        Map.entry("enos.user-id", "demo-user"),
        Map.entry("enos.org-id", "demo-org"),
        Map.entry("topic.transitions", Transitions.TOPIC),
        Map.entry("topic.discover-watermark", WATERMARK),
        Map.entry("discover.enabled", "true"),
        Map.entry("discover.interval-ms", "500"),
        Map.entry("discover.types", "PERIODIC"),
        Map.entry("watch.interval-ms", String.valueOf(WATCH_INTERVAL.toMillis())),
        Map.entry("watch.longest-interval-ms", String.valueOf(WATCH_INTERVAL.toMillis())),
        Map.entry("watch.settle-ms", "2000"),
        Map.entry("management.port", String.valueOf(FreePort.pick())));
  }

  /** Sends ids and shows the outcome of each, in their order; returns those without one. */
  private List<String> converse(Conversation conversation, List<String> ids) throws Exception {
    long begin = System.nanoTime();
    Map<String, String> idsByPlace = new LinkedHashMap<>();
    for (String id : ids) {
      idsByPlace.put(conversation.ask(id), id);
    }
    List<String> unanswered = new ArrayList<>();
    long instances = 0;
    int tasks = 0;
    int deadLetters = 0;
    for (Map.Entry<String, String> asked : idsByPlace.entrySet()) {
      Outcome outcome =
          screen.during(asked.getValue(), () -> awaitOutcome(conversation, asked.getKey(), begin));
      screen.print(view.of(outcome));
      instances += outcome.instance().stream().count();
      tasks += outcome.tasks().size();
      deadLetters += outcome.deadLetters().size();
      if (!outcome.complete()) {
        unanswered.add(asked.getValue());
      }
    }
    double seconds = (System.nanoTime() - begin) / 1e9;
    screen.print(
        screen.faint(
            String.format(
                "%d in; %d on %s, %d on %s, %d on %s; %.1f s",
                ids.size(),
                instances,
                Conversation.INSTANCES,
                tasks,
                Conversation.TASKS,
                deadLetters,
                Conversation.DEAD_LETTERS,
                seconds)));
    return unanswered;
  }

  private static Outcome awaitOutcome(Conversation conversation, String place, long begin) {
    Outcome outcome = conversation.look(place);
    while (!outcome.complete() && isPatient(begin)) {
      outcome = conversation.look(place);
    }
    return outcome;
  }

  /** Starts workflows and shows how they change; returns what should have been seen and was not. */
  private List<String> follow(Instances instances, Transitions transitions) throws Exception {
    long begin = System.nanoTime();
    String steady = instances.startNow(STEADY_FLOW, STEP);
    String failing = instances.startNow(FAILING_FLOW, STEP);
    instances.rerun(failing, Instant.now().plus(STEP.multipliedBy(STEPS_OF_FAILING)));
    Map<String, Integer> runs = Map.of(steady, 1, failing, 2);
    screen.print(
        "\nTwo workflows start, and nobody sends their ids. One fails, and is run again."
            + "\nA line says how long the status before was seen, and how old the change can be.\n");
    TransitionView line = new TransitionView(screen);
    int count = 0;
    List<String> missing;
    do {
      for (JsonNode transition :
          screen.during("Two workflows run", () -> some(transitions, begin))) {
        screen.print(line.of(transition));
        count++;
      }
      missing =
          runs.entrySet().stream()
              .flatMap(
                  run ->
                      transitions
                          .missing(
                              run.getKey(),
                              instances.changes(run.getKey(), Instant.MAX),
                              run.getValue(),
                              SEEN_IF_LASTING)
                          .stream())
              .toList();
    } while (!missing.isEmpty() && isPatient(begin));
    screen.print(
        screen.faint(
            String.format(
                "%d transitions of %d instances on %s; %.1f s. Read on: docs/change-feed.md",
                count, runs.size(), Transitions.TOPIC, (System.nanoTime() - begin) / 1e9)));
    return missing;
  }

  private static List<JsonNode> some(Transitions transitions, long begin) {
    List<JsonNode> some = transitions.next();
    while (some.isEmpty() && isPatient(begin)) {
      some = transitions.next();
    }
    return some;
  }

  private static boolean isPatient(long begin) {
    return System.nanoTime() - begin < PATIENCE.toNanos();
  }

  private void explain(KafkaBroker broker) {
    String kcat = "  kcat -b " + broker.bootstrapServers();
    String read = kcat + " -C -X isolation.level=read_committed -f '%h\\n%k %s\\n' -t ";
    screen.print(
        String.join(
            "\n",
            "",
            "Any Kafka client can follow, and send ids of its own:",
            screen.faint(read + Conversation.INSTANCES),
            screen.faint(read + Conversation.TASKS),
            screen.faint(read + Conversation.DEAD_LETTERS),
            screen.faint(read + Transitions.TOPIC),
            screen.faint(
                "  echo " + SUGGESTION + " |" + kcat.substring(1) + " -P -t " + Conversation.IDS),
            "",
            "Type ids, such as "
                + screen.strong(SUGGESTION)
                + ", again and again: each call takes the instance a step on,",
            "and the change feed calls too, until it has settled.",
            "Flows 1001 to 1005 have shapes; 100050 has 50 tasks. Tab completes; quit or Ctrl-D ends.",
            ""));
  }

  private void takeIds(Conversation conversation) throws Exception {
    List<String> completions = new ArrayList<>(values());
    completions.add(SUGGESTION);
    completions.add("100050-20260101120000");
    LineReader reader =
        LineReaderBuilder.builder()
            .terminal(screen.terminal())
            .completer(new StringsCompleter(completions))
            .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
            .build();
    String prompt = screen.lively() ? screen.strong(screen.sign("id ❯ ", "id > ")) : "";
    while (true) {
      String line;
      try {
        line = reader.readLine(prompt).trim();
      } catch (EndOfFileException | UserInterruptException end) {
        return;
      }
      if (line.equals("quit") || line.equals("exit")) {
        return;
      }
      if (!line.isEmpty()) {
        // A JSON value may hold blanks; bare ids may not.
        converse(
            conversation, line.matches("[{\\[\"].*") ? List.of(line) : List.of(line.split("\\s+")));
        screen.print("");
      }
    }
  }

  private void complain(Exception e) {
    LoggerFactory.getLogger(Demo.class).error("The demo has failed", e);
    StringBuilder complaint = new StringBuilder();
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      String message = cause.getMessage() == null ? cause.toString() : cause.getMessage();
      complaint.append(cause == e ? "" : "\n  because: ").append(message);
    }
    screen.print(screen.bad("The demo has failed: ") + complaint);
    screen.print("The log is " + LOG.toAbsolutePath() + "; it ends:\n");
    try {
      List<String> lines = Files.readAllLines(LOG);
      lines
          .subList(Math.max(0, lines.size() - LOG_TAIL_LINES), lines.size())
          .forEach(line -> screen.print(screen.faint("  " + line)));
    } catch (IOException unreadable) {
      screen.print("  (it cannot be read: " + unreadable.getMessage() + ")");
    }
  }

  private void stop() {
    while (!running.isEmpty()) {
      AutoCloseable last = running.pop();
      try {
        screen.during(
            "Stopping",
            () -> {
              last.close();
              return last;
            });
      } catch (Exception e) {
        screen.print(screen.odd("Not stopped cleanly: ") + e.getMessage());
      }
    }
  }
}
