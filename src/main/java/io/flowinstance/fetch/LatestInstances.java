package io.flowinstance.fetch;

import io.flowinstance.enos.InstanceQuery;

/**
 * When something happened last, and when it happened last to another instance than that. Times are
 * those of {@link System#nanoTime()}.
 */
final class LatestInstances {
  /** So long before the first time that no other comes earlier. */
  private static final long NEVER = Long.MAX_VALUE / 2;

  private InstanceQuery last;
  private long time;
  private long timeOfOthers;

  /** Notes that it happened to this instance. The times need not come in order. */
  void add(InstanceQuery query, long at) {
    if (last == null) {
      last = query;
      time = at;
      timeOfOthers = at - NEVER;
    } else if (query.equals(last)) {
      time = Math.max(time - at, 0) + at;
    } else if (at - time > 0) {
      timeOfOthers = time;
      last = query;
      time = at;
    } else {
      timeOfOthers = Math.max(timeOfOthers - at, 0) + at;
    }
  }

  /** Whether it happened to another instance after this time. */
  boolean anotherSince(InstanceQuery query, long since) {
    return last != null && latestOther(query) - since > 0;
  }

  /** When it happened last to another instance, if it ever did. */
  long latestOther(InstanceQuery query) {
    return query.equals(last) ? timeOfOthers : time;
  }
}
