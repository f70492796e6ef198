package io.flowinstance.simulator;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Which calls a fault befalls. Start from {@link #all} or {@link #ids} and narrow it.
 *
 * @param endpoints the calls that it befalls
 * @param ids the instances whose calls it befalls; empty: all calls, with or without an id
 * @param condition what else must hold of a call; true for all of them unless set
 * @param times how many calls it befalls before it is over
 */
public record FaultScope(
    Set<Endpoint> endpoints, Set<String> ids, Predicate<ApiRequest> condition, int times) {
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
    return new FaultScope(API, Set.of(), call -> true, Integer.MAX_VALUE);
  }

  /** Every get of these instances, until the fault is cleared. */
  public static FaultScope ids(String... ids) {
    return new FaultScope(
        EnumSet.of(Endpoint.GET), Set.copyOf(List.of(ids)), call -> true, Integer.MAX_VALUE);
  }

  /** Every call, those of the token service too, until the fault is cleared. */
  public static FaultScope wholeGateway() {
    return all().on(Endpoint.values());
  }

  /** The next calls of the API. */
  public static FaultScope next(int times) {
    return all().times(times);
  }

  /** The same, over after so many calls. */
  public FaultScope times(int times) {
    return new FaultScope(endpoints, ids, condition, times);
  }

  /** The same, on these endpoints. */
  public FaultScope on(Endpoint... endpoints) {
    return new FaultScope(Set.of(endpoints), ids, condition, times);
  }

  /** The same, for calls of which this holds too. */
  public FaultScope where(Predicate<ApiRequest> condition) {
    return new FaultScope(endpoints, ids, this.condition.and(condition), times);
  }

  boolean covers(Endpoint endpoint, ApiRequest call) {
    return endpoints.contains(endpoint)
        && (ids.isEmpty() || call.parameter("flowInstId").filter(ids::contains).isPresent())
        && condition.test(call);
  }
}
