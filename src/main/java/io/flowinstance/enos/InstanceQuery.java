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
  private static final int MAX_LENGTH = 256;

  /** Stands for what could not be read, so that it may stand for different ids. */
  private static final char LOST_CHARACTER = '\uFFFD';

  /**
   * What is wrong with an id of an instance, a user or an organization, as the end of a sentence;
   * empty if nothing is.
   */
  public static String fault(String id) {
    int length = id.codePointCount(0, id.length());
    if (length == 0) {
      return "is empty";
    }
    if (length > MAX_LENGTH) {
      return "has %d characters, at most %d are taken".formatted(length, MAX_LENGTH);
    }
    return id.chars().anyMatch(c -> Character.isISOControl(c) || c == LOST_CHARACTER)
        ? "has a control character, or one that was lost"
        : "";
  }

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
