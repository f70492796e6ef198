package io.flowinstance.enos;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Which instances are looked for: <em>List Flow Instances</em>.
 *
 * @param identity on whose behalf
 * @param type how they were scheduled; the API wants exactly one
 * @param owner whose instances; empty for anybody's
 * @param from the first trigger time, to the millisecond
 * @param to the end of the range, exclusive
 * @param statuses any of these; empty for all
 */
public record InstanceSearch(
    Identity identity,
    Type type,
    String owner,
    Instant from,
    Instant to,
    Collection<Status> statuses) {
  private static final int PAGE_SIZE = 100;

  /** How an instance came to run; the ordinal is the API's number. */
  public enum Type {
    MANUAL,
    PERIODIC,
    TEMPORARY
  }

  /** The status of an instance, in the order of the API's numbers, which begin at -1. */
  public enum Status {
    FAIL,
    INIT,
    SUCCESS,
    RUNNING,
    SUSPEND,
    INTERNAL_ERROR,
    WAIT,
    READY,
    TIMEOUT,
    CANCEL,
    RERUN,
    SKIP
  }

  /**
   * What a search found.
   *
   * @param ids the instances, in the order of the API
   * @param count the most that the API counted on a page; 0 when it never did
   * @param fault why an instance was left out, in a sentence; empty when none was
   */
  public record Found(Set<String> ids, long count, String fault) {
    /** Whether its pages contained as many as the API counted, and none was left out. */
    public boolean isComplete() {
      return fault.isEmpty() && ids.size() >= count;
    }
  }

  /** The query parameters of the call, decoded, in ASCII order of their names. */
  public SortedMap<String, String> parameters() {
    return new TreeMap<>(
        Map.of("action", "search", "userId", identity.userId(), "orgId", identity.orgId()));
  }

  /**
   * The body of the call, JSON.
   *
   * @param page by the count of the API's version, which begins at 0 or at 1
   */
  public String body(int page) {
    ObjectNode body = JsonNodeFactory.instance.objectNode();
    body.put("type", type.ordinal())
        .put("owner", owner)
        .put("expression", "")
        .put("fromTriggerTime", from.toEpochMilli())
        .put("toTriggerTime", to.toEpochMilli())
        .put(
            "status",
            statuses.stream()
                .distinct()
                .sorted()
                .map(status -> Integer.toString(status.ordinal() - 1))
                .collect(Collectors.joining(",")));
    body.putObject("pagination").put("pageNo", page).put("pageSize", PAGE_SIZE);
    return body.toString();
  }
}
