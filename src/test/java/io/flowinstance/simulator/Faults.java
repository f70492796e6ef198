package io.flowinstance.simulator;

import io.flowinstance.simulator.FaultScope.Endpoint;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** The faults that the simulator has at the moment; the one set last goes first. */
public final class Faults {
  private record Rule(Fault fault, FaultScope scope, AtomicInteger left) {
    boolean takes(Endpoint endpoint, ApiRequest call) {
      return scope.covers(endpoint, call) && left.getAndUpdate(n -> Math.max(0, n - 1)) > 0;
    }
  }

  private final List<Rule> rules = new CopyOnWriteArrayList<>();
  private volatile Latency latency = Latency.none();

  Faults() {}

  /** Sets a fault, beside those there are. */
  public void set(Fault fault, FaultScope scope) {
    rules.add(0, new Rule(fault, scope, new AtomicInteger(scope.times())));
  }

  /** Sets how long each call of the API takes; the token service answers at once. */
  public void latency(Latency latency) {
    this.latency = latency;
  }

  /** Ends every fault; the latency stays. */
  public void clear() {
    rules.clear();
  }

  Latency latency() {
    return latency;
  }

  /** The fault that befalls this call, which is counted; often none. */
  Fault next(Endpoint endpoint, ApiRequest call) {
    return rules.stream()
        .filter(rule -> rule.takes(endpoint, call))
        .findFirst()
        .map(Rule::fault)
        .orElseGet(Fault::none);
  }
}
