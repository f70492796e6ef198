package io.flowinstance.simulator;

import io.flowinstance.harness.FreePort;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * The simulator's arguments as a process of its own: {@code --port 8080} (any free one if absent),
 * {@code --latency-ms 20}, {@code --latency-median-ms 20 --latency-p99-ms 200}, {@code --app-key k
 * --app-secret s}, {@code --token-life-s 7200}, {@code --require-signature}, {@code --frozen}.
 */
final class CommandLine {
  private CommandLine() {}

  /** Throws IllegalArgumentException with a sentence when an argument means nothing. */
  static EnosSimulator start(String... args) {
    int port = 0;
    Latency latency = Latency.none();
    int medianMs = 0;
    String appKey = "simulator-key";
    String appSecret = "simulator-secret";
    int tokenLifeSeconds = 7200;
    boolean signature = false;
    boolean frozen = false;
    Deque<String> left = new ArrayDeque<>(List.of(args));
    while (!left.isEmpty()) {
      String name = left.pop();
      switch (name) {
        case "--port" -> port = number(name, left);
        case "--latency-ms" -> latency = Latency.fixed(Duration.ofMillis(number(name, left)));
        case "--latency-median-ms" -> medianMs = number(name, left);
        case "--latency-p99-ms" ->
            latency =
                Latency.logNormal(
                    Duration.ofMillis(medianMs), Duration.ofMillis(number(name, left)));
        case "--app-key" -> appKey = value(name, left);
        case "--app-secret" -> appSecret = value(name, left);
        case "--token-life-s" -> tokenLifeSeconds = number(name, left);
        case "--require-signature" -> signature = true;
        case "--frozen" -> frozen = true;
        default -> throw new IllegalArgumentException("The simulator knows no argument " + name);
      }
    }
    EnosSimulator simulator = EnosSimulator.start(port == 0 ? FreePort.pick() : port);
    simulator.faults().latency(latency);
    simulator.tokens().application(appKey, appSecret);
    simulator.tokens().life(Duration.ofSeconds(tokenLifeSeconds));
    simulator.requireSignature(signature);
    simulator.instances().frozen(frozen);
    return simulator;
  }

  private static int number(String name, Deque<String> left) {
    String value = value(name, left);
    try {
      return Integer.parseInt(value);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(name + " needs a whole number, not " + value, e);
    }
  }

  private static String value(String name, Deque<String> left) {
    if (left.isEmpty()) {
      throw new IllegalArgumentException(name + " needs a value");
    }
    return left.pop();
  }
}
