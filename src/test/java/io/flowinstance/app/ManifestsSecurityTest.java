package io.flowinstance.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.flowinstance.config.Settings;
import io.flowinstance.harness.Kustomization;
import io.flowinstance.harness.Manifests;
import io.flowinstance.harness.Pod;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the manifests let a pod do, know and reach. */
class ManifestsSecurityTest {
  private static final Pattern CREATED =
      Pattern.compile("create (?:secret generic|configmap) (\\S+)([^\\n]*)");
  private static final Pattern KEY = Pattern.compile("--from-(?:file|literal)=([\\w.]+)");
  private static final Pattern PLACEHOLDER = Pattern.compile("\\{\\{secret:([^/}]+)/([^}]+)}}");

  static List<Path> folders() {
    return Kustomization.folders();
  }

  static List<Pod> pods() {
    return folders().stream().flatMap(folder -> Pod.of(folder).stream()).toList();
  }

  @ParameterizedTest
  @MethodSource("pods")
  void aPodMeetsTheRestrictedStandardOnAReadOnlyFileSystemWithoutAToken(Pod pod) {
    JsonNode spec = pod.spec();
    assertFalse(spec.get("automountServiceAccountToken").booleanValue());
    assertFalse(spec.get("enableServiceLinks").booleanValue());
    assertTrue(spec.at("/securityContext/runAsNonRoot").booleanValue());
    assertEquals("RuntimeDefault", spec.at("/securityContext/seccompProfile/type").textValue());
    JsonNode container = pod.container();
    assertTrue(container.at("/securityContext/readOnlyRootFilesystem").booleanValue());
    if (pod.isTemplate()) {
      JsonNode trait = object(pod, "Integration").at("/spec/traits/container");
      assertFalse(trait.get("allowPrivilegeEscalation").booleanValue());
      assertEquals("[\"ALL\"]", trait.get("capabilitiesDrop").toString());
      assertTrue(trait.has("limitMemory"));
    } else {
      assertFalse(container.at("/securityContext/allowPrivilegeEscalation").booleanValue());
      assertEquals(
          "{\"drop\":[\"ALL\"]}", container.at("/securityContext/capabilities").toString());
      assertTrue(container.at("/resources/limits").has("memory"));
    }
    for (JsonNode volume : spec.get("volumes")) {
      assertTrue(volume.has("emptyDir") || volume.has("projected"), volume::toString);
    }
  }

  @ParameterizedTest
  @MethodSource("pods")
  void aPodRunsAsAServiceAccountOfItsFolderThatMountsNoToken(Pod pod) {
    List<ObjectNode> accounts =
        pod.objects().stream()
            .filter(object -> object.get("kind").textValue().equals("ServiceAccount"))
            .toList();

    assertTrue(
        accounts.stream()
            .anyMatch(
                one -> one.at("/metadata/name").equals(pod.spec().get("serviceAccountName"))));
    for (ObjectNode account : accounts) {
      assertFalse(account.get("automountServiceAccountToken").booleanValue());
    }
  }

  @ParameterizedTest
  @MethodSource("pods")
  void aSecretIsAFileAndNeverAVariable(Pod pod) {
    for (JsonNode source : pod.container().path("envFrom")) {
      assertFalse(source.has("secretRef"), pod::toString);
    }
    for (JsonNode variable : pod.container().path("env")) {
      assertFalse(variable.has("valueFrom"), pod::toString);
    }
    Set<String> files = files(pod);
    pod.environment()
        .forEach(
            (name, value) -> {
              assertFalse(name.matches(".*(_SECRET|_PASSWORD|_JAAS_CONFIG|_APP_KEY)"), name);
              if (value.startsWith("/")) {
                assertTrue(files.contains(value), () -> pod + " has no file for " + name);
              }
            });
  }

  /** The paths of the files that are mounted. */
  private static Set<String> files(Pod pod) {
    Set<String> files = new TreeSet<>();
    for (JsonNode mount : pod.container().get("volumeMounts")) {
      for (JsonNode volume : pod.spec().get("volumes")) {
        if (volume.get("name").equals(mount.get("name"))) {
          for (JsonNode path : volume.findValues("path")) {
            files.add(mount.get("mountPath").textValue() + "/" + path.textValue());
          }
        }
      }
    }
    return files;
  }

  @ParameterizedTest
  @MethodSource("folders")
  void everySecretAndItsKeysAreMadeByACommandOfThePages(Path folder) {
    Map<String, Set<String>> made = new TreeMap<>();
    for (String page : List.of("docs/deploy.md", "docs/camel-k.md")) {
      CREATED
          .matcher(Manifests.text(Path.of(page)).replaceAll("\\s*\\\\\\n\\s*", " "))
          .results()
          .forEach(
              found ->
                  made.computeIfAbsent(found.group(1), name -> new TreeSet<>())
                      .addAll(keys(found)));
    }
    for (ObjectNode object : Kustomization.render(folder)) {
      for (String used : secrets(object)) {
        String[] entry = used.split("/", 2);
        assertTrue(
            made.getOrDefault(entry[0], Set.of()).contains(entry[1]),
            () -> folder + " needs " + used + ", but the pages make " + made);
      }
    }
  }

  private static Set<String> keys(MatchResult created) {
    return KEY.matcher(created.group(2))
        .results()
        .map(key -> key.group(1))
        .collect(Collectors.toSet());
  }

  /** The secrets and foreign config maps that an object reads, each as name and key. */
  private static Set<String> secrets(ObjectNode object) {
    Set<String> secrets = new TreeSet<>();
    for (JsonNode sources : object.findValues("sources")) {
      for (JsonNode source : sources) {
        JsonNode secret = source.has("secret") ? source.get("secret") : source.get("configMap");
        for (JsonNode item : secret.get("items")) {
          secrets.add(secret.get("name").textValue() + "/" + item.get("key").textValue());
        }
      }
    }
    for (JsonNode reference : object.at("/spec/secretTargetRef")) {
      secrets.add(reference.get("name").textValue() + "/" + reference.get("key").textValue());
    }
    for (JsonNode trigger : object.at("/spec/traits/keda/triggers")) {
      for (JsonNode secret : trigger.get("secrets")) {
        secret
            .get("mapping")
            .fieldNames()
            .forEachRemaining(key -> secrets.add(secret.get("name").textValue() + "/" + key));
      }
    }
    PLACEHOLDER
        .matcher(object.toString())
        .results()
        .forEach(found -> secrets.add(found.group(1) + "/" + found.group(2)));
    return secrets;
  }

  @Test
  void theRouteOfTheKameletMountsTheSecretsThatItNames() {
    ObjectNode route = Manifests.one("camel-k/kamelet/integration.yaml", "Integration");
    Set<String> mounted = new TreeSet<>();
    route.at("/spec/traits/mount/configs").forEach(config -> mounted.add(config.textValue()));

    for (String used : secrets(route)) {
      assertTrue(mounted.contains("secret:" + used.replaceFirst("/.*", "")), used);
    }
    assertTrue(route.at("/spec/traits/environment").isMissingNode());
  }

  @ParameterizedTest
  @MethodSource("pods")
  void noPodReachesOrIsReachedByWhatNoPolicyNames(Pod pod) {
    List<JsonNode> policies =
        pod.objects().stream()
            .filter(object -> object.get("kind").textValue().equals("NetworkPolicy"))
            .map(object -> object.get("spec"))
            .toList();

    assertTrue(
        policies.stream()
            .anyMatch(
                policy ->
                    policy.get("podSelector").isEmpty()
                        && policy.get("policyTypes").size() == 2
                        && !policy.has("ingress")
                        && !policy.has("egress")));
    Set<String> reached = new TreeSet<>();
    for (JsonNode policy : policies) {
      boolean selects =
          policy.at("/podSelector/matchLabels").properties().stream()
              .allMatch(
                  label -> label.getValue().textValue().equals(pod.labels().get(label.getKey())));
      for (String direction : List.of("egress/to", "ingress/from")) {
        String[] names = direction.split("/");
        for (JsonNode rule : policy.path(names[0])) {
          assertFalse(rule.path(names[1]).isEmpty(), () -> "a rule for anyone in " + pod);
          assertFalse(rule.path("ports").isEmpty(), () -> "a rule for any port in " + pod);
          for (JsonNode peer : rule.get(names[1])) {
            assertTrue(
                peer.has("ipBlock") || peer.has("podSelector") && peer.has("namespaceSelector"));
          }
          if (selects) {
            rule.get("ports").forEach(port -> reached.add(names[0] + port.get("port").asText()));
          }
        }
      }
    }
    List<String> expected = new ArrayList<>(List.of("egress53", "egress9092", "egress9093"));
    if (pod.isServed()) {
      expected.add("ingressmanagement");
    }
    if (pod.isPipeline()) {
      expected.add("egress443");
    }
    assertEquals(new TreeSet<>(expected), reached, pod::toString);
  }

  @ParameterizedTest
  @MethodSource("folders")
  void aNamespaceEnforcesTheRestrictedStandard(Path folder) {
    for (ObjectNode object : Kustomization.render(folder)) {
      if (object.get("kind").textValue().equals("Namespace")) {
        // The operator's own builder pod does not meet it.
        String enforced = folder.endsWith("git") ? "baseline" : "restricted";
        JsonNode labels = object.at("/metadata/labels");
        assertEquals(enforced, labels.get("pod-security.kubernetes.io/enforce").textValue());
        assertEquals("restricted", labels.get("pod-security.kubernetes.io/warn").textValue());
      }
    }
  }

  @Test
  void productionRunsImagesByDigest() {
    for (String folder : List.of("overlays/prod", "camel-k/image", "camel-k/keda")) {
      Set<String> images =
          Kustomization.render(Manifests.FOLDER.resolve(folder)).stream()
              .flatMap(object -> object.findValuesAsText("image").stream())
              .collect(Collectors.toSet());
      assertEquals(1, images.size(), images::toString);
      images.forEach(image -> assertTrue(image.matches("\\S+/\\S+@sha256:[0-9a-f]{64}"), image));
    }
  }

  @Test
  void eachLoginHasTheLeastRights() {
    Settings settings = ManifestsTest.DEFAULTS;
    String group = settings.getString("kafka.group-id");
    String ids = "topic " + settings.getString("topic.instance-ids") + ": ";
    String deadLetters = "topic " + settings.getString("topic.dead-letters") + ": ";

    assertEquals(
        Map.of(
            "flow-instance-routes",
            Set.of(
                ids + "Describe Read Write",
                "topic "
                    + settings.getString("topic.discover-watermark")
                    + ": Describe DescribeConfigs Read Write",
                "group " + group + "-discover: Read",
                "topic " + settings.getString("topic.flow-instances") + ": Describe Write",
                "topic " + settings.getString("topic.task-statuses") + ": Describe Write",
                deadLetters + "Describe DescribeConfigs Write",
                "group " + group + ": Read",
                "transactionalId " + group + "-pipeline-*: Describe Write"),
            "flow-instance-routes-replay",
            Set.of(
                deadLetters + "Describe Read",
                ids + "Describe Read Write",
                "group " + group + "-replay: Read",
                "transactionalId " + group + "-replay: Describe Write"),
            "flow-instance-routes-watch",
            Set.of(
                "topic " + settings.getString("topic.flow-instances") + ": Describe Read",
                "topic "
                    + settings.getString("topic.transitions")
                    + ": Describe DescribeConfigs Write",
                ids + "Describe Write",
                "topic " + group + "-watch-*: Describe DescribeConfigs Read Write",
                "group " + group + "-watch: Read",
                "group " + group + ": Describe",
                "transactionalId " + group + "-watch-*: Describe Write"),
            "flow-instance-routes-keda",
            Set.of(ids + "Describe", "group " + group + ": Describe"),
            "flow-instance-ids-producer",
            Set.of(ids + "Describe Write"),
            "flow-instances-to-http",
            Set.of(
                ids + "Describe Read",
                "topic flow-instances-to-http-dead-letters: Describe Write",
                "group flow-instances-to-http: Read")),
        rights());
    for (Pod pod : pods()) {
      if (pod.isPipeline()) {
        assertEquals(group + "-pipeline", pod.environment().get("KAFKA_TRANSACTIONAL_ID_PREFIX"));
      }
    }
  }

  @Test
  void noWorkloadMayUseTheTransactionsOfAnother() {
    List<String> resources =
        rights().values().stream()
            .flatMap(Set::stream)
            .filter(right -> right.startsWith("transactionalId"))
            .map(right -> right.replaceFirst("transactionalId (.*): .*", "$1"))
            .toList();

    for (String one : resources) {
      for (String other : resources) {
        boolean covers = one.endsWith("*") && other.startsWith(one.substring(0, one.length() - 1));
        assertTrue(one.equals(other) || !covers, () -> one + " covers " + other);
      }
    }
  }

  /** What each Kafka user may do: resource and operations. */
  private static Map<String, Set<String>> rights() {
    Map<String, Set<String>> rights = new TreeMap<>();
    for (Manifests.Manifest user : Manifests.ofKind("KafkaUser")) {
      Set<String> allowed = new TreeSet<>();
      for (JsonNode acl : user.content().at("/spec/authorization/acls")) {
        JsonNode resource = acl.get("resource");
        Set<String> operations = new TreeSet<>();
        acl.get("operations").forEach(operation -> operations.add(operation.textValue()));
        allowed.add(
            "%s %s%s: %s"
                .formatted(
                    resource.get("type").textValue(),
                    resource.get("name").textValue(),
                    resource.path("patternType").asText().equals("prefix") ? "*" : "",
                    String.join(" ", operations)));
      }
      rights.put(user.name(), allowed);
    }
    return rights;
  }

  @Test
  void eachWorkloadHasALoginOfItsOwn() {
    Set<String> users = rights().keySet();
    Map<String, String> owners = new TreeMap<>();
    for (ObjectNode object :
        Stream.of("overlays/prod", "keda", "camel-k/kamelet")
            .flatMap(folder -> Kustomization.render(Manifests.FOLDER.resolve(folder)).stream())
            .toList()) {
      String workload = object.get("kind").textValue() + " " + object.at("/metadata/name").asText();
      for (String used : secrets(object)) {
        String name = used.replaceFirst("/.*", "");
        if (users.contains(name)) {
          String other = owners.put(name, workload);
          assertTrue(other == null || other.equals(workload), () -> workload + " and " + other);
        }
      }
    }
    assertEquals(5, owners.size(), owners::toString);
  }

  private static ObjectNode object(Pod pod, String kind) {
    return pod.objects().stream()
        .filter(object -> object.get("kind").textValue().equals(kind))
        .findFirst()
        .orElseThrow();
  }
}
