package io.flowinstance.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.flowinstance.json.Json;
import io.flowinstance.simulator.EnosSimulator;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FetchInstanceTest {
  private static EnosSimulator enos;

  @BeforeAll
  static void start() {
    enos = EnosSimulator.start();
  }

  @AfterAll
  static void stop() {
    enos.close();
  }

  @AfterEach
  void removeFaults() {
    enos.faults().clear();
    enos.requireSignature(false);
  }

  private static CommandRun fetch(String... args) {
    String[] all = new String[args.length + 1];
    all[0] = "fetch";
    System.arraycopy(args, 0, all, 1, args.length);
    return CommandRun.of(CommandRun.api(enos.baseUrl()), all);
  }

  private static String commandsPage() throws IOException {
    return Files.readString(Path.of("docs/commands.md"));
  }

  @Test
  void showsNothingOnBehalfOfAnIdentityThatRecordsMayNotName() {
    CommandRun run = fetch("{\"flowInstId\":\"1-1\",\"userId\":\"u\",\"orgId\":\"foreign\"}");

    assertEquals(1, run.exitCode());
    assertTrue(run.err().contains("enos.allowed-identities"), run.err());
    assertEquals("", run.out());
  }

  @Test
  void showsAnInstanceAndItsTasksAsATreeAsThePageDoes() throws IOException {
    enos.instances().advance("1005-20260101121500", Integer.MAX_VALUE);

    CommandRun run = fetch("1005-20260101121500");

    assertEquals(0, run.exitCode(), run.err());
    assertTrue(commandsPage().contains("```\n" + run.out() + "```\n"), run.out());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"status\":1 | SUCCESS",
        "\"status\":-1,\"statusDesc\":\"SUCCESS\" | FAIL",
        "\"status\":77 | 77",
        "\"statusDesc\":\"ODD\" | ODD",
      })
  void namesTheStatusThatTheStateIsReadFrom(String fields, String status) {
    enos.faults()
        .set(
            Fault.body("{\"status\":0,\"data\":{\"instanceId\":\"7-7\",%s}}".formatted(fields)),
            FaultScope.next(1));

    String shown =
        fetch("7-7").lines().stream().filter(l -> l.startsWith("  status")).findFirst().orElse("");

    assertEquals(status, shown.strip().replaceFirst("status +", ""));
  }

  @Test
  void printsTheMessagesThatWouldBePublishedOnePerLine() throws Exception {
    CommandRun run = fetch("--json", "1001-20260101020000");

    assertEquals(0, run.exitCode(), run.err());
    assertEquals(5, run.lines().size(), run.out());
    JsonNode instance = Json.read(run.lines().get(0));
    assertEquals("flow-instances", instance.path("topic").asText());
    assertEquals("1001-20260101020000", instance.path("key").asText());
    assertEquals(
        "io.flowinstance.flow-instance.v1", instance.path("headers").path("ce_type").asText());
    JsonNode enrichment = instance.path("value").path("enrichment");
    assertEquals(4, enrichment.path("taskCount").asInt());
    assertEquals("flow-instance-ids-0-0", enrichment.path("observationId").asText());
    assertEquals(
        instance.path("headers").path("ce_time").asText(), enrichment.path("fetchedAt").asText());
    JsonNode last = Json.read(run.lines().get(4));
    assertEquals("task-statuses", last.path("topic").asText());
    assertEquals("flow-instance-ids-0-0/3", last.path("headers").path("ce_id").asText());
  }

  @Test
  void printsTheGraphAsAMermaidFlowchartAsThePageDoes() throws IOException {
    enos.instances().advance("1005-20260101121500", Integer.MAX_VALUE);

    CommandRun run = fetch("--mermaid", "1005-20260101121500");

    assertEquals(0, run.exitCode(), run.err());
    assertTrue(commandsPage().contains("```mermaid\n" + run.out() + "```\n"), run.out());
    assertEquals(2, fetch("--mermaid", "--json", "1005-20260101121500").exitCode());
  }

  @Test
  void saysWhereToLookIfAnAnswerCannotBeReadAndIsNotOfTheApi() {
    enos.faults()
        .set(
            Fault.body("{\"status\":0,\"data\":{\"instanceId\":\"7-7\",\"flowId\":2438.5}}"),
            FaultScope.all());

    CommandRun run = fetch("7-7");

    assertEquals(1, run.exitCode());
    assertEquals(
        "/flowId is not a whole number of 64 bits: 2438.5. If what answers there is not the API,"
            + " check enos.base-url and enos.api-version.",
        run.err().strip());
  }

  @Test
  void printsTheDeadLetterOfATaskThatCannotBeRead() throws Exception {
    enos.faults()
        .set(
            Fault.body(
                "{\"status\":0,\"data\":{\"instanceId\":\"7-7\",\"graph\":{\"tasks\":[{\"taskName\":\"x\"}]}}}"),
            FaultScope.next(3));

    CommandRun tree = fetch("7-7");
    CommandRun chart = fetch("7-7", "--mermaid");
    JsonNode deadLetter = Json.read(fetch("7-7", "--json").lines().get(1));

    assertTrue(tree.out().contains("A task cannot be read. /graph/tasks/0 has no"), tree.out());
    assertEquals("flowchart LR\n", chart.out());
    assertTrue(chart.err().startsWith("A task cannot be read. /graph/tasks/0 has no"), chart.err());
    assertEquals("flow-instance-dead-letters", deadLetter.path("topic").asText());
    assertEquals("7-7", deadLetter.path("value").asText());
    assertEquals("UNREADABLE_TASK", deadLetter.path("headers").path("dead-letter-reason").asText());
    assertEquals("7-7", deadLetter.path("headers").path("dead-letter-instance-id").asText());
  }

  @Test
  void countsTheTasksWhoseFaultsItDoesNotName() {
    String tasks = String.join(",", Collections.nCopies(12, "{\"taskName\":\"x\"}"));
    enos.faults()
        .set(
            Fault.body(
                "{\"status\":0,\"data\":{\"instanceId\":\"7-7\",\"graph\":{\"tasks\":[%s]}}}"
                    .formatted(tasks)),
            FaultScope.next(1));

    List<String> sentences =
        fetch("7-7").lines().stream().filter(line -> line.contains(" be read.")).toList();

    assertEquals(11, sentences.size(), sentences::toString);
    assertTrue(sentences.get(9).startsWith("A task cannot be read. /graph/tasks/9 has no"));
    assertEquals("2 more tasks cannot be read.", sentences.get(10));
  }

  @Test
  void signsItsCallAndAsksOnceMoreWithANewToken() {
    enos.requireSignature(true);
    Map<String, String> environment = new HashMap<>(CommandRun.api(enos.baseUrl()));
    environment.put("ENOS_AUTH", "signed");
    environment.put("ENOS_APP_KEY", enos.tokens().appKey());
    environment.put("ENOS_APP_SECRET", enos.tokens().appSecret());
    enos.faults().set(Fault.status(401), FaultScope.next(1));

    assertEquals(0, CommandRun.of(environment, "fetch", "1001-20260101020000").exitCode());

    environment.put("ENOS_APP_SECRET", "not-the-secret");
    CommandRun refused = CommandRun.of(environment, "fetch", "1001-20260101020000");
    assertEquals(1, refused.exitCode());
    assertTrue(refused.err().contains("Check enos.app-key, enos.app-secret"), refused.err());
    assertFalse(refused.err().contains("not-the-secret"), refused.err());
  }

  @Test
  void saysInOneLineWhatTheApiSays() {
    enos.faults().set(Fault.status(503), FaultScope.ids("1-2026010100"));

    assertFailure("The API rejects this id: HTTP 200, code 62102 (invalid parameter).", "404-1");
    assertFailure("The API cannot answer now: HTTP 503 (Service unavailable).", "1-2026010100");
    assertFailure("The id is empty.", " ");
    CommandRun nobody =
        CommandRun.of(CommandRun.api("http://127.0.0.1:1"), "fetch", "1001-20260101020000");
    assertEquals(1, nobody.exitCode());
    assertTrue(nobody.err().contains("Connection refused"), nobody.err());
    assertEquals(1, nobody.err().lines().count(), nobody.err());
  }

  private static void assertFailure(String sentence, String id) {
    CommandRun run = fetch(id);
    assertEquals(1, run.exitCode());
    assertEquals(List.of(sentence), run.err().lines().toList());
    assertEquals("", run.out());
  }
}
