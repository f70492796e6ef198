package io.flowinstance.watch;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.event.TransitionEvent;
import io.flowinstance.json.Json;
import io.flowinstance.json.MalformedJsonException;
import io.flowinstance.metrics.WatchMetrics;
import io.flowinstance.outcome.CloudEvents;
import java.io.UncheckedIOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.TreeSet;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One partition of the change feed. */
final class WatchedPartition implements Processor<byte[], byte[], byte[], byte[]> {
  /** The store of what is remembered, by instanceId. */
  static final String INSTANCES = "instances";

  /** The store of the time of the first start, which is what {@code watch.from=now} means. */
  static final String FROM = "from";

  static final String TRANSITIONS = "transitions";
  static final String IDS = "ids";

  private static final Logger LOG = LoggerFactory.getLogger(WatchedPartition.class);
  private static final Duration TICK = Duration.ofMillis(100);
  private static final Duration COUNT = Duration.ofSeconds(1);

  /** For so long after the start, and after an older observation, nothing is asked for. */
  private static final long CATCH_UP_MS = 2_000;

  /**
   * An observation from later than this is taken for one of now: a clock is wrong. Brokers of Kafka
   * 4 refuse records from more than an hour ahead (KIP-1030).
   */
  private static final long MAX_SKEW_MS = 60_000;

  /** One skipped record of this time is in the log; all are counted. */
  private static final long WARN_PAUSE_MS = 60_000;

  /** Most instances that one tick looks at. Each takes some microseconds. */
  private static final int MAX_PER_TICK = 1_000;

  /** Most bytes of an instance: by default a broker takes no record of more than 1 MiB. */
  private static final int MAX_BYTES = 900_000;

  private final WatchSettings settings;
  private final PendingIds pending;
  private final WatchMetrics metrics;
  private final Clock clock;
  private final List<Header> typeHeaders;
  private final double idsPerSecond;

  // What is due is found here, because the in-memory store copies all its keys for each range.
  private final TreeSet<Due> asking = new TreeSet<>(Due.ORDER);
  private final TreeSet<Due> resting = new TreeSet<>(Due.ORDER);

  private ProcessorContext<byte[], byte[]> context;
  private KeyValueStore<String, byte[]> instances;
  private Schedule schedule;
  private long startedAt;
  private long asksFrom;
  private long lastTick;
  private double mayAsk;
  private final Pace ofUnreadable = new Pace();
  private final Pace ofNotWatched = new Pace();
  private final Pace ofGivenUp = new Pace();

  /** Lets one warning of a sort through per minute. */
  private static final class Pace {
    private long from;

    boolean allows(long now) {
      boolean isTime = now >= from;
      from = isTime ? now + WARN_PAUSE_MS : from;
      return isTime;
    }
  }

  /**
   * @param wasPending whether the id was pending when it was last due
   */
  private record Due(long at, String instanceId, boolean wasPending) {
    static final Comparator<Due> ORDER =
        Comparator.comparingLong(Due::at).thenComparing(Due::instanceId);
  }

  /** The value of an id record. */
  private record IdMessage(String flowInstId, String userId, String orgId) {}

  WatchedPartition(WatchSettings settings, PendingIds pending, WatchMetrics metrics, Clock clock) {
    this.settings = settings;
    this.pending = pending;
    this.metrics = metrics;
    this.clock = clock;
    typeHeaders = CloudEvents.ofType(TransitionEvent.TYPE, settings.schemaBaseUri());
    idsPerSecond = (double) settings.maxIdsPerSecond() / settings.partitions();
  }

  @Override
  public void init(ProcessorContext<byte[], byte[]> context) {
    this.context = context;
    instances = context.getStateStore(INSTANCES);
    startedAt = clock.millis();
    asksFrom = startedAt + CATCH_UP_MS;
    lastTick = startedAt;
    schedule = new Schedule(settings, from());
    // Kafka Streams begins a task anew with the same processor.
    asking.clear();
    resting.clear();
    try (KeyValueIterator<String, byte[]> all = instances.all()) {
      while (all.hasNext()) {
        KeyValue<String, byte[]> each = all.next();
        expect(each.key, decode(each.value));
      }
    }
    count(startedAt);
    context.schedule(TICK, PunctuationType.WALL_CLOCK_TIME, this::tick);
    context.schedule(COUNT, PunctuationType.WALL_CLOCK_TIME, ignored -> count(clock.millis()));
  }

  private long from() {
    KeyValueStore<String, Long> store = context.getStateStore(FROM);
    // Whatever the setting is: it may become "now", which means the first start.
    store.putIfAbsent(FROM, startedAt);
    return switch (settings.from()) {
      case "earliest" -> Long.MIN_VALUE;
      case "now" -> store.get(FROM);
      default -> Instant.parse(settings.from()).toEpochMilli();
    };
  }

  @Override
  public void process(Record<byte[], byte[]> message) {
    try {
      observe(ObservedInstance.read(message.value()));
    } catch (MalformedJsonException e) {
      metrics.unreadable();
      warn(e.getMessage());
    }
  }

  private void warn(String why) {
    if (!ofUnreadable.allows(clock.millis())) {
      return;
    }
    RecordMetadata place = context.recordMetadata().orElseThrow();
    LOG.warn(
        "Skipped {}-{}-{}, which is not a message of an instance: {}. Others that are skipped in"
            + " the next minute are only counted.",
        place.topic(),
        place.partition(),
        place.offset(),
        why);
  }

  private void observe(ObservedInstance observed) {
    long now = clock.millis();
    long at = observed.at() > now + MAX_SKEW_MS ? now : observed.at();
    if (at < startedAt) {
      asksFrom = now + CATCH_UP_MS;
    }
    String id = observed.instanceId();
    WatchedInstance before = get(id);
    if (before != null && at < before.seenAt()) {
      metrics.dropped();
      return;
    }
    Change change = new Change(before, observed, at, schedule.isHistory(at));
    publish(change.transitions(), observed, at);
    if (before != null) {
      index(id, before).remove(due(id, before));
    }
    WatchedInstance after = change.after();
    byte[] stored = Json.write(after);
    // Of what is no history, a later observation may still be on its way.
    boolean isForgotten = schedule.isHistory(at) && schedule.due(id, after) <= now;
    boolean isWatched =
        !isForgotten && stored.length <= MAX_BYTES && (before != null || makeRoom());
    if (isWatched) {
      instances.put(id, stored);
      expect(id, after);
    } else if (before != null) {
      instances.delete(id);
    }
    if (!isWatched && !isForgotten) {
      metrics.notWatched();
      if (ofNotWatched.allows(now)) {
        LOG.warn(
            "{} is published and not watched: {}. Others of the next minute are only counted.",
            id,
            stored.length > MAX_BYTES ? "it has too many tasks" : "there is no room");
      }
    }
  }

  /** Whether there is room for another instance, if necessary in place of one that rests. */
  private boolean makeRoom() {
    if (instances.approximateNumEntries() < settings.maxInstances()) {
      return true;
    }
    Due oldest = resting.pollFirst();
    if (oldest != null) {
      instances.delete(oldest.instanceId());
    }
    return oldest != null;
  }

  private void publish(List<TransitionEvent> transitions, ObservedInstance observed, long at) {
    if (transitions.isEmpty()) {
      return;
    }
    byte[] key = observed.instanceId().getBytes(UTF_8);
    List<Header> shared =
        CloudEvents.ofObservation(
            settings.eventSource(), observed.enrichment().orgId(), Instant.ofEpochMilli(at));
    shared.addAll(typeHeaders);
    // Kafka takes no negative time.
    long time = Math.max(0, at);
    for (int n = 0; n < transitions.size(); n++) {
      TransitionEvent transition = transitions.get(n);
      String id = observed.enrichment().observationId() + "/transition/" + n;
      context.forward(
          new Record<>(key, transition.toJson(), time, CloudEvents.headers(shared, id, key)),
          TRANSITIONS);
      metrics.transition(transition.kind().name(), transition.state());
    }
  }

  private void tick(long ignored) {
    long now = clock.millis();
    // The partition's share of the cap. A second's share can be saved up, but at least one id.
    mayAsk += idsPerSecond * Math.max(0, now - lastTick) / 1e3;
    mayAsk = Math.min(mayAsk, Math.max(1, idsPerSecond));
    lastTick = now;
    if (now >= asksFrom) {
      forgetDue(now);
      for (int n = 0; n < MAX_PER_TICK && mayAsk >= 1 && isDue(asking, now); n++) {
        ask(asking.pollFirst(), now);
      }
    }
  }

  /**
   * Forgets what has rested for long enough, but for those that an id of the feed may still bring.
   */
  private void forgetDue(long now) {
    Iterator<Due> rested = resting.iterator();
    for (int n = 0; n < MAX_PER_TICK && rested.hasNext(); n++) {
      Due due = rested.next();
      if (due.at() > now) {
        return;
      }
      String id = due.instanceId();
      WatchedInstance instance = get(id);
      if (instance.sent() == 0 || !isPending(id, instance)) {
        rested.remove();
        instances.delete(id);
      }
    }
  }

  private boolean isPending(String id, WatchedInstance instance) {
    return pending.isPending(id, Instant.ofEpochMilli(instance.sentAt()));
  }

  private static boolean isDue(TreeSet<Due> index, long now) {
    return !index.isEmpty() && index.first().at() <= now;
  }

  private void ask(Due due, long now) {
    String id = due.instanceId();
    WatchedInstance instance = get(id);
    if (instance == null || schedule.rests(id, instance) || schedule.due(id, instance) > now) {
      // It was observed while its id was pending, and is due at another time.
      return;
    }
    if (instance.sent() > 0) {
      boolean isPending = isPending(id, instance);
      if (isPending || due.wasPending()) {
        asking.add(new Due(now + schedule.pause(instance.sent()), id, isPending));
        return;
      }
      if (schedule.isGivenUp(instance.sent())) {
        instances.delete(id);
        metrics.givenUp();
        if (ofGivenUp.allows(now)) {
          LOG.warn(
              "{} is given up, because its ids bring nothing: a dead letter says why. Others of the"
                  + " next minute are only counted.",
              id);
        }
        return;
      }
    }
    mayAsk--;
    context.forward(
        new Record<>(id.getBytes(UTF_8), Json.write(idMessage(id, instance)), now), IDS);
    metrics.sent();
    WatchedInstance sent = instance.withSent(now);
    instances.put(id, Json.write(sent));
    expect(id, sent);
  }

  /**
   * Asks on behalf of whom the instance was observed last. If that brings nothing, every other id
   * names nobody: the pipeline's own user may be another one by now.
   */
  private static IdMessage idMessage(String id, WatchedInstance instance) {
    int sent = instance.sent();
    return sent > 0 && sent % 2 == 0
        ? new IdMessage(id, null, null)
        : new IdMessage(id, instance.userId(), instance.orgId());
  }

  private void expect(String id, WatchedInstance instance) {
    index(id, instance).add(due(id, instance));
  }

  private TreeSet<Due> index(String id, WatchedInstance instance) {
    return schedule.rests(id, instance) ? resting : asking;
  }

  private Due due(String id, WatchedInstance instance) {
    return new Due(schedule.due(id, instance), id, false);
  }

  private WatchedInstance get(String id) {
    byte[] stored = instances.get(id);
    return stored == null ? null : decode(stored);
  }

  private static WatchedInstance decode(byte[] stored) {
    try {
      return Json.read(stored, WatchedInstance.class);
    } catch (MalformedJsonException e) {
      throw new UncheckedIOException("The store holds what this version cannot read", e);
    }
  }

  private void count(long now) {
    metrics.partition(
        context.taskId().partition(),
        instances.approximateNumEntries(),
        resting.size(),
        asking.headSet(new Due(now + 1, "", false)).size());
  }

  @Override
  public void close() {
    metrics.closed(context.taskId().partition());
  }
}
