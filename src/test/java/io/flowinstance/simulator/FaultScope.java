package io.flowinstance.simulator;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * Which calls a fault befalls. Start from {@link #all} or {@link #ids} and narrow it.
 *
 * @param endpoints the calls that it befalls
 * @param ids the instances whose calls it befalls; empty: all calls, with or without an id
 * @param times how many calls it befalls before it is over
 */
public record FaultScope(Set<Endpoint> endpoints, Set<String> ids, int times) {
  /** What can be called. */
  public enum Endpoint {
    /** A flow instance by its id. */
    GET,
    /** Flow instances by criteria. */
    SEARCH,
    /** The API's clock and time zone. */
    TIME,
    /** The token service. */
    TOKEN
  }

  private static final Set<Endpoint> API =
      Set.copyOf(EnumSet.of(Endpoint.GET, Endpoint.SEARCH, Endpoint.TIME));

  public FaultScope {
    endpoints = Set.copyOf(endpoints);
    ids = Set.copyOf(ids);
  }

  /** Every call of the API, until the fault is cleared; the token service stays well. */
  public static FaultScope all() {
    return new FaultScope(API, Set.of(), Integer.MAX_VALUE);
  }

  /** Every get of these instances, until the fault is cleared. */
  public static FaultScope ids(String... ids) {
    return new FaultScope(EnumSet.of(Endpoint.GET), Set.copyOf(List.of(ids)), Integer.MAX_VALUE);
  }

  /** The next calls of the API. */
  public static FaultScope next(int times) {
    return all().times(times);
  }

  /** The same, over after so many calls. */
  public FaultScope times(int times) {
    return new FaultScope(endpoints, ids, times);
  }

  /** The same, on these endpoints. */
  public FaultScope on(Endpoint... endpoints) {
    return new FaultScope(Set.of(endpoints), ids, times);
  }

  boolean covers(Endpoint endpoint, String id) {
    return endpoints.contains(endpoint) && (ids.isEmpty() || ids.contains(id));
  }
}
