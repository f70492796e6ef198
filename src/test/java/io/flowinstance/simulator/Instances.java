package io.flowinstance.simulator;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.stream.Collectors.joining;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.stream.Collectors;

/**
 * The instances of the simulated organisation, and how far each has come: every get of an instance
 * takes it a step on, unless they are frozen. Frozen ones, those of the sized workflows and the
 * page's samples are what they will be in the end, at every call.
 *
 * <p>A get finds any id of a workflow that exists; a search finds the ids that were made known.
 */
public final class Instances {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int DEFAULT_PAGE_SIZE = 10;

  private record TemplateKey(int flowId, ApiVersion version, int step) {}

  private final Map<TemplateKey, InstanceTemplate> templates = new ConcurrentHashMap<>();
  private final Map<Integer, Integer> lastSteps = new ConcurrentHashMap<>();
  private final Map<String, Integer> steps = new ConcurrentHashMap<>();
  private final Map<String, InstanceId> known = new ConcurrentSkipListMap<>();
  private volatile boolean frozen;

  Instances() {}

  /** Whether every instance stands still, at its end. Off unless set. */
  public void frozen(boolean frozen) {
    this.frozen = frozen;
  }

  /** Makes instances known to a search. Throws IllegalArgumentException for an id of no form. */
  public void know(Collection<String> ids) {
    for (String id : ids) {
      known.put(
          id,
          InstanceId.parse(id)
              .orElseThrow(() -> new IllegalArgumentException("No instance id: " + id)));
    }
  }

  /** Takes an instance this many steps on at once; a large number takes it to its end. */
  public void advance(String id, int more) {
    steps.merge(id, more, (step, add) -> (int) Math.min(Integer.MAX_VALUE, (long) step + add));
  }

  /** Takes every instance back to where nothing has begun, and makes none known. */
  public void clear() {
    steps.clear();
    known.clear();
  }

  /** The instance as the API's data, and a step on; empty when there is none. */
  Optional<byte[]> get(String text, ApiVersion version) {
    return InstanceId.parse(text)
        .map(
            id -> {
              InstanceTemplate template = template(id, text, version);
              if (!standsStill(id)) {
                advance(text, 1);
              }
              return template.fill(id);
            });
  }

  /**
   * Answers a search: the known instances, by trigger time, that lie in {@code [fromTriggerTime,
   * toTriggerTime)}, have one of the statuses and one of the owners, and whose id or name holds the
   * expression; of those, one page. A criterion that is absent or empty lets everything through.
   *
   * @throws IllegalArgumentException when the criteria cannot be read
   */
  byte[] search(byte[] criteria, ApiVersion version) {
    JsonNode by = read(criteria);
    long from = by.path("fromTriggerTime").asLong(Long.MIN_VALUE);
    long to = by.path("toTriggerTime").asLong(Long.MAX_VALUE);
    Set<Integer> statuses = numbers(by.path("status").asText(""));
    String owner = by.path("owner").asText("");
    String expression = by.path("expression").asText("");
    int pageNo = by.path("pagination").path("pageNo").asInt(version.firstPage());
    int pageSize = by.path("pagination").path("pageSize").asInt(DEFAULT_PAGE_SIZE);
    if (pageNo < version.firstPage() || pageSize < 1) {
      throw new IllegalArgumentException("There is no page " + pageNo + " of " + pageSize);
    }
    List<JsonNode> found =
        known.values().stream()
            .filter(id -> from <= millis(id) && millis(id) < to)
            .sorted(Comparator.comparingLong(Instances::millis).thenComparing(InstanceId::toString))
            .map(id -> read(template(id, id.toString(), version).fill(id)))
            .filter(
                instance -> statuses.isEmpty() || statuses.contains(instance.get("status").asInt()))
            .filter(instance -> instance.get("owner").asText().contains(owner))
            .filter(instance -> idAndName(instance).contains(expression))
            .toList();
    return found.stream()
        .skip((long) (pageNo - version.firstPage()) * pageSize)
        .limit(pageSize)
        .map(JsonNode::toString)
        .collect(joining(",", "{\"flowInsts\":[", "],\"count\":" + found.size() + "}"))
        .getBytes(UTF_8);
  }

  private static String idAndName(JsonNode instance) {
    return instance.get("instanceId").asText() + ' ' + instance.get("flowName").asText();
  }

  private InstanceTemplate template(InstanceId id, String text, ApiVersion version) {
    if (PageSample.exists(id.flowId())) {
      return templates.computeIfAbsent(
          new TemplateKey(id.flowId(), version, 0),
          key -> PageSample.of(key.flowId(), key.version()));
    }
    int last = lastSteps.computeIfAbsent(id.flowId(), flow -> Workflows.of(flow).lastStep());
    int step = standsStill(id) ? last : Math.min(steps.getOrDefault(text, 0), last);
    return templates.computeIfAbsent(
        new TemplateKey(id.flowId(), version, step),
        key -> InstanceDrawing.of(Workflows.of(key.flowId()), key.version(), key.step()));
  }

  private boolean standsStill(InstanceId id) {
    return frozen || PageSample.exists(id.flowId()) || id.flowId() > Workflows.FIRST_SIZED;
  }

  private static long millis(InstanceId id) {
    return id.trigger().toInstant(ZoneOffset.UTC).toEpochMilli();
  }

  private static JsonNode read(byte[] json) {
    try {
      return JSON.readTree(json);
    } catch (IOException e) {
      throw new IllegalArgumentException("The body is not JSON", e);
    }
  }

  /** {@code "1,2,3"} as numbers. */
  private static Set<Integer> numbers(String text) {
    return Arrays.stream(text.split(","))
        .map(String::trim)
        .filter(number -> !number.isEmpty())
        .map(Integer::valueOf)
        .collect(Collectors.toSet());
  }
}
