package io.flowinstance.enos;

import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Which instance is asked for, and on whose behalf.
 *
 * @param instanceId opaque text
 * @param userId the EnOS user
 * @param orgId the user's organization
 */
public record InstanceQuery(String instanceId, String userId, String orgId) {
  /** On whose behalf it is read. */
  public Identity identity() {
    return new Identity(userId, orgId);
  }

  /** The parameters of the call, decoded, in ASCII order of their names as the signature needs. */
  public SortedMap<String, String> parameters() {
    return new TreeMap<>(
        Map.of("action", "get", "flowInstId", instanceId, "userId", userId, "orgId", orgId));
  }

  /** A query string: every value percent-encoded, so that none can add a parameter. */
  public static String queryString(SortedMap<String, String> parameters) {
    return parameters.entrySet().stream()
        .map(p -> p.getKey() + "=" + PercentEncoding.encode(p.getValue()))
        .collect(Collectors.joining("&"));
  }
}
