package io.flowinstance.fetch;

import io.flowinstance.enos.AccessTokens;
import io.flowinstance.enos.Answer;
import io.flowinstance.enos.ApiFailure;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.enos.Redaction;
import java.time.Duration;
import java.time.Instant;

/**
 * The fetch of one instance while it goes on. Used by one thread at a time; times are those of
 * {@link System#nanoTime()}.
 */
public final class FetchState {
  private final InstanceQuery query;
  private int attempts;
  private long began;
  private long ended;
  private Instant askedAt;
  private Instant fetchedAt;
  private AccessTokens.Token token;
  private Redaction redaction = Redaction.NONE;
  private Answer answer;
  private ApiFailure failure;
  private boolean tokenRenewed;
  private Duration used = Duration.ZERO;
  private int failures;
  private int failuresBetweenServed;
  private boolean othersServedBefore;
  private int outage;

  /** A fetch that has not called yet. */
  public FetchState(InstanceQuery query) {
    this.query = query;
  }

  /** What is asked for. */
  public InstanceQuery query() {
    return query;
  }

  /** Calls made for the instance. */
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

  /**
   * The last byte of the answer came.
   *
   * @param at when that was: a clock that is set meanwhile does not make it earlier than the call
   */
  void received(Instant at, long now) {
    fetchedAt = at;
    askedAt = at.minusNanos(now - began);
  }

  /** A call is made now. */
  void begin(AccessTokens.Token usedToken, Redaction secretsOfTheCall, long now) {
    attempts++;
    redaction = secretsOfTheCall;
    began = now;
    token = usedToken;
    answer = null;
    failure = null;
  }

  AccessTokens.Token token() {
    return token;
  }

  /** What the answer to the last call must not be quoted with. */
  Redaction redaction() {
    return redaction;
  }

  void answered(Answer byTheApi) {
    answer = byTheApi;
  }

  /** When the last call began. */
  long began() {
    return began;
  }

  /** When the last call ended. */
  long ended() {
    return ended;
  }

  /** The last call has ended, well or not. */
  void end(long now) {
    ended = now;
    used = used.plusNanos(now - began);
  }

  /** The retry budget that is used up: the time of its calls, and of the waits between them. */
  Duration used() {
    return used;
  }

  void waits(Duration delay) {
    used = used.plus(delay);
  }

  /** The failure of the last call, or null. */
  ApiFailure failure() {
    return failure;
  }

  /**
   * The last call failed.
   *
   * @param outages how many outages there have been: a failure before one says nothing after it
   */
  void fail(ApiFailure by, int outages) {
    failure = by;
    failures = failures(outages) + 1;
    if (failuresBetweenServed == 0 || othersServedBefore) {
      failuresBetweenServed++;
    }
  }

  /** The token service gave no token: no call was made. */
  void failWithoutCall(ApiFailure by, long now) {
    failure = by;
    began = now;
    ended = now;
  }

  /** No call is made for now: what is served from this time on counts. */
  void skipCall(long now) {
    ended = now;
  }

  /** Failures so far say nothing against this instance. */
  void forgetFailures() {
    failures = 0;
    failuresBetweenServed = 0;
    tokenRenewed = false;
  }

  /**
   * Failed calls since the last outage.
   *
   * @param outages how many outages there have been
   */
  int failures(int outages) {
    if (outage != outages) {
      forgetFailures();
      outage = outages;
    }
    return failures;
  }

  /** Failed calls between each two of which another instance was served. */
  int failuresBetweenServed() {
    return failuresBetweenServed;
  }

  /** Keeps whether another instance was served between the last failure and the next call. */
  void othersServedBefore(boolean served) {
    othersServedBefore = served;
  }

  /** Whether a refused token may be answered with a new one: once until the next outage. */
  boolean renewToken() {
    boolean first = !tokenRenewed;
    tokenRenewed = true;
    return first;
  }
}
