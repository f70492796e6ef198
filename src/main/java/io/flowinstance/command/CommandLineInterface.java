package io.flowinstance.command;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.app.Application;
import io.flowinstance.config.SettingsException;
import io.flowinstance.fetch.AddressCache;
import io.flowinstance.json.Printable;
import java.io.Console;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.time.Clock;
import java.time.Instant;
import java.util.concurrent.Callable;
import org.jline.terminal.impl.exec.ExecTerminalProvider;
import org.jline.terminal.spi.SystemStream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.RunLast;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The command line of the JAR. A command writes its result to standard output and everything else
 * to standard error.
 */
@Command(
    name = "flow-instance-routes",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "[COMMAND]",
    description = {
      "Takes ids of EnOS workflow instances from Kafka and publishes each instance and its tasks,"
          + " exactly once. Without a command, the pipeline runs until it is asked to stop.",
      ""
    },
    footer = {
      "",
      "Settings come from the environment (ENOS_BASE_URL, KAFKA_BOOTSTRAP_SERVERS, …), secrets"
          + " also from files (ENOS_APP_SECRET_FILE). Every command accepts --help.",
      "Exit codes: 0 success, 1 failure, 2 invalid arguments or settings (of check: 1)."
    })
public final class CommandLineInterface {
  private static final String LOG_SETTINGS = "logback.configurationFile";

  private CommandLineInterface() {}

  /** Runs what the arguments name, or the pipeline when there are none; gives the exit code. */
  public static int run(String[] args, Callable<Integer> pipeline) {
    AddressCache.shorten();
    Console console = System.console();
    // A pipe or a file gets UTF-8, whatever the locale, as JSON needs it.
    Charset charset = isTerminal(console) ? console.charset() : UTF_8;
    if (args.length == 0) {
      // Without the parser, which takes half a second to load.
      try {
        return pipeline.call();
      } catch (Exception | Error failure) {
        return explain(failure, writer(FileDescriptor.err, charset));
      }
    }
    CommandContext context =
        new CommandContext(
            System.getenv(),
            System.in,
            Clock.systemUTC(),
            charset.newEncoder().canEncode('├'),
            () -> new ExecTerminalProvider().isSystemStream(SystemStream.Error));
    CommandLine commandLine =
        of(context)
            .setOut(writer(FileDescriptor.out, charset))
            .setErr(writer(FileDescriptor.err, charset));
    commandLine.setExecutionStrategy(
        parsed -> {
          if (parsed.hasSubcommand()
              && !(parsed.subcommand().commandSpec().userObject() instanceof Watch)
              && System.getProperty(LOG_SETTINGS) == null) {
            // Before anything logs: standard output is for the result of such a command.
            System.setProperty(LOG_SETTINGS, "logback-command.xml");
          }
          return new RunLast().execute(parsed);
        });
    return execute(commandLine, args);
  }

  /** Runs a command; gives the exit code, also of an Error: other threads may run on after it. */
  static int execute(CommandLine commandLine, String... args) {
    try {
      return exitCode(commandLine, commandLine.execute(args));
    } catch (Error e) {
      return explain(e, commandLine.getErr());
    }
  }

  /** Flushes, and fails if not all was written: a disk may be full, or a pipe closed. */
  static int exitCode(CommandLine commandLine, int exitCode) {
    if (commandLine.getOut().checkError() && exitCode == 0) {
      commandLine.getErr().println("The result could not be written to standard output.");
      return CommandLine.ExitCode.SOFTWARE;
    }
    return exitCode;
  }

  /** Up to JDK 21, only a terminal has a console; JDK 22 gives any process one, and says which. */
  private static boolean isTerminal(Console console) {
    try {
      return console != null && (boolean) Console.class.getMethod("isTerminal").invoke(console);
    } catch (NoSuchMethodException e) {
      return true;
    } catch (ReflectiveOperationException e) {
      return false;
    }
  }

  static CommandLine of(CommandContext context) {
    CommandLine commandLine =
        new CommandLine(new CommandLineInterface())
            .addSubcommand(new Check(context))
            .addSubcommand(new FetchInstance(context))
            .addSubcommand(new SendIds(context))
            .addSubcommand(new ReplayDeadLetters(context))
            .addSubcommand(new Watch(context))
            .addSubcommand(new HelpCommand())
            .registerConverter(Instant.class, new PointInTime(context.clock()))
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setExpandAtFiles(false)
            .setUsageHelpAutoWidth(true)
            .setParameterExceptionHandler(CommandLineInterface::explain)
            .setExecutionExceptionHandler(
                (failure, failed, parsed) -> explain(failure, failed.getErr()));
    commandLine.getCommandSpec().version("flow-instance-routes " + Application.version());
    return commandLine;
  }

  private static PrintWriter writer(FileDescriptor descriptor, Charset charset) {
    return new PrintWriter(new OutputStreamWriter(new FileOutputStream(descriptor), charset), true);
  }

  private static int explain(ParameterException failure, String[] args) {
    CommandLine commandLine = failure.getCommandLine();
    PrintWriter err = commandLine.getErr();
    if (failure instanceof UnmatchedArgumentException unmatched) {
      // Its value is not repeated: it may be a secret that was tried as an argument.
      String name = unmatched.getUnmatched().get(0).replaceFirst("=.*", "");
      err.printf("Unknown option, command or argument: %s.%n", Printable.of(name));
      if (name.startsWith("-")) {
        err.println("Settings come from the environment, and so do secrets: see docs/settings.md.");
      }
    } else {
      err.println(failure.getMessage());
    }
    err.println();
    commandLine.usage(err);
    return CommandLine.ExitCode.USAGE;
  }

  private static int explain(Throwable failure, PrintWriter err) {
    if (failure instanceof SettingsException) {
      err.println(failure.getMessage());
      return CommandLine.ExitCode.USAGE;
    }
    String sentence = CommandFailedException.sentence(failure);
    if (sentence == null) {
      failure.printStackTrace(err);
    } else {
      err.println(sentence);
    }
    return CommandLine.ExitCode.SOFTWARE;
  }
}
