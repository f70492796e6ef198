package io.flowinstance.discover;

import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.FailureKind;
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

  /**
   * What a round found.
   *
   * @param before the watermark that it began with
   * @param ids the ids to publish: what its two searches found, without what is known
   * @param watermark to publish with them
   * @param isComplete whether the pages of what was triggered contained as many instances as the
   *     API counted, and none was left out
   * @param isBehind whether it ended before the present, because it was a day long
   * @param fault why something was left out, in a sentence; empty when nothing was
   */
  public record Round(
      Watermark before,
      Set<String> triggered,
      Set<String> running,
      Set<String> ids,
      Instant watermark,
      boolean isComplete,
      boolean isBehind,
      String fault) {
    /** How many ids its two searches found; an id that both found counts twice. */
    public int found() {
      return triggered.size() + running.size();
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
    Instant end = now.truncatedTo(ChronoUnit.MILLIS);
    Instant from = earlier(from(before), end);
    Instant to = earlier(end, from.plus(LONGEST_STEP));
    Findings triggered = new Findings();
    find(search, from.minus(options.margin()), to, List.of(), triggered);
    boolean complete = triggered.complete;
    if (!complete && to.isBefore(end)) {
      // As long as that day cannot be left behind, new instances are found all the same.
      find(search, later(to, end.minus(LONGEST_STEP)), end, List.of(), triggered);
    }
    // Its pages move with every change of a status, so it may be incomplete. Each round repeats it.
    Findings running = new Findings();
    find(search, end.minus(options.horizon()), end, RUNNING, running);
    throwIfNothingElse(triggered, running);
    Set<String> ids = new LinkedHashSet<>(triggered.ids);
    ids.removeAll(triggeredBefore);
    running.ids.stream().filter(id -> !runningBefore.contains(id)).forEach(ids::add);
    return new Round(
        before,
        triggered.ids,
        running.ids,
        ids,
        complete ? to : from,
        complete,
        complete && to.isBefore(end),
        triggered.fault.isEmpty() ? running.fault : triggered.fault);
  }

  private static void throwIfNothingElse(Findings one, Findings other) {
    ApiFailure failure = one.failure == null ? other.failure : one.failure;
    if (failure != null && one.ids.isEmpty() && other.ids.isEmpty()) {
      throw failure;
    }
  }

  /** The watermark, or else the time of the settings; it may be yet to come. */
  public Instant from(Watermark watermark) {
    return watermark.time() == null ? options.from() : watermark.time();
  }

  /**
   * Whether that is yet to come by more than the margin. Then a clock was wrong, and what was
   * triggered meanwhile may have been missed.
   */
  public boolean isAhead(Watermark watermark, Instant now) {
    return from(watermark).isAfter(now.plus(options.margin()));
  }

  /** To be called once a round is published: the next one knows what it found. */
  public void published(Round round, Watermark now) {
    published = now;
    triggeredBefore = round.triggered();
    runningBefore = round.running();
  }

  private static Instant earlier(Instant one, Instant other) {
    return one.isBefore(other) ? one : other;
  }

  private static Instant later(Instant one, Instant other) {
    return one.isAfter(other) ? one : other;
  }

  /** What several searches found together. */
  private static final class Findings {
    private final Set<String> ids = new LinkedHashSet<>();

    /** Whether the pages contained as many instances as the API counted, and none was left out. */
    private boolean complete = true;

    /** Why something was left out, or empty. */
    private String fault = "";

    private ApiFailure failure;

    void add(InstanceSearch.Found found) {
      ids.addAll(found.ids());
      complete &= found.isComplete();
      fault = found.fault().isEmpty() ? fault : found.fault();
    }

    void add(ApiFailure unreadable) {
      complete = false;
      fault = unreadable.getMessage();
      failure = unreadable;
    }
  }

  /** What one type of one owner has that cannot be read keeps no other from being found. */
  private void find(
      Search search,
      Instant from,
      Instant to,
      List<InstanceSearch.Status> statuses,
      Findings findings)
      throws InterruptedException {
    for (InstanceSearch.Type type : options.types()) {
      for (String owner : options.owners()) {
        try {
          findings.add(
              search.find(new InstanceSearch(options.identity(), type, owner, from, to, statuses)));
        } catch (ApiFailure e) {
          if (e.kind() != FailureKind.UNREADABLE) {
            throw e;
          }
          findings.add(e);
        }
      }
    }
  }
}
