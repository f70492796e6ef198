package io.flowinstance.kamelet;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
import io.flowinstance.event.FlowInstanceEvent;
import io.flowinstance.event.Schemas;
import io.flowinstance.event.TaskStatusEvent;
import io.flowinstance.json.Json;
import io.flowinstance.simulator.EnosSimulator;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import org.apache.camel.Exchange;
import org.apache.camel.ResolveEndpointFailedException;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.component.kamelet.KameletComponent;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The Kamelet, as it stands in its manifest, against the simulated EnOS. */
@Timeout(60)
class FetchActionTest {
  private final EnosSimulator enos = EnosSimulator.start();
  private final DefaultCamelContext context = new DefaultCamelContext();

  @BeforeEach
  void start() {
    enos.requireSignature(true);
    KameletComponent kamelets = new KameletComponent();
    kamelets.setLocation("file:k8s/camel-k/kamelet");
    context.addComponent("kamelet", kamelets);
    context.getPropertiesComponent().addInitialProperty("secret", "simulator-secret");
    context.start();
  }

  @AfterEach
  void stop() {
    context.stop();
    enos.close();
  }

  private String kamelet() {
    return "kamelet:flow-instance-fetch-action?userId=u&orgId=an org&appKey=simulator-key"
        + "&appSecret={{secret}}&baseUrl="
        + enos.baseUrl();
  }

  private Exchange send(Object id) {
    return send(kamelet(), id);
  }

  private Exchange send(String uri, Object id) {
    return context
        .createProducerTemplate()
        .request(uri, exchange -> exchange.getMessage().setBody(id));
  }

  @Test
  void givesTheEventsOfAnInstanceAsCloudEvents() throws Exception {
    Exchange exchange = send("1003-20260101033000");

    assertNull(exchange.getException());
    assertEquals(
        "application/cloudevents-batch+json", exchange.getMessage().getHeader("Content-Type"));
    JsonNode batch = Json.read(exchange.getMessage().getBody(String.class));
    Set<String> ids = new HashSet<>();
    for (JsonNode event : batch) {
      assertEquals("1.0", event.get("specversion").textValue());
      assertEquals("/enos/an%20org", event.get("source").textValue());
      assertTrue(ids.add(event.get("id").textValue()), event.toString());
    }
    JsonNode instance = batch.get(0);
    assertEquals(FlowInstanceEvent.TYPE, instance.get("type").textValue());
    assertEquals("1003-20260101033000", instance.get("subject").textValue());
    Schemas.valid(Schemas.FLOW_INSTANCE, Json.write(instance.get("data")));
    assertEquals(5, batch.size());
    for (int i = 1; i < batch.size(); i++) {
      JsonNode task = batch.get(i);
      assertEquals(TaskStatusEvent.TYPE, task.get("type").textValue());
      assertEquals(task.get("subject"), task.at("/data/taskInstId"));
      Schemas.valid(Schemas.TASK_STATUS, Json.write(task.get("data")));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://gateway.example",
        "https://gateway.example/",
        "https://gateway.example/path",
        "https://gateway.example?query"
      })
  void callsNoAddressWithoutTlsAndNoneWithAPath(String address) {
    String other = kamelet().replace(enos.baseUrl(), address);

    ResolveEndpointFailedException failure =
        assertThrows(ResolveEndpointFailedException.class, () -> send(other, "2438-201907261239"));
    assertTrue(
        stackTrace(failure).contains("baseUrl must be https://{apigw-address}"),
        () -> stackTrace(failure));
  }

  @Test
  void takesAnIdInEveryFormOfAnIdRecord() throws Exception {
    JsonNode batch =
        Json.read(
            send("{\"flowInstId\": \"2438-201907261239\"}".getBytes(UTF_8))
                .getMessage()
                .getBody(String.class));

    assertEquals("2438-201907261239", batch.at("/0/data/instanceId").textValue());
  }

  @Test
  void failsForAnIdThatTheApiRejects() {
    ApiFailure failure = ApiFailure.in(send("404-20260101000000").getException());

    assertEquals(FailureKind.REJECTED, failure.kind());
  }

  @Test
  void asksForJson() {
    send("2438-201907261239");

    assertEquals(
        "application/json", enos.traffic().lastCall().orElseThrow().header("accept").orElse(null));
  }

  @Test
  void quotesNoTokenThatAnAnswerQuotes() {
    send("2438-201907261239");
    String token = enos.traffic().lastCall().orElseThrow().header("apim-accesstoken").orElseThrow();
    List<Fault> quoting =
        List.of(
            Fault.body("{\"status\":62102,\"msg\":\"%s\"}".formatted(token)),
            Fault.status(404, "text/html", "<p>No route for %s</p>".formatted(token)),
            Fault.body("{\"status\":0,\"data\":{\"flowId\":\"%s\"}}".formatted(token)));

    for (Fault fault : quoting) {
      enos.faults().set(fault, FaultScope.all());
      Exchange exchange = send("2438-201907261239");

      ApiFailure failure = ApiFailure.in(exchange.getException());
      assertFalse(stackTrace(exchange.getException()).contains(token), failure.getMessage());
      assertFalse(new String(failure.response(), UTF_8).contains(token));
      assertFalse(exchange.getMessage().getHeaders().toString().contains(token));
    }
    assertEquals(1 + quoting.size(), enos.traffic().calls());
  }

  private static String stackTrace(Throwable thrown) {
    StringWriter text = new StringWriter();
    thrown.printStackTrace(new PrintWriter(text));
    return text.toString();
  }

  @Test
  void endsACallWhoseAnswerTricklesAtTheTimeout() {
    enos.faults().set(Fault.tricklingBody(Duration.ofMillis(100)), FaultScope.all());

    ApiFailure failure =
        ApiFailure.in(send(kamelet() + "&timeoutMs=500", "2438-201907261239").getException());

    assertEquals(FailureKind.TRANSIENT, failure.kind());
    assertEquals(
        "The call was not answered: SocketTimeoutException: no whole answer within 500 ms.",
        failure.getMessage());
    assertEquals(1, enos.traffic().calls());
  }

  @Test
  void showsControlCharactersOfAnAnswerAsReplacementCharacters() {
    enos.faults().set(Fault.body("{\"status\":62102,\"msg\":\"a\\u001b[2Jb\"}"), FaultScope.all());

    ApiFailure failure = ApiFailure.in(send("2438-201907261239").getException());

    assertEquals(
        "The API rejects this id: HTTP 200, code 62102 (a\uFFFD[2Jb).", failure.getMessage());
    assertEquals(1, enos.traffic().calls());
  }

  @Test
  void needsNothingBesidesTheDependenciesThatTheManifestNames() {
    JavaClasses all =
        new ClassFileImporter(List.of(new ImportOption.DoNotIncludeTests()))
            .importPackages("io.flowinstance");
    Set<String> others = new TreeSet<>();
    Deque<JavaClass> open = new ArrayDeque<>(List.of(all.get(FetchAction.class)));
    Set<JavaClass> seen = new HashSet<>(open);
    while (!open.isEmpty()) {
      for (Dependency needs : open.pop().getDirectDependenciesFromSelf()) {
        JavaClass needed = needs.getTargetClass().getBaseComponentType();
        if (!needed.getPackageName().startsWith("io.flowinstance.")) {
          others.add(needed.getPackageName());
        } else if (seen.add(needed)) {
          open.push(needed);
        }
      }
    }

    others.removeIf(
        name ->
            name.matches(
                "|(java|org.apache.(camel|hc)|com.fasterxml.jackson|io.opentelemetry.(api|context))"
                    + "(\\..*)?"));
    assertEquals(Set.of(), others);
    assertEquals(
        Set.of("enos", "event", "fetch", "graph", "id", "json", "kamelet", "trace"),
        seen.stream()
            .map(each -> each.getPackageName().substring("io.flowinstance.".length()))
            .collect(Collectors.toSet()));
  }

  @Test
  void namesTheVersionsOfThePom() throws Exception {
    String pom = Files.readString(Path.of("pom.xml"));
    String manifest =
        Files.readString(Path.of("k8s/camel-k/kamelet/flow-instance-fetch-action.kamelet.yaml"));

    Map.of("httpclient5", "httpclient5", "opentelemetry", "opentelemetry-api")
        .forEach(
            (property, artifact) -> {
              String version = pom.replaceAll("(?s).*<" + property + ".version>(.*?)<.*", "$1");
              assertTrue(manifest.contains(":" + artifact + ":" + version + "\n"), artifact);
            });
  }

  @Test
  void stopsItsTimerWithTheContext() {
    Set<Thread> before = timers();
    send("2438-201907261239");
    assertEquals(before.size() + 1, timers().size());

    context.stop();

    await().until(() -> timers().equals(before));
  }

  private static Set<Thread> timers() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("fetch-timeouts"))
        .collect(Collectors.toSet());
  }

  @Test
  void leavesRetriesAndDeadLettersToTheRouteThatUsesIt() throws Exception {
    // Two calls: the first and one more.
    enos.faults().set(Fault.status(503), FaultScope.next(2));
    List<String> delivered = new CopyOnWriteArrayList<>();
    context.addRoutes(
        new RouteBuilder() {
          @Override
          public void configure() {
            errorHandler(
                deadLetterChannel("direct:dead").maximumRedeliveries(1).redeliveryDelay(0));
            from("direct:ids").to(kamelet()).process(x -> delivered.add("sink"));
            from("direct:dead").process(x -> delivered.add("dead " + x.getMessage().getBody()));
          }
        });

    context.createProducerTemplate().sendBody("direct:ids", "2438-201907261239");
    context.createProducerTemplate().sendBody("direct:ids", "2438-201907261239");

    assertEquals(List.of("dead 2438-201907261239", "sink"), delivered);
  }

  @Test
  void takesANewTokenForOneThatTheApiNoLongerKnows() {
    send("2438-201907261239");
    enos.tokens().expireAll();

    assertNull(send("2438-201907261239").getException());
  }

  @Test
  void refreshesATokenThatIsRevokedAndHandedOutAgain() {
    send("2438-201907261239");
    enos.tokens().revokeAll();

    assertNull(send("2438-201907261239").getException());
  }
}
