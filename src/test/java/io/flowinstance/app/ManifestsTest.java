package io.flowinstance.app;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.flowinstance.config.Settings;
import io.flowinstance.harness.Kustomization;
import io.flowinstance.harness.ManifestSchemas;
import io.flowinstance.harness.Manifests;
import io.flowinstance.harness.Manifests.Manifest;
import io.flowinstance.harness.Pod;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ManifestsTest {
  private static final Set<String> SERVED =
      Set.of(
          "/observe/health/started",
          "/observe/health/live",
          "/observe/health/ready",
          "/observe/metrics");

  /** What kustomize puts behind the names of config maps that it made. */
  private static final Pattern HASH =
      Pattern.compile("(?<=name: flow-instance-routes-settings)-[a-z0-9]{10}$", Pattern.MULTILINE);

  static final Settings DEFAULTS =
      Settings.resolve(
          Map.of(),
          Map.of(
              "enos.base-url", "https://apigw.example",
              "enos.auth", "none",
              "enos.user-id", "u",
              "enos.org-id", "o"));

  static List<Path> folders() {
    return Kustomization.folders();
  }

  @ParameterizedTest
  @MethodSource("folders")
  void aClusterTakesEveryObject(Path folder) {
    List<ObjectNode> objects = Kustomization.render(folder);

    assertFalse(objects.isEmpty());
    for (ObjectNode object : objects) {
      assertEquals(
          Set.of(), ManifestSchemas.faults(object), () -> folder + ": " + object.get("metadata"));
    }
  }

  @ParameterizedTest
  @MethodSource("folders")
  void kubectlRendersTheSame(Path folder) throws IOException, InterruptedException {
    assumeTrue(hasKubectl(), "kubectl is not installed");
    Process kubectl =
        new ProcessBuilder("kubectl", "kustomize", folder.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    String rendered = new String(kubectl.getInputStream().readAllBytes(), UTF_8);

    assertEquals(0, kubectl.waitFor());
    assertEquals(
        byName(Kustomization.render(folder)),
        byName(Manifests.objects(HASH.matcher(rendered).replaceAll(""))));
  }

  private static boolean hasKubectl() {
    return Stream.of(System.getenv("PATH").split(File.pathSeparator))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, "kubectl")));
  }

  private static Map<String, JsonNode> byName(List<ObjectNode> objects) {
    return objects.stream()
        .collect(
            Collectors.toMap(
                object -> object.get("kind").asText() + " " + object.at("/metadata/name").asText(),
                object -> object,
                (one, other) -> fail(one + " is there twice"),
                TreeMap::new));
  }

  @Test
  void theCommandOfThePageFillsInAllThatIsTheUsers(@TempDir Path folder) throws Exception {
    String command =
        first("docs/deploy.md", "(?s)```sh kubernetes\\n(sed .*?)```")
            .replace("{image}", "registry.test/image");
    for (Path file :
        Stream.of(".yaml", ".env").flatMap(e -> Manifests.files(e).stream()).toList()) {
      Path copy = folder.resolve(file);
      Files.createDirectories(copy.getParent());
      Files.copy(file, copy);
    }
    Process shell =
        new ProcessBuilder("bash", "-c", command)
            .directory(folder.toFile())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    String left = new String(shell.getInputStream().readAllBytes(), UTF_8);

    assertEquals(0, shell.waitFor());
    assertEquals(
        Set.of("k8s/camel-k/git/patch-git.yaml", "k8s/camel-k/kamelet/integration.yaml"),
        left.lines().map(line -> line.replaceFirst(":.*", "")).collect(Collectors.toSet()));
    for (String overlay : List.of("dev", "prod")) {
      String text = Files.readString(folder.resolve("k8s/overlays/" + overlay + "/settings.env"));
      assertTrue(text.contains("ENOS_BASE_URL=https://{apigw-address}\n"), text);
      assertTrue(text.contains("ENOS_USER_ID={user}\nENOS_ORG_ID={organization}\n"), text);
      assertTrue(
          Files.readString(folder.resolve("k8s/overlays/" + overlay + "/kustomization.yaml"))
              .contains("newName: registry.test/image\n"));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "Deployment, /spec, replicass, 1",
    "Deployment, /spec/template/spec, restartPolicy, sometimes",
    "Deployment, /spec/template/spec/containers/0, name,",
    "Deployment, /metadata, labls, x",
    "KafkaTopic, /spec, partitions, 0",
    "KafkaUser, /spec/authorization, acls,",
    "KafkaUser, /spec/authentication, type, scram-sha-521",
    "Integration, /spec/traits/health, readinesPort, 9876",
    "Integration, /spec, replicas, two",
    "PodMonitor, /spec, selector,",
    "ScaledObject, /spec/scaleTargetRef, name,"
  })
  void aClusterRefusesAFaultyField(String kind, String parent, String field, String value) {
    ObjectNode object =
        Kustomization.folders().stream()
            .flatMap(folder -> Kustomization.render(folder).stream())
            .filter(one -> one.get("kind").textValue().equals(kind))
            .findFirst()
            .orElseThrow();
    ObjectNode changed = (ObjectNode) object.at(parent);
    if (value == null) {
      changed.remove(field);
    } else {
      changed.put(field, value);
    }

    assertEquals(1, ManifestSchemas.faults(object).size());
  }

  @Test
  void everyFileIsPartOfTheKustomizationBesideIt() {
    for (Manifest kustomization : Manifests.ofKind("Kustomization")) {
      Path folder = kustomization.file().getParent();
      Set<Path> named = new TreeSet<>();
      for (String list : List.of("resources", "components", "configurations")) {
        kustomization.content().path(list).forEach(file -> named.add(path(folder, file)));
      }
      kustomization
          .content()
          .path("patches")
          .forEach(patch -> named.add(path(folder, patch.get("path"))));
      for (JsonNode generator : kustomization.content().path("configMapGenerator")) {
        generator.path("envs").forEach(file -> named.add(path(folder, file)));
        for (JsonNode file : generator.path("files")) {
          named.add(folder.resolve(file.textValue().replaceFirst("^[^=]*=", "")).normalize());
        }
      }
      named.forEach(file -> assertTrue(Files.exists(file), () -> kustomization + ": " + file));
      Set<Path> there =
          Stream.of(".yaml", ".env", ".json")
              .flatMap(ending -> Manifests.files(ending).stream())
              .filter(file -> file.getParent().equals(folder))
              .filter(file -> !file.equals(kustomization.file()))
              .collect(Collectors.toSet());
      there.removeAll(named);
      assertEquals(Set.of(), there, kustomization::toString);
    }
  }

  private static Path path(Path folder, JsonNode name) {
    return folder.resolve(name.textValue()).normalize();
  }

  @Test
  void probesAskWhatTheProgramServes() {
    for (String file : List.of("base/deployment.yaml", "watch/deployment.yaml")) {
      JsonNode container = Manifests.one(file, "Deployment").at("/spec/template/spec/containers/0");
      Set<String> ports = texts(container.get("ports"), "name");
      for (String probe : List.of("startupProbe", "livenessProbe", "readinessProbe")) {
        JsonNode get = container.get(probe).get("httpGet");
        assertTrue(ports.contains(get.get("port").textValue()), probe);
        assertTrue(SERVED.contains(get.get("path").textValue()), probe);
      }
      assertEquals(
          DEFAULTS.getInt("management.port"), container.at("/ports/0/containerPort").intValue());
    }

    JsonNode health =
        Manifests.one("camel-k/base/integration.yaml", "Integration").at("/spec/traits/health");
    for (String probe : List.of("startup", "liveness", "readiness")) {
      assertTrue(SERVED.contains(health.get(probe + "Probe").textValue()), probe);
      assertEquals(
          DEFAULTS.getInt("management.port"), health.get(probe + "Port").intValue(), probe);
    }
  }

  @Test
  void thePodMonitorScrapesAPortOfThePod() {
    JsonNode monitor = Manifests.one("monitoring/podmonitor.yaml", "PodMonitor");
    JsonNode endpoint = monitor.at("/spec/podMetricsEndpoints/0");
    Set<String> ports =
        texts(
            Manifests.one("base/deployment.yaml", "Deployment")
                .at("/spec/template/spec/containers/0/ports"),
            "name");

    assertTrue(ports.contains(endpoint.get("port").textValue()));
    assertTrue(SERVED.contains(endpoint.get("path").textValue()));
    assertEquals(
        Pod.of(Path.of("k8s/base")).get(0).labels().get("app.kubernetes.io/name"),
        monitor.at("/spec/selector/matchLabels/app.kubernetes.io~1name").textValue());
    assertTrue(
        Manifests.one("camel-k/base/integration.yaml", "Integration")
            .at("/spec/traits/container/ports/0")
            .textValue()
            .startsWith(endpoint.get("port").textValue() + ";"));
  }

  @ParameterizedTest
  @MethodSource("folders")
  void everyVariableIsASetting(Path folder) {
    Set<String> variables =
        DEFAULTS.asMap().keySet().stream()
            .map(Settings::environmentVariable)
            .collect(Collectors.toSet());
    for (Pod pod : Pod.of(folder)) {
      for (String name : pod.environment().keySet()) {
        assertTrue(variables.contains(name.replaceFirst("_FILE$", "")), () -> pod + ": " + name);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("folders")
  void thePodsServeAndEndAsTheSettingsSay(Path folder) {
    for (Pod pod : Pod.of(folder)) {
      if (!pod.isServed()) {
        continue;
      }
      Map<String, String> settings = pod.environment();
      assertEquals(DEFAULTS.getString("management.port"), settings.get("MANAGEMENT_PORT"));
      assertTrue(
          pod.spec().get("terminationGracePeriodSeconds").intValue() * 1000
              > Integer.parseInt(settings.get("SHUTDOWN_TIMEOUT_MS")),
          pod::toString);
    }
  }

  @Test
  void theTopicsAreThoseOfTheSettingsAndEachIsMadeOnce() {
    List<String> made = Manifests.ofKind("KafkaTopic").stream().map(Manifest::name).toList();

    assertEquals(made.size(), new HashSet<>(made).size());
    assertEquals(
        Set.of(
            DEFAULTS.getString("topic.instance-ids"),
            DEFAULTS.getString("topic.flow-instances"),
            DEFAULTS.getString("topic.task-statuses"),
            DEFAULTS.getString("topic.dead-letters"),
            DEFAULTS.getString("topic.transitions"),
            "flow-instance-routes-watch-instances-changelog",
            "flow-instance-routes-watch-from-changelog",
            DEFAULTS.getString("topic.discover-watermark"),
            "flow-instances-to-http-dead-letters"),
        new HashSet<>(made));
    for (Path file : Manifests.files(".env")) {
      assertFalse(Manifests.text(file).contains("TOPIC_"), "a topic is named again in " + file);
    }
  }

  @Test
  void theMemoryOfTheChangeFeedHasThePartitionsOfTheInstances() {
    Map<String, JsonNode> partitions =
        Manifests.ofKind("KafkaTopic").stream()
            .collect(
                Collectors.toMap(Manifest::name, topic -> topic.content().at("/spec/partitions")));
    JsonNode read = partitions.get(DEFAULTS.getString("topic.flow-instances"));

    assertEquals(read, partitions.get("flow-instance-routes-watch-instances-changelog"));
    assertEquals(read, partitions.get("flow-instance-routes-watch-from-changelog"));
  }

  @Test
  void kedaMakesNoMoreConsumersThanThereArePartitions() {
    JsonNode spec = Manifests.one("keda/scaledobject.yaml", "ScaledObject").get("spec");
    JsonNode trigger = spec.at("/triggers/0/metadata");
    Map<String, String> settings = Manifests.environment(Path.of("k8s/overlays/prod/settings.env"));
    Manifest ids =
        Manifests.ofKind("KafkaTopic").stream()
            .filter(topic -> topic.name().equals(trigger.get("topic").textValue()))
            .findFirst()
            .orElseThrow();
    int consumers =
        Integer.parseInt(
            settings.getOrDefault("KAFKA_CONSUMERS", DEFAULTS.getString("kafka.consumers")));

    assertEquals(
        ids.content().at("/spec/partitions").intValue(),
        spec.get("maxReplicaCount").intValue() * consumers);
    assertEquals(DEFAULTS.getString("topic.instance-ids"), trigger.get("topic").textValue());
    assertEquals(DEFAULTS.getString("kafka.group-id"), trigger.get("consumerGroup").textValue());
    assertEquals(
        settings.get("KAFKA_BOOTSTRAP_SERVERS"), trigger.get("bootstrapServers").textValue());
    assertEquals("earliest", trigger.get("offsetResetPolicy").textValue());
    assertEquals(
        Manifests.one("base/deployment.yaml", "Deployment").at("/metadata/name"),
        spec.at("/scaleTargetRef/name"));
    assertEquals(
        Manifests.one("keda/triggerauthentication.yaml", "TriggerAuthentication")
            .at("/metadata/name"),
        spec.at("/triggers/0/authenticationRef/name"));
  }

  @Test
  void camelKScalesAsKedaDoes() {
    JsonNode keda =
        Manifests.one("camel-k/keda/patch-keda.yaml", "Integration").at("/spec/traits/keda");
    JsonNode spec = Manifests.one("keda/scaledobject.yaml", "ScaledObject").get("spec");

    for (String field : List.of("minReplicaCount", "maxReplicaCount", "pollingInterval")) {
      assertEquals(spec.get(field), keda.get(field), field);
    }
    assertEquals(spec.at("/triggers/0/metadata"), keda.at("/triggers/0/metadata"));
  }

  @Test
  void camelKRunsTheProgramAndHoldsNoRoute() {
    for (Manifest integration : Manifests.ofKind("Integration")) {
      if (integration.name().equals("flow-instances-to-http")) {
        // It runs the Kamelet, and not the program.
        continue;
      }
      for (String field : List.of("flows", "sources")) {
        assertTrue(integration.content().at("/spec/" + field).isMissingNode(), field);
      }
    }
    assertTrue(
        Manifests.one("camel-k/git/patch-git.yaml", "Integration")
            .at("/spec/traits/jvm/jar")
            .textValue()
            .endsWith("/" + first("pom.xml", "<finalName>(.*)</finalName>") + ".jar"));
  }

  @Test
  void aPodOfCamelKIsThatOfTheDeployment() {
    Pod deployed = Pod.of(Path.of("k8s/base")).get(0);
    Pod integration = Pod.of(Path.of("k8s/camel-k/base")).get(0);

    for (String field :
        List.of(
            "automountServiceAccountToken",
            "enableServiceLinks",
            "terminationGracePeriodSeconds",
            "securityContext",
            "volumes")) {
      assertEquals(deployed.spec().get(field), integration.spec().get(field), field);
    }
    Set<String> propagated = new TreeSet<>();
    Manifests.one("camel-k/base/integration.yaml", "Integration")
        .at("/spec/traits/owner/targetLabels")
        .forEach(label -> propagated.add(label.textValue()));
    assertEquals(Set.of("app.kubernetes.io/name", "app.kubernetes.io/component"), propagated);
    for (String field : List.of("envFrom", "env", "volumeMounts")) {
      assertEquals(deployed.container().get(field), integration.container().get(field), field);
    }
  }

  @Test
  void theRouteGivesTheKameletWhatItNeeds() {
    JsonNode definition =
        Manifests.one("camel-k/kamelet/flow-instance-fetch-action.kamelet.yaml", "Kamelet")
            .at("/spec/definition");
    JsonNode step =
        Manifests.one("camel-k/kamelet/integration.yaml", "Integration")
            .at("/spec/flows/0/route/from/steps/1/to");
    JsonNode given = step.get("parameters");

    assertEquals("kamelet:flow-instance-fetch-action", step.get("uri").textValue());
    definition
        .get("required")
        .forEach(name -> assertTrue(given.has(name.textValue()), name.textValue()));
    given
        .fieldNames()
        .forEachRemaining(name -> assertTrue(definition.get("properties").has(name), name));
  }

  @Test
  void theImageHasThePortAndTheUserOfTheDeployment() {
    assertEquals(first("Dockerfile", "(?m)^EXPOSE (.*)$"), DEFAULTS.getString("management.port"));
    String user =
        Manifests.one("base/deployment.yaml", "Deployment")
            .at("/spec/template/spec/securityContext/runAsUser")
            .asText();
    assertTrue(first("Dockerfile", "(?m)^USER (.*)$").startsWith(user + ":"));
    assertFalse(first("Dockerfile", "(?m)^FROM (.*)$").endsWith(":latest"));
  }

  private static String first(String file, String pattern) {
    Matcher matcher = Pattern.compile(pattern).matcher(Manifests.text(Path.of(file)));
    assertTrue(matcher.find(), () -> file + " has no " + pattern);
    return matcher.group(1);
  }

  private static Set<String> texts(JsonNode list, String field) {
    Set<String> texts = new TreeSet<>();
    ((ArrayNode) list).forEach(element -> texts.add(element.get(field).textValue()));
    return texts;
  }
}
