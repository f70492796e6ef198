package io.flowinstance.fetch;

import io.flowinstance.enos.AccessTokens;
import io.flowinstance.enos.Answer;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.enos.Redaction;
import java.time.Instant;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What the API is asked for, and what it answered last. Used by one thread at a time; times are
 * those of {@link System#nanoTime()}.
 */
public final class FetchState {
  private final InstanceQuery query;
  private final SortedMap<String, String> parameters;
  private final String body;
  private int attempts;
  private long began;
  private Instant askedAt;
  private Instant fetchedAt;
  private AccessTokens.Token token;
  private Redaction redaction = Redaction.NONE;
  private Answer answer;

  /** The fetch of an instance. */
  public FetchState(InstanceQuery query) {
    this.query = query;
    parameters = null;
    body = null;
  }

  /** The fetch of anything else, by a POST if there is a body. */
  FetchState(SortedMap<String, String> parameters, String body) {
    query = null;
    this.parameters = parameters;
    this.body = body;
  }

  /** The fetch of the API's time, for which no user is needed. */
  public static FetchState clock() {
    return new FetchState(new TreeMap<>(Map.of("action", "getCurrentTime")), null);
  }

  /** What is asked for; null when it is not an instance. */
  public InstanceQuery query() {
    return query;
  }

  SortedMap<String, String> parameters() {
    return query == null ? parameters : query.parameters();
  }

  /** The body of the request, JSON, or null. */
  String body() {
    return body;
  }

  /** Calls made so far. */
  public int attempts() {
    return attempts;
  }

  /** The last answer, or null. */
  public Answer answer() {
    return answer;
  }

  /** When the last answered call began. */
  public Instant askedAt() {
    return askedAt;
  }

  /** When the last byte of the last answer came. */
  public Instant fetchedAt() {
    return fetchedAt;
  }

  /** A call is made now, signed with this token or none; its answer must not quote the secrets. */
  void begin(AccessTokens.Token usedToken, Redaction secrets, long now) {
    attempts++;
    redaction = secrets;
    began = now;
    token = usedToken;
    answer = null;
  }

  /**
   * The last byte of the answer came.
   *
   * @param at when that was: a clock that is set meanwhile does not make it earlier than the call
   */
  void received(Instant at, long now) {
    fetchedAt = at;
    askedAt = at.minusNanos(now - began);
  }

  void answered(Answer byTheApi) {
    answer = byTheApi;
  }

  /**
   * Nobody quotes the answer any more. Its body would take as much heap as the messages that are
   * made of it, until they are committed.
   */
  public void forgetBody() {
    answer = answer == null ? null : answer.withoutBody();
  }

  AccessTokens.Token token() {
    return token;
  }

  Redaction redaction() {
    return redaction;
  }

  /** When the last call began. */
  long began() {
    return began;
  }
}
