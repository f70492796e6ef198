package io.flowinstance.command;

import io.flowinstance.config.Settings;
import io.flowinstance.config.SettingsException;
import io.flowinstance.enos.AccessTokens;
import io.flowinstance.json.Printable;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Help.Ansi.Style;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Checks everything that the pipeline depends on, and says what to fix. */
@Command(
    name = "check",
    mixinStandardHelpOptions = true,
    header = "Checks everything that the pipeline depends on.",
    description = {
      "Checks the settings, the brokers, the topics, the consumer group, the transactional ids,"
          + " the token service and the API's clock. Prints one line for each: ok, or what to fix."
          + " Publishes nothing. Exit code 0 if all lines are ok, otherwise 1.",
      ""
    })
final class Check implements Callable<Integer> {
  private static final String TOKEN_SERVICE = "token service";
  private static final String CLOCK = "API clock";
  private static final Duration NOTABLE_SKEW = Duration.ofMinutes(1);

  private final CommandContext context;

  @Spec private CommandSpec spec;

  Check(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    List<Finding> all = new ArrayList<>();
    tell(settings(), all);
    Settings kafka = usable(Settings.Part.KAFKA);
    tell(kafka == null ? notAsked(kafkaSubjects()) : new KafkaCheck(kafka).findings(), all);
    Settings enos = usable(Settings.Part.ENOS);
    tell(enos == null ? notAsked(List.of(TOKEN_SERVICE, CLOCK)) : api(enos), all);
    return all.stream().allMatch(finding -> finding.verdict() == Finding.Verdict.OK) ? 0 : 1;
  }

  /** Tells findings as soon as there are any: the next ones may take a while. */
  private void tell(List<Finding> findings, List<Finding> all) {
    PrintWriter out = spec.commandLine().getOut();
    Ansi ansi = spec.commandLine().getColorScheme().ansi();
    for (Finding finding : findings) {
      String word = "%-3s".formatted(finding.verdict().word());
      Style style = finding.verdict() == Finding.Verdict.OK ? Style.fg_green : Style.fg_red;
      out.printf(
          "%s  %-20s  %s%n",
          ansi.enabled() ? style.on() + word + Style.reset.on() : word,
          finding.subject(),
          Printable.of(finding.text()));
    }
    out.flush();
    all.addAll(findings);
  }

  private List<Finding> settings() {
    try {
      Settings settings = context.settings(Settings.Part.KAFKA, Settings.Part.ENOS);
      return List.of(
          Finding.ok("settings", "all %d can be used.".formatted(settings.asMap().size())));
    } catch (SettingsException e) {
      return e.faults().stream().map(fault -> Finding.fix("settings", fault)).toList();
    }
  }

  /** The settings if that part of them can be used, or null. */
  private Settings usable(Settings.Part part) {
    try {
      return context.settings(part);
    } catch (SettingsException e) {
      return null;
    }
  }

  private static List<String> kafkaSubjects() {
    List<String> subjects = new ArrayList<>();
    subjects.add(KafkaCheck.BROKERS);
    subjects.addAll(KafkaCheck.TOPICS);
    subjects.add(KafkaCheck.GROUP);
    subjects.add(KafkaCheck.TRANSACTIONS);
    return subjects;
  }

  private static List<Finding> notAsked(List<String> subjects) {
    return subjects.stream()
        .map(subject -> Finding.unknown(subject, "not checked: fix the settings first."))
        .toList();
  }

  private List<Finding> api(Settings settings) {
    try (EnosApi api = EnosApi.start(settings, context.clock())) {
      Finding token = token(settings, api.tokens());
      return List.of(
          token,
          token.verdict() == Finding.Verdict.OK
              ? clock(settings, api)
              : Finding.unknown(CLOCK, "not checked: it needs an access token."));
    } catch (CommandFailedException e) {
      return List.of(
          fix(TOKEN_SERVICE, settings, e),
          Finding.unknown(CLOCK, "not checked: no call to that address is possible."));
    }
  }

  private Finding token(Settings settings, AccessTokens tokens) {
    if (tokens == null) {
      return Finding.ok(TOKEN_SERVICE, "not needed: enos.auth is none.");
    }
    try {
      Duration life = tokens.lifeOf(tokens.current());
      return Finding.ok(
          TOKEN_SERVICE,
          "%s gave an access token for %s."
              .formatted(settings.getString("enos.base-url"), Durations.text(life)));
    } catch (RuntimeException e) {
      return fix(TOKEN_SERVICE, settings, e);
    }
  }

  private Finding clock(Settings settings, EnosApi api) {
    try {
      Instant before = context.clock().instant();
      Instant theirs = api.calls().time();
      Duration skew = Duration.between(before, theirs);
      String told =
          "%s, %s, tells %s"
              .formatted(
                  settings.getString("enos.base-url"),
                  settings.getString("enos.api-version"),
                  theirs);
      return Finding.ok(
          CLOCK,
          skew.abs().compareTo(NOTABLE_SKEW) < 0
              ? told + "."
              : "%s, and this machine's clock is %s %s: the API may refuse its signatures."
                  .formatted(
                      told, Durations.text(skew.abs()), skew.isNegative() ? "ahead" : "behind"));
    } catch (RuntimeException e) {
      return fix(CLOCK, settings, e);
    }
  }

  private static Finding fix(String subject, Settings settings, RuntimeException e) {
    String sentence = Failures.sentence(e);
    return Finding.fix(
        subject, settings.getString("enos.base-url") + ": " + (sentence == null ? e : sentence));
  }
}
