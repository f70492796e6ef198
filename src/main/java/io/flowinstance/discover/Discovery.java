package io.flowinstance.discover;

import io.flowinstance.enos.Identity;
import io.flowinstance.enos.InstanceSearch;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * What each round searches for, and which of the ids that it finds are new. A round searches twice:
 * for instances triggered since the watermark, and for running ones, most of which were triggered
 * earlier: re-runs, and runs of the past.
 */
public final class Discovery {
  /** Longest span of a round, so that one failure does not cost a search over weeks. */
  static final Duration LONGEST_STEP = Duration.ofDays(1);

  private static final List<InstanceSearch.Status> RUNNING =
      List.of(InstanceSearch.Status.RUNNING, InstanceSearch.Status.RERUN);

  private final Options options;
  private Watermark published = Watermark.NONE;
  private Set<String> triggeredBefore = Set.of();
  private Set<String> runningBefore = Set.of();

  /**
   * What is searched.
   *
   * @param types one search each
   * @param owners one search each; an empty text stands for all owners
   * @param from the first trigger time if there is no watermark
   * @param margin how far before the watermark instances are still looked for
   * @param horizon how long ago a running instance may have been triggered
   */
  public record Options(
      Identity identity,
      Collection<InstanceSearch.Type> types,
      Collection<String> owners,
      Instant from,
      Duration margin,
      Duration horizon) {}

  /** Finds the instances of a search. */
  public interface Search {
    InstanceSearch.Found find(InstanceSearch search) throws InterruptedException;
  }

  public Discovery(Options options) {
    this.options = options;
  }

  /** What a round found. */
  public final class Round {
    private final Watermark before;
    private final Set<String> triggered = new LinkedHashSet<>();
    private final Set<String> running = new LinkedHashSet<>();
    private final Set<String> ids = new LinkedHashSet<>();
    private Instant watermark;
    private Watermark after;
    private boolean complete;
    private boolean behind;

    private Round(Watermark before) {
      this.before = before;
    }

    /** The watermark that it began with. */
    public Watermark before() {
      return before;
    }

    /** How many ids its two searches found; an id that both found counts twice. */
    public int found() {
      return triggered.size() + running.size();
    }

    /** The ids to publish. */
    public Collection<String> ids() {
      return ids;
    }

    /** The watermark to publish with them. */
    public Instant watermark() {
      return watermark;
    }

    /** Whether the pages contained as many instances as the API counted. */
    public boolean isComplete() {
      return complete;
    }

    /** Whether it ended before the present, because it was a day long. */
    public boolean isBehind() {
      return behind;
    }

    /** The watermark that it was published with, or null. */
    public Watermark after() {
      return after;
    }

    /** To be called once it is published: the next round knows what this one found. */
    public void published(Watermark now) {
      after = now;
      published = now;
      triggeredBefore = triggered;
      runningBefore = running;
    }
  }

  /**
   * Searches once. If another process has searched since the last round of this one, every id that
   * is found counts as new.
   */
  public Round round(Watermark before, Instant now, Search search) throws InterruptedException {
    if (!before.equals(published)) {
      triggeredBefore = Set.of();
      runningBefore = Set.of();
    }
    Round round = new Round(before);
    Instant end = now.truncatedTo(ChronoUnit.MILLIS);
    Instant from = from(before, end);
    Instant to = earlier(end, from.plus(LONGEST_STEP));
    round.complete = find(search, from.minus(options.margin()), to, List.of(), round.triggered);
    // Its pages move with every change of a status, so it may be incomplete. Each round repeats it.
    find(search, end.minus(options.horizon()), end, RUNNING, round.running);
    round.watermark = round.complete ? to : from;
    round.behind = round.complete && to.isBefore(end);
    round.ids.addAll(round.triggered);
    round.ids.removeAll(triggeredBefore);
    round.running.stream().filter(id -> !runningBefore.contains(id)).forEach(round.ids::add);
    return round;
  }

  private Instant from(Watermark before, Instant now) {
    return earlier(before.time() == null ? options.from() : before.time(), now);
  }

  private static Instant earlier(Instant one, Instant other) {
    return one.isBefore(other) ? one : other;
  }

  /** Whether the pages contained as many instances as the API counted. */
  private boolean find(
      Search search,
      Instant from,
      Instant to,
      List<InstanceSearch.Status> statuses,
      Set<String> ids)
      throws InterruptedException {
    boolean complete = true;
    for (InstanceSearch.Type type : options.types()) {
      for (String owner : options.owners()) {
        InstanceSearch.Found found =
            search.find(new InstanceSearch(options.identity(), type, owner, from, to, statuses));
        ids.addAll(found.ids());
        complete &= found.isComplete();
      }
    }
    return complete;
  }
}
