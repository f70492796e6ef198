package io.flowinstance.command;

import static java.util.stream.Collectors.joining;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class CommandLineInterfaceTest {
  @Test
  void runsThePipelineWhenNoCommandIsNamed() {
    assertEquals(7, CommandLineInterface.run(new String[0], () -> 7));
  }

  @Test
  void aPipelineThatCannotBeLoadedEndsWithOne() {
    assertEquals(
        1,
        CommandLineInterface.run(
            new String[0],
            () -> {
              throw new NoClassDefFoundError("x");
            }));
  }

  @Test
  void aCommandThatCannotBeLoadedEndsWithOne() {
    StringWriter err = new StringWriter();
    CommandLine commandLine = commandLine().setErr(new PrintWriter(err));
    commandLine.setExecutionStrategy(
        parsed -> {
          throw new NoClassDefFoundError("x");
        });

    assertEquals(1, CommandLineInterface.execute(commandLine, "watch"));
    assertTrue(err.toString().contains("NoClassDefFoundError"), err.toString());
  }

  @ParameterizedTest
  @CsvSource({"0, 1", "1, 1", "2, 2"})
  void aResultThatCannotBeWrittenIsAFailure(int before, int after) {
    StringWriter err = new StringWriter();
    CommandLine commandLine =
        commandLine()
            .setErr(new PrintWriter(err))
            .setOut(
                new PrintWriter(
                    new OutputStream() {
                      @Override
                      public void write(int value) throws IOException {
                        throw new IOException("No space left on device");
                      }
                    }));
    commandLine.getOut().println("the result");

    assertEquals(after, CommandLineInterface.exitCode(commandLine, before));
    assertEquals(before == 0, err.toString().contains("could not be written"));
  }

  @Test
  void aReplayThatIsFencedSaysWhatMayHaveEndedIt() {
    String sentence =
        CommandFailedException.sentence(
            new KafkaException(new InvalidProducerEpochException("an old epoch")));

    assertTrue(sentence.contains("kafka.transaction-timeout-ms"), sentence);
  }

  @Test
  void aCompressionThatCannotBeUnpackedIsExplained() {
    String sentence =
        CommandFailedException.sentence(
            new KafkaException(new NoClassDefFoundError("of a native library")));

    assertTrue(sentence.contains("writable /tmp"), sentence);
  }

  @Test
  void namesEveryCommandInItsHelp() throws IOException {
    CommandRun help = CommandRun.of(Map.of(), "--help");
    List<String> documented =
        Pattern.compile("(?m)^## `([a-z-]+)")
            .matcher(Files.readString(Path.of("docs/commands.md")))
            .results()
            .map(heading -> heading.group(1))
            .toList();

    assertEquals(List.of("check", "fetch", "send-ids", "replay-dead-letters", "watch"), documented);
    assertEquals(0, help.exitCode());
    for (String command : documented) {
      assertTrue(help.out().contains("\n  " + command + " "), help.out());
      assertEquals(0, CommandRun.of(Map.of(), command, "--help").exitCode());
    }
    assertEquals("flow-instance-routes dev", CommandRun.of(Map.of(), "--version").out().strip());
  }

  @ParameterizedTest
  @MethodSource("printed")
  void understandsEveryCommandLineThatThePagesPrint(String args) {
    assertDoesNotThrow(() -> commandLine().parseArgs(args.strip().split(" +")), args);
  }

  /** The arguments of the commands in blocks, and of those in a sentence that have an option. */
  static Stream<String> printed() throws IOException {
    try (Stream<Path> docs = Files.list(Path.of("docs"))) {
      String pages =
          Stream.concat(Stream.of(Path.of("README.md")), docs.filter(Files::isRegularFile))
              .map(CommandLineInterfaceTest::text)
              .collect(joining());
      String commands = String.join("|", commandLine().getSubcommands().keySet());
      return Pattern.compile(
          "java -jar \\S+\\.jar ([^`<\\n]+)|`((?:%s) -[^`\\n]*)`".formatted(commands))
          .matcher(pages)
          .results()
          .map(found -> found.group(1) == null ? found.group(2) : found.group(1))
          .distinct()
          .toList()
          .stream();
    }
  }

  @Test
  void describesEveryOptionOfACommandAndNoOther() {
    commandLine()
        .getSubcommands()
        .forEach(
            (name, command) -> {
              SortedSet<String> options =
                  new TreeSet<>(command.getCommandSpec().optionsMap().keySet());
              options.removeAll(Set.of("-h", "--help", "-V", "--version"));
              SortedSet<String> described = new TreeSet<>();
              Matcher section =
                  Pattern.compile("(?ms)^## `%s\\b.*?(?=^## |\\z)".formatted(name))
                      .matcher(text(Path.of("docs/commands.md")));
              if (section.find()) {
                Pattern.compile("`(?:%s )?(--[a-z-]+)[^`\\n]*`".formatted(name))
                    .matcher(section.group())
                    .results()
                    .forEach(option -> described.add(option.group(1)));
              }
              assertEquals(options, described, name);
            });
  }

  private static CommandLine commandLine() {
    return CommandLineInterface.of(
        new CommandContext(
            Map.of(), InputStream.nullInputStream(), Clock.systemUTC(), true, () -> false));
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "nonsense",
        "--nonsense",
        "fetch",
        "replay-dead-letters --max=0",
        "replay-dead-letters --rate=1050000001"
      })
  void explainsOnStandardErrorWhatItDoesNotUnderstand(String args) {
    CommandRun run = CommandRun.of(Map.of(), args.split(" "));

    assertEquals(2, run.exitCode());
    assertEquals("", run.out());
    assertTrue(run.err().contains("Usage: flow-instance-routes"), run.err());
  }

  @ParameterizedTest
  @ValueSource(strings = {"--enos.app-secret=hush", "--app-secret hush", "check --secret=hush"})
  void takesNoSecretAsAnArgumentAndRepeatsNone(String args) {
    CommandRun run = CommandRun.of(Map.of(), args.split(" "));

    assertEquals(2, run.exitCode());
    assertFalse(run.err().contains("hush"), run.err());
    assertTrue(run.err().contains("Settings come from the environment"), run.err());
  }

  @Test
  void reportsFaultsOfTheSettingsThatACommandUses() {
    CommandRun run = CommandRun.of(Map.of(), "fetch", "1001-20260101020000");

    assertEquals(2, run.exitCode());
    assertTrue(run.err().contains("ENOS_BASE_URL (enos.base-url) is missing"), run.err());
    assertFalse(
        CommandRun.of(Map.of("KAFKA_BOOTSTRAP_SERVERS", "x"), "replay-dead-letters")
            .err()
            .contains("ENOS_"),
        "a replay needs no API");
  }
}
