package io.flowinstance.command;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayInputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Help;

/**
 * A command that was run in this process, as far as a person sees it.
 *
 * @param exitCode what the process would end with
 * @param out what went to standard output
 * @param err what went to standard error
 */
record CommandRun(int exitCode, String out, String err) {
  static final Instant NOW = Instant.parse("2026-02-01T12:00:00Z");

  /** Runs one with nothing on standard input, without colours. */
  static CommandRun of(Map<String, String> environment, String... args) {
    return withInput("", environment, args);
  }

  /** Runs one with this text on standard input, without colours. */
  static CommandRun withInput(String in, Map<String, String> environment, String... args) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandContext context =
        new CommandContext(
            environment,
            new ByteArrayInputStream(in.getBytes(UTF_8)),
            Clock.fixed(NOW, ZoneOffset.UTC),
            true,
            () -> false);
    int exitCode =
        CommandLineInterface.of(context)
            .setOut(new PrintWriter(out, true))
            .setErr(new PrintWriter(err, true))
            .setColorScheme(Help.defaultColorScheme(Help.Ansi.OFF))
            .execute(args);
    return new CommandRun(exitCode, out.toString(), err.toString());
  }

  /** The lines on standard output. */
  List<String> lines() {
    return out.lines().toList();
  }

  /** What the commands that call the API need to reach this one, unsigned. */
  static Map<String, String> api(String baseUrl) {
    return Map.of(
        "ENOS_BASE_URL", baseUrl,
        "ENOS_AUTH", "none",
        "ENOS_USER_ID", "yourUserId",
        "ENOS_ORG_ID", "yourOrgId",
        "FETCH_RETRY_BUDGET_MS", "2000");
  }
}
