package io.flowinstance.faults;

import io.flowinstance.faults.Deployment.Readiness;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What one scenario came to: its line in the table, and what was not as it should be. */
final class AvailabilityResult {
  private static final String FORMAT = "%-24s %-16s %5s %6s %10s %9s %9s %9s %5s  %s%n";

  /** The head of the table. */
  static final String HEAD =
      FORMAT.formatted(
          "scenario",
          "kind",
          "dead",
          "calls",
          "first-last",
          "p99",
          "without",
          "recovered",
          "lines",
          "verdict");

  private final String scenario;
  private final String kind;
  private final Map<String, String> cells = new HashMap<>();
  private final List<String> findings = new ArrayList<>();
  private final List<String> delays = new ArrayList<>();
  private final List<String> remarks = new ArrayList<>();
  private final List<String> ids = new ArrayList<>();

  AvailabilityResult(String scenario, Object kind) {
    this.scenario = scenario;
    this.kind = kind.toString();
  }

  /** Notes how many dead letters there were. */
  void deadLetters(long count) {
    cells.put("dead", Long.toString(count));
  }

  /** Notes how many calls were made for what failed. */
  void calls(long calls) {
    cells.put("calls", Long.toString(calls));
  }

  /** Notes the time from the beginning of an id's first call to that of its last. */
  void firstToLast(long millis) {
    cells.put("first-last", millis + " ms");
  }

  /** Notes the 99th percentile of the age of the others' outcomes. */
  void p99(long millis) {
    cells.put("p99", millis < 0 ? "none" : millis + " ms");
  }

  /** Notes the same without the failure. */
  void p99Without(long millis) {
    cells.put("without", millis + " ms");
  }

  /** Notes how long it took after the failure until everything had its outcome. */
  void recovered(double seconds) {
    cells.put("recovered", "%.1f s".formatted(seconds));
  }

  /** Notes a sentence that is not a finding. */
  void remark(String sentence) {
    remarks.add(sentence);
  }

  /** Notes a sentence if this does not hold. */
  void check(boolean holds, String sentence, Object... arguments) {
    if (!holds) {
      findings.add(sentence.formatted(arguments));
    }
  }

  /** Notes a sentence if this does not hold, which a busy machine may be the cause of. */
  void checkTime(boolean holds, String sentence, Object... arguments) {
    if (!holds) {
      delays.add(sentence.formatted(arguments));
    }
  }

  /** Whether nothing is wrong but times, which another run may not show. */
  boolean isOnlySlow() {
    return findings.isEmpty() && !delays.isEmpty();
  }

  /** Notes how many lines were logged, and checks that they are not more than that. */
  void checkLines(long lines, int most) {
    cells.put("lines", Long.toString(lines));
    check(lines <= most, "it logged %d lines", lines);
  }

  /** Notes each of them for {@link #ids()}. */
  private void addIds(String who, Deployment deployment, Collection<Deployment.SentId> sent) {
    for (Deployment.SentId id : sent) {
      List<Outcomes.Outcome> outcomes = deployment.outcomes(id);
      ids.add(
          "%s,%s,%d,%d,%s,%s"
              .formatted(
                  who,
                  id.id(),
                  id.partition(),
                  id.sentAt() / 1_000_000,
                  outcomes.stream()
                      .map(outcome -> Long.toString((outcome.readAt() - id.sentAt()) / 1_000_000))
                      .collect(Collectors.joining(" ")),
                  outcomes.stream()
                      .map(o -> o.isDeadLetter() ? o.deadLetterReason() : "events")
                      .collect(Collectors.joining(" "))));
    }
  }

  /** Checks that each of them had exactly one outcome, and that it was events. */
  void checkServed(String who, Deployment deployment, Collection<Deployment.SentId> sent) {
    addIds(who, deployment, sent);
    Map<Integer, Integer> byOutcomes = new TreeMap<>();
    sent.forEach(id -> byOutcomes.merge(deployment.outcomes(id).size(), 1, Integer::sum));
    byOutcomes.forEach(
        (outcomes, ids) ->
            check(outcomes == 1, "%d of %d %s have %d outcomes", ids, sent.size(), who, outcomes));
    long dead = sent.stream().filter(deployment::isDeadLetter).count();
    check(dead == 0, "%d of %d %s are dead letters", dead, sent.size(), who);
  }

  /** Checks that readiness said 200 each time. */
  void checkAlwaysReady(List<Readiness> readiness) {
    long unready = readiness.stream().filter(said -> !said.answer().startsWith("200 ")).count();
    check(unready == 0, "%d of %d times it was not ready", unready, readiness.size());
  }

  /** What became of each id, as CSV: who, id, partition, sent at ms, ages in ms, outcomes. */
  List<String> ids() {
    return List.copyOf(ids);
  }

  /** The name of a file about it. */
  String fileName() {
    return (scenario + " " + kind).replaceAll("[^A-Za-z0-9]+", "-") + ".csv";
  }

  /** What was not as it should be, a sentence each. */
  List<String> findings() {
    return Stream.concat(findings.stream(), delays.stream()).toList();
  }

  /** Its line of the table. */
  @Override
  public String toString() {
    return FORMAT.formatted(
        scenario,
        kind,
        cell("dead"),
        cell("calls"),
        cell("first-last"),
        cell("p99"),
        cell("without"),
        cell("recovered"),
        cell("lines"),
        verdict());
  }

  private String verdict() {
    String verdict = findings().isEmpty() ? "passed" : "FAILED: " + String.join("; ", findings());
    return remarks.isEmpty() ? verdict : verdict + " (" + String.join("; ", remarks) + ")";
  }

  private String cell(String name) {
    return cells.getOrDefault(name, "-");
  }
}
