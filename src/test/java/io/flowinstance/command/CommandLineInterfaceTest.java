package io.flowinstance.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CommandLineInterfaceTest {
  @Test
  void runsThePipelineWhenNoCommandIsNamed() {
    assertEquals(7, CommandLineInterface.run(new String[0], () -> 7));
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
  @ValueSource(strings = {"nonsense", "--nonsense", "fetch", "replay-dead-letters --max=0"})
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
