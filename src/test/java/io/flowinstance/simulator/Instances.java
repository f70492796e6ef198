package io.flowinstance.simulator;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.time.ZoneOffset.UTC;
import static java.util.stream.Collectors.joining;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.stream.Collectors;

/**
 * The instances of the simulated organisation, and how far each has come: every get of an instance
 * takes it a step on, unless they are frozen. Frozen ones, those of the sized workflows and the
 * page's samples are what they will be in the end, at every call. One that was started goes on by
 * the clock alone.
 *
 * <p>A get finds any id of a workflow that exists; a search finds the ids that were made known or
 * started.
 */
public final class Instances {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int DEFAULT_PAGE_SIZE = 10;
  private static final int ANY_TYPE = -1;
  private static final DateTimeFormatter SECONDS = DateTimeFormatter.ofPattern("yyyyMMddHHmmss");

  private record TemplateKey(int flowId, ApiVersion version, int step, boolean rerun) {}

  /** An instance that a search finds, in the order of the answers. */
  private record Known(long triggerMillis, String text, InstanceId id)
      implements Comparable<Known> {
    @Override
    public int compareTo(Known other) {
      int order = Long.compare(triggerMillis, other.triggerMillis);
      return order != 0 ? order : text.compareTo(other.text);
    }
  }

  /** An instance as it stands now. */
  private record Snapshot(InstanceId id, InstanceTemplate template, Timeline.Run run, int steps) {
    byte[] json() {
      return run == null
          ? template.fill(id)
          : template.fill(id, utc(run.start()), utc(run.reaches(steps)));
    }

    boolean hasIdOrName(String expression) {
      return (id + " " + template.name()).contains(expression);
    }
  }

  private final Map<TemplateKey, InstanceTemplate> templates = new ConcurrentHashMap<>();
  private final Map<Integer, Integer> lastSteps = new ConcurrentHashMap<>();
  private final Map<String, Integer> steps = new ConcurrentHashMap<>();
  private final Map<String, Timeline> timelines = new ConcurrentHashMap<>();
  private final NavigableSet<Known> known = new ConcurrentSkipListSet<>();
  private volatile boolean frozen;

  Instances() {}

  /** Whether every instance stands still, at its end. Off unless set. */
  public void frozen(boolean frozen) {
    this.frozen = frozen;
  }

  /** Makes instances known to a search. Throws IllegalArgumentException for an id of no form. */
  public void know(Collection<String> ids) {
    ids.forEach(id -> know(parse(id)));
  }

  private void know(InstanceId id) {
    known.add(new Known(id.trigger().toInstant(UTC).toEpochMilli(), id.toString(), id));
  }

  /**
   * Starts an instance of this workflow now, and returns its id, whose trigger time is this second,
   * or the last one before in which none of the workflow was started.
   */
  public String startNow(int flowId, Duration step) {
    Instant now = Instant.now();
    for (LocalDateTime trigger = utc(now); ; trigger = trigger.minusSeconds(1)) {
      String id = flowId + "-" + SECONDS.format(trigger);
      if (timelines.putIfAbsent(id, timeline(parse(id), now, step)) == null) {
        know(parse(id));
        return id;
      }
    }
  }

  /**
   * Starts an instance at this time, past or future: it goes a step on whenever a step's length has
   * passed. What it was before is forgotten.
   *
   * @throws IllegalArgumentException for an id of no form, one of a page's sample, or no length
   */
  public void start(String text, Instant at, Duration step) {
    InstanceId id = parse(text);
    timelines.put(text, timeline(id, at, step));
    know(id);
  }

  /**
   * Runs an instance again, with the step length of the run before.
   *
   * @throws IllegalArgumentException when it was not started, or its last run is not over by then
   */
  public void rerun(String id, Instant at) {
    Timeline timeline = timelineOf(id);
    Timeline.Run last = timeline.runs().get(timeline.runs().size() - 1);
    timelines.put(id, timeline.rerun(new Timeline.Run(at, last.step())));
  }

  /**
   * Every status that a started instance and its tasks have had until then. Throws
   * IllegalArgumentException when it was not started.
   */
  public List<StatusChange> changes(String id, Instant until) {
    return timelineOf(id).changes(parse(id), until);
  }

  private static Timeline timeline(InstanceId id, Instant at, Duration step) {
    if (PageSample.exists(id.flowId()) || step.isNegative() || step.isZero()) {
      throw new IllegalArgumentException(id + " cannot go on every " + step.toMillis() + " ms");
    }
    return Timeline.of(Workflows.of(id.flowId()), new Timeline.Run(at, step));
  }

  private Timeline timelineOf(String id) {
    return Optional.ofNullable(timelines.get(id))
        .orElseThrow(() -> new IllegalArgumentException("Nobody started " + id));
  }

  /** Takes an instance this many steps on at once; a large number takes it to its end. */
  public void advance(String id, int more) {
    steps.merge(id, more, (step, add) -> (int) Math.min(Integer.MAX_VALUE, (long) step + add));
  }

  /** Takes every instance back to where nothing has begun, and makes none known. */
  public void clear() {
    steps.clear();
    timelines.clear();
    known.clear();
  }

  /** The instance as the API's data, and a step on; empty when there is none. */
  Optional<byte[]> get(String text, ApiVersion version) {
    return InstanceId.parse(text)
        .map(
            id -> {
              Snapshot snapshot = snapshot(id, text, version);
              if (snapshot.run() == null && !standsStill(id)) {
                advance(text, 1);
              }
              return snapshot.json();
            });
  }

  /**
   * Answers a search: the known instances, by trigger time, that lie in {@code [fromTriggerTime,
   * toTriggerTime)}, have the type, one of the statuses and one of the owners, and whose id or name
   * holds the expression; of those, one page. A criterion that is absent or empty lets everything
   * through.
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
    int type = by.path("type").asInt(ANY_TYPE);
    List<Snapshot> found =
        known.tailSet(new Known(from, "", null)).stream()
            .takeWhile(instance -> instance.triggerMillis() < to)
            .filter(instance -> type == ANY_TYPE || type == Workflows.type(instance.id().flowId()))
            .map(instance -> snapshot(instance.id(), instance.text(), version))
            .filter(
                instance -> statuses.isEmpty() || statuses.contains(instance.template().status()))
            .filter(instance -> instance.template().owner().contains(owner))
            .filter(instance -> expression.isEmpty() || instance.hasIdOrName(expression))
            .toList();
    return found.stream()
        .skip((long) (pageNo - version.firstPage()) * pageSize)
        .limit(pageSize)
        .map(instance -> new String(instance.json(), UTF_8))
        .collect(joining(",", "{\"flowInsts\":[", "],\"count\":" + found.size() + "}"))
        .getBytes(UTF_8);
  }

  private Snapshot snapshot(InstanceId id, String text, ApiVersion version) {
    Timeline timeline = timelines.get(text);
    if (timeline == null) {
      return new Snapshot(id, template(id, text, version), null, 0);
    }
    Timeline.Position now = timeline.at(Instant.now());
    TemplateKey key = new TemplateKey(id.flowId(), version, now.step(), now.rerun());
    return new Snapshot(id, template(key), now.run(), timeline.lastStep());
  }

  private InstanceTemplate template(InstanceId id, String text, ApiVersion version) {
    if (PageSample.exists(id.flowId())) {
      return templates.computeIfAbsent(
          new TemplateKey(id.flowId(), version, 0, false),
          key -> PageSample.of(key.flowId(), key.version()));
    }
    int last = lastSteps.computeIfAbsent(id.flowId(), flow -> Workflows.of(flow).lastStep());
    int step = standsStill(id) ? last : Math.min(steps.getOrDefault(text, 0), last);
    return template(new TemplateKey(id.flowId(), version, step, false));
  }

  private InstanceTemplate template(TemplateKey wanted) {
    return templates.computeIfAbsent(
        wanted,
        key ->
            InstanceDrawing.of(Workflows.of(key.flowId()), key.version(), key.step(), key.rerun()));
  }

  private boolean standsStill(InstanceId id) {
    return frozen || PageSample.exists(id.flowId()) || id.flowId() > Workflows.FIRST_SIZED;
  }

  private static InstanceId parse(String text) {
    return InstanceId.parse(text)
        .orElseThrow(() -> new IllegalArgumentException("No instance id: " + text));
  }

  private static LocalDateTime utc(Instant time) {
    return LocalDateTime.ofInstant(time, UTC);
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
