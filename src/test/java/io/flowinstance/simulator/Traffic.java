package io.flowinstance.simulator;

import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/** What the simulator was asked: counted per path and per id, and when. */
public final class Traffic {
  /** Points in time, in the order in which they were added. */
  private static final class Times {
    private long[] times = new long[2];
    private int count;

    synchronized void add(long time) {
      if (count == times.length) {
        times = Arrays.copyOf(times, 2 * count);
      }
      times[count++] = time;
    }

    synchronized long[] all() {
      return Arrays.copyOf(times, count);
    }
  }

  private final Map<String, LongAdder> callsByPath = new ConcurrentHashMap<>();
  private final Map<String, Times> callsById = new ConcurrentHashMap<>();
  private final AtomicInteger inFlight = new AtomicInteger();
  private final AtomicInteger maxInFlight = new AtomicInteger();
  private volatile ApiRequest lastCall;
  private long[] times = new long[1024];
  private int count;

  Traffic() {}

  /** Counts a call to the API that has come in. */
  void begin(String pathAndAction, ApiRequest request, Optional<String> id) {
    callsByPath.computeIfAbsent(pathAndAction, key -> new LongAdder()).increment();
    id.ifPresent(i -> callsById.computeIfAbsent(i, key -> new Times()).add(System.nanoTime()));
    maxInFlight.accumulateAndGet(inFlight.incrementAndGet(), Math::max);
    lastCall = request;
    long now = System.currentTimeMillis();
    synchronized (this) {
      if (count == times.length) {
        times = Arrays.copyOf(times, 2 * count);
      }
      times[count++] = now;
    }
  }

  /** Counts a call that has its answer. */
  void end() {
    inFlight.decrementAndGet();
  }

  /** Counts a call to the token service. */
  void token(String path) {
    callsByPath.computeIfAbsent(path, key -> new LongAdder()).increment();
  }

  /** Calls by path and action, such as {@code /…/v2.0/flowInstances?action=get}. */
  public Map<String, Long> callsByPath() {
    return sums(callsByPath);
  }

  /** Calls by the id they asked for. */
  public Map<String, Long> callsById() {
    Map<String, Long> calls = new TreeMap<>();
    callsById.forEach((id, times) -> calls.put(id, (long) times.all().length));
    return calls;
  }

  /** How often this id was asked for. */
  public long callsOf(String id) {
    return callTimesOf(id).length;
  }

  /** When this id was asked for, by {@link System#nanoTime()}, about in order. */
  public long[] callTimesOf(String id) {
    Times times = callsById.get(id);
    return times == null ? new long[0] : times.all();
  }

  /** How many ids were asked for, at least once. */
  public int distinctIds() {
    return callsById.size();
  }

  /** Calls to the token service, token/get and token/refresh. */
  public long tokenCalls() {
    return callsByPath.entrySet().stream()
        .filter(calls -> calls.getKey().startsWith(EnosSimulator.TOKEN_SERVICE))
        .mapToLong(calls -> calls.getValue().sum())
        .sum();
  }

  /** Calls to the API, the token service not among them. */
  public synchronized int calls() {
    return count;
  }

  public int inFlight() {
    return inFlight.get();
  }

  public int maxInFlight() {
    return maxInFlight.get();
  }

  /** When each call to the API came in, in milliseconds since the epoch, about in order. */
  public synchronized long[] callTimes() {
    return Arrays.copyOf(times, count);
  }

  /** The most calls that came in within any one second. */
  public int maxCallsPerSecond() {
    long[] sorted = callTimes();
    Arrays.sort(sorted);
    int most = 0;
    for (int last = 0, first = 0; last < sorted.length; last++) {
      while (sorted[last] - sorted[first] >= 1000) {
        first++;
      }
      most = Math.max(most, last - first + 1);
    }
    return most;
  }

  /** The call to the API that came in last. */
  public Optional<ApiRequest> lastCall() {
    return Optional.ofNullable(lastCall);
  }

  /** Forgets everything but the calls in flight. */
  public void clear() {
    callsByPath.clear();
    callsById.clear();
    maxInFlight.set(inFlight.get());
    lastCall = null;
    synchronized (this) {
      count = 0;
    }
  }

  private static Map<String, Long> sums(Map<String, LongAdder> adders) {
    Map<String, Long> sums = new TreeMap<>();
    adders.forEach((key, adder) -> sums.put(key, adder.sum()));
    return sums;
  }
}
