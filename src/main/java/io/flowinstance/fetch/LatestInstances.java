package io.flowinstance.fetch;

import io.flowinstance.enos.InstanceQuery;

/**
 * Of the instances that something happened to, the two last ones: one of them is always another
 * than any that is asked for. Times are those of {@link System#nanoTime()}.
 */
final class LatestInstances {
  private InstanceQuery last;
  private long lastTime;
  private InstanceQuery before;
  private long beforeTime;

  /** It happened to this one, too; not always told in the order of the times. */
  void add(InstanceQuery query, long time) {
    if (last == null) {
      last = query;
      lastTime = time;
    } else if (query.equals(last)) {
      lastTime = time - lastTime > 0 ? time : lastTime;
    } else if (time - lastTime > 0) {
      before = last;
      beforeTime = lastTime;
      last = query;
      lastTime = time;
    } else if (before == null || time - beforeTime > 0) {
      before = query;
      beforeTime = time;
    }
  }

  /** Whether it happened to another instance after this time. */
  boolean anotherSince(InstanceQuery query, long time) {
    return last != null && !last.equals(query) && lastTime - time > 0
        || before != null && !before.equals(query) && beforeTime - time > 0;
  }

  /** The one that it happened to last, or null. */
  InstanceQuery last() {
    return last;
  }
}
